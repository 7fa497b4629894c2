import type { DestinationStream, Logger } from 'pino'
import { destination, pino, stdSerializers } from 'pino'
import type { LogLevel } from '../config.ts'
import { redact } from './redact.ts'

export type { Logger } from 'pino'

// The names of levels that readers of these logs know.
const NAMES: Record<string, string> = { warn: 'warning', fatal: 'critical' }

/**
 * The log: one JSON object a line with `level`, `timestamp` (ISO 8601), the fields, and `event`, the text. A part of the program calls
 * itself by `log.child({ logger: 'signet.flows' })`; requests add `request_id`. Secrets are taken out (`redact`). Lines are written at
 * once, so that those before a crash are not lost.
 * @param stream standard error unless a test looks
 */
export function makeLog(
  { level, now }: { level: LogLevel; now: () => Date },
  stream: DestinationStream = destination({ fd: 2, sync: true }),
): Logger {
  return pino(
    {
      level,
      base: null,
      messageKey: 'event',
      errorKey: 'exception',
      timestamp: () => `,"timestamp":"${now().toISOString()}"`,
      formatters: {
        level: (label) => ({ level: NAMES[label] ?? label }),
        bindings: redact,
        log: redact,
      },
      serializers: { exception: describeError, err: describeError, error: describeError },
    },
    stream,
  )
}

/** Type, message, stack and fields of an error, causes included; anything else as it is. */
function describeError(error: unknown): unknown {
  return error instanceof Error ? redact({ ...stdSerializers.errWithCause(error) }) : error
}
