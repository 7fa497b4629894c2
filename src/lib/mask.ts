/** What stands in the place of a secret value. */
export const MASKED = '********************'

// A broad net on purpose: hiding a keyboard layout costs little, showing an API key much.
const SECRET = /api|token|key|secret|pass|signature/i
const HARMLESS = new Set(['passing', 'password_change_date', 'auth_method', 'auth_method_args'])
const MAX_DEPTH = 32

/** Whether the value under a key of this name has to be hidden. */
export const looksSecret = (key: string): boolean => SECRET.test(key) && !HARMLESS.has(key.toLowerCase())

/**
 * A copy of a JSON-like value in which every value whose key looks secret is `********************`, whatever its type.
 * Objects are copied key by key, lists item by item; below 32 levels everything is hidden, which also ends cycles.
 */
export function maskSecrets<T>(value: T): T {
  return mask(value, 0) as T
}

function mask(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Date || ArrayBuffer.isView(value)) return value
  if (depth >= MAX_DEPTH) return MASKED
  if (Array.isArray(value)) return value.map(item => mask(item, depth + 1))
  const entries = Object.entries(value).map(([key, inner]) => [key, looksSecret(key) ? MASKED : mask(inner, depth + 1)])
  return Object.fromEntries(entries)
}
