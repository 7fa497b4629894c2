import { createHmac, timingSafeEqual } from 'node:crypto'
import { fromBase64url, toBase64url } from '../lib/base64url.ts'

/**
 * JSON Web Signatures with HMAC-SHA256 (RFC 7515, RFC 7518 §3.2) for the program's own cookies. A library hands each of them to the thread
 * pool, where it waits behind password hashes; here one takes some microseconds, and it happens at every request.
 */

const HEADER = toBase64url(JSON.stringify({ alg: 'HS256', typ: 'JWT' }))

const mac = (signed: string, key: Uint8Array): Buffer => createHmac('sha256', key).update(signed).digest()

/** The claims as a signed token in compact form. */
export function signHs256(claims: Record<string, unknown>, key: Uint8Array): string {
  const signed = `${HEADER}.${toBase64url(JSON.stringify(claims))}`
  return `${signed}.${toBase64url(mac(signed, key))}`
}

/**
 * The claims of a token that this key signed and whose `exp` and `nbf` (seconds) allow it; undefined for anything else, whatever its shape.
 * No other algorithm is taken, and no critical header.
 */
export function readHs256(token: string, key: Uint8Array, now: Date): Record<string, unknown> | undefined {
  const [header, body, signature, ...rest] = token.split('.')
  if (header === undefined || body === undefined || signature === undefined || rest.length > 0) return undefined
  const given = fromBase64url(signature)
  const made = mac(`${header}.${body}`, key)
  if (given?.length !== made.length || !timingSafeEqual(given, made)) return undefined
  // From here on it is our own word, or that of whoever has the key.
  if (header !== HEADER) {
    const other = jsonObject(header)
    if (other?.['alg'] !== 'HS256' || 'crit' in other) return undefined
  }
  const claims = jsonObject(body)
  if (claims === undefined) return undefined
  const seconds = now.getTime() / 1000
  if (!isTimeOrAbsent(claims['exp']) || !isTimeOrAbsent(claims['nbf'])) return undefined
  if ((claims['exp'] ?? Infinity) <= seconds || (claims['nbf'] ?? -Infinity) > seconds) return undefined
  return claims
}

const isTimeOrAbsent = (value: unknown): value is number | undefined => value === undefined || typeof value === 'number'

const utf8 = new TextDecoder('utf-8', { fatal: true })

function jsonObject(encoded: string): Record<string, unknown> | undefined {
  const bytes = fromBase64url(encoded)
  if (bytes === undefined) return undefined
  try {
    const value: unknown = JSON.parse(utf8.decode(bytes))
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined // not JSON: not ours
  }
}
