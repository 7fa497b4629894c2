import type { DestinationStream, Logger } from 'pino'
import { pino, stdSerializers } from 'pino'
import type { LogLevel } from '../config.ts'
import { gathered } from './gathered.ts'
import { redact, redactAddress, REDACTED } from './redact.ts'

export type { Logger } from 'pino'

// The names of levels that readers of these logs know.
const NAMES: Record<string, string> = { warn: 'warning', fatal: 'critical' }

// Fields of child loggers do not pass the formatter below; these names are hidden there too.
const SECRET_FIELDS = [
  'authorization',
  'cookie',
  'password',
  'token',
  'secret',
  'code',
  'key',
  'client_secret',
  'access_token',
  'refresh_token',
  'id_token',
  'api_key',
]

/**
 * The log: one JSON object a line with `level`, `timestamp` (ISO 8601), the fields, and `event`, the text. A part of the program calls
 * itself by `log.child({ logger: 'signet.flows' })`; requests add `request_id`. Secrets are taken out (`redact`). Lines are written
 * before the turn of the event loop ends and at the program's end, so that those before a crash are not lost.
 * @param stream standard error unless a test looks
 */
export function makeLog({ level, now }: { level: LogLevel; now: () => Date }, stream: DestinationStream = gathered(2)): Logger {
  return pino(
    {
      level,
      base: null,
      messageKey: 'event',
      errorKey: 'exception',
      timestamp: timestamp(now),
      formatters: {
        level: label => ({ level: NAMES[label] ?? label }),
        log: fields => redact('event' in fields ? withoutName(fields) : fields),
      },
      redact: { paths: SECRET_FIELDS, censor: REDACTED },
      serializers: { exception: describeError, err: describeError, error: describeError, req: describeRequest, res: describeResponse },
    },
    stream,
  )
}

/** Fields that hold one by the name of the text: a name that a line has twice is read by each reader in its own way. */
const withoutName = ({ event, ...fields }: Record<string, unknown>): Record<string, unknown> => ({ ...fields, event_field: event })

/** The time as a line begins with it. Whole seconds are written once: many lines fall into each. */
function timestamp(now: () => Date): () => string {
  let second = Number.NaN
  let written = ''
  return () => {
    const ms = now().getTime()
    const begun = Math.floor(ms / 1_000)
    if (begun !== second) {
      second = begun
      written = `,"timestamp":"${new Date(ms).toISOString().slice(0, -4)}`
    }
    return `${written}${String(ms - begun * 1_000).padStart(3, '0')}Z"`
  }
}

/** Type, message, stack and fields of an error, causes included; anything else as it is. */
function describeError(error: unknown): unknown {
  return error instanceof Error ? redact({ ...stdSerializers.errWithCause(error) }) : error
}

type RequestLike = { method?: unknown; url?: unknown }

const describeRequest = ({ method, url }: RequestLike) => ({ method, url: typeof url === 'string' ? redactAddress(url) : undefined })

const describeResponse = ({ statusCode }: { statusCode?: unknown }) => ({ status: statusCode })
