import { pino, type Level, type Logger } from 'pino'
import { redact, redactAddress } from './redact.ts'

const { symbols } = pino

/** What a line says of one answered request. */
export type Access = {
  request_id: string
  method: string
  path: string
  status: number
  /** With one decimal. */
  ms: number
  remote: string
  host: string
  user: string
}

type Inside = Logger & {
  [pino.symbols.chindingsSym]: string
  [pino.symbols.lsCacheSym]: Record<number, string>
  [pino.symbols.messageKeySym]: string
  [pino.symbols.streamSym]: { write: (line: string) => void }
  [pino.symbols.timeSym]: () => string
}

/**
 * Writes such lines: what `log[level](fields, event)` would write, put together in their one order. Each request has a line, and taking eight known fields
 * for unknown ones (any may be a secret, hold an address, or want a serializer) takes seven times as long.
 * @param log of which the level, the stream and what stands on every line are taken
 */
export function accessLines(log: Logger): (level: Level, access: Access, more: Record<string, unknown> | undefined, event: string) => void {
  const inside = log as Inside
  const messageKey = JSON.stringify(inside[symbols.messageKeySym])
  return (level, { request_id, method, path, status, ms, remote, host, user }, more, event) => {
    if (!log.isLevelEnabled(level)) return
    const beginning = inside[symbols.lsCacheSym][log.levels.values[level]!]! + inside[symbols.timeSym]() + inside[symbols.chindingsSym]
    const fields = `,"request_id":${text(request_id)},"method":${text(method)},"path":${text(redactAddress(path))},"status":${status},"ms":${ms},"remote":${text(remote)},"host":${text(host)},"user":${text(user)}`
    const rest = more ? `,${JSON.stringify(redact(more)).slice(1, -1)}` : ''
    inside[symbols.streamSym].write(`${beginning}${fields}${rest},${messageKey}:${text(event)}}\n`)
  }
}

const text = (value: string): string => JSON.stringify(value)
