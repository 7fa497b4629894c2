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
 * Writes such lines: what `log[level](fields, event)` would write, put together in their one order. Each request has a line, and taking known fields
 * for unknown ones (any may be a secret, hold an address, or want a serializer) takes seven times as long.
 * @param log of which the level, the stream and what stands on every line are taken
 * @param names of further fields
 */
export function accessLines(
  log: Logger,
  names: readonly string[] = [],
): (level: Level, access: Access, more: readonly unknown[], event: string) => void {
  const inside = log as Inside
  const messageKey = JSON.stringify(inside[symbols.messageKeySym])
  const further = names.map(name => ({ name, key: JSON.stringify(name), harmless: redact({ [name]: PROBE })[name] === PROBE }))
  return (level, { request_id, method, path, status, ms, remote, host, user }, more, event) => {
    if (!log.isLevelEnabled(level)) return
    let line = inside[symbols.lsCacheSym][log.levels.values[level]!]! + inside[symbols.timeSym]() + inside[symbols.chindingsSym]
    line += `,"request_id":${text(request_id)},"method":${text(method)},"path":${text(redactAddress(path))},"status":${status},"ms":${ms},"remote":${text(remote)},"host":${text(host)},"user":${text(user)}`
    for (const [index, { name, key, harmless }] of further.entries()) {
      const value = more[index]
      line += `,${key}:${JSON.stringify(harmless ? value : redact({ [name]: value })[name])}`
    }
    inside[symbols.streamSym].write(`${line},${messageKey}:${text(event)}}\n`)
  }
}

/** What stays of it under a name tells whether values of that name may hold secrets. */
const PROBE = '/?code=x'

const text = (value: string): string => JSON.stringify(value)
