/** What stands in the place of a secret in the log. */
export const REDACTED = '[redacted]'

const SECRET =
  /authorization|cookie|password|passwd|passphrase|secret|token|api[_-]?key|private[_-]?key|secret[_-]?key|assertion|signature|credential|(?:code|pkce)_?verifier|jwt/i
const SECRET_WHOLE = new Set([
  'code',
  'key',
  'otp',
  'pin',
  'sid',
  'pass',
  'auth',
  'session_key',
  'user_code',
  'device_code',
  'state',
  'nonce',
])
// Named like a secret, but what operators look for.
const HARMLESS = /(?:_type|_count|_pk|_id|_uuid|_identifier|_endpoint|_expires|_expiry|_age|_date|_ms|_seconds|_policy|_stage)$/i
const LOCATION = new Set(['url', 'uri', 'path', 'query', 'location', 'referer', 'next', 'event', 'msg', 'message', 'stack'])
const MAX_DEPTH = 8

const MAX_KNOWN = 2_000
const known = new Map<string, boolean>()

/** Whether the value under this name stays out of the log. Remembered: the same names come with every line. */
function isSecret(name: string): boolean {
  const remembered = known.get(name)
  if (remembered !== undefined) return remembered
  const secret = SECRET_WHOLE.has(name.toLowerCase()) || (SECRET.test(name) && !HARMLESS.test(name))
  if (known.size < MAX_KNOWN && name.length <= 64) known.set(name, secret)
  return secret
}

/** Fields whose objects the log's serializers take apart, together with errors. */
const LEFT_TO_SERIALIZERS = new Set(['req', 'res'])

/**
 * A copy of log fields without secrets: values whose name tells that they are one, and parameters of that kind inside addresses.
 * Errors, and requests and responses under `req` and `res`, pass unchanged; the log's serializers take the harmless parts of them.
 */
export function redact(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return copyFields(fields, 0)
}

function copy(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Error || value instanceof Date || ArrayBuffer.isView(value))
    return value
  if (depth >= MAX_DEPTH) return '[deep]'
  if (Array.isArray(value)) return value.map(item => copy(item, depth + 1))
  return copyFields(value as Record<string, unknown>, depth)
}

function copyFields(fields: Readonly<Record<string, unknown>>, depth: number): Record<string, unknown> {
  const result: Record<string, unknown> = {}
  for (const name of Object.keys(fields)) {
    const value = fields[name]
    if (isSecret(name)) result[name] = value === null || value === undefined ? value : REDACTED
    else if (typeof value === 'string') result[name] = LOCATION.has(name.toLowerCase()) ? redactAddress(value) : value
    else result[name] = depth === 0 && LEFT_TO_SERIALIZERS.has(name) ? value : copy(value, depth + 1)
  }
  return result
}

/**
 * An address or a text with addresses, with the values of secret parameters taken out: `?code=[redacted]&scope=openid`,
 * also where a parameter holds an encoded address of its own; so are keys in the path of recovery links.
 */
export const redactAddress = (text: string): string => (MAY_HOLD_SECRETS.test(text) ? withoutSecrets(text) : text)

const MAY_HOLD_SECRETS = /[?&#;%]|\/use-token\//

const withoutSecrets = (text: string): string =>
  text
    .replace(
      /([?&#;]|%3F|%26)([\w.-]{1,64})(=|%3D)([^\s&#"'<>]*)/gi,
      (whole, before: string, name: string, equals: string, value: string) => {
        if (isSecret(name) || /^(?:itoken|flow_token|id_token_hint|samlresponse|samlrequest|relaystate)$/i.test(name)) {
          // An encoded address ends at its own next parameter.
          const rest = equals === '=' ? '' : (/%26.*$/i.exec(value)?.[0] ?? '')
          return `${before}${name}${equals}${REDACTED}${rest && redactAddress(rest)}`
        }
        return /%3F|%26/i.test(value) ? `${before}${name}${equals}${redactAddress(value)}` : whole
      },
    )
    .replace(/(\/recovery\/use-token\/)[^/?#\s]+/g, `$1${REDACTED}`)
