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

/** Whether the value under this name stays out of the log. */
const isSecret = (name: string) => SECRET_WHOLE.has(name.toLowerCase()) || (SECRET.test(name) && !HARMLESS.test(name))

/** Fields whose objects the log's serializers take apart, together with errors. */
const LEFT_TO_SERIALIZERS = new Set(['req', 'res'])

/**
 * A copy of log fields without secrets: values whose name tells that they are one, and parameters of that kind inside addresses.
 * Errors, and requests and responses under `req` and `res`, pass unchanged; the log's serializers take the harmless parts of them.
 */
export function redact(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const result: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(fields))
    Object.assign(result, LEFT_TO_SERIALIZERS.has(name) ? { [name]: value } : copy({ [name]: value }, 0))
  return result
}

function copy(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Error || value instanceof Date || ArrayBuffer.isView(value))
    return value
  if (depth >= MAX_DEPTH) return '[deep]'
  if (Array.isArray(value)) return value.map(item => copy(item, depth + 1))
  const result: Record<string, unknown> = {}
  for (const [name, inner] of Object.entries(value)) {
    if (isSecret(name)) result[name] = inner === null || inner === undefined ? inner : REDACTED
    else if (typeof inner === 'string') result[name] = LOCATION.has(name.toLowerCase()) ? redactAddress(inner) : inner
    else result[name] = copy(inner, depth + 1)
  }
  return result
}

/**
 * An address or a text with addresses, with the values of secret parameters taken out: `?code=[redacted]&scope=openid`,
 * also where a parameter holds an encoded address of its own; so are keys in the path of recovery links.
 */
export const redactAddress = (text: string): string =>
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
