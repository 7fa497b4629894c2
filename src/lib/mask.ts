import { changed } from './changed.ts'

/** What stands in the place of a secret value. */
export const MASKED = '********************'

// A broad net on purpose: hiding a keyboard layout costs little, showing an API key much.
const SECRET = /api|token|key|secret|pass|signature/i
const HARMLESS = new Set(['passing', 'password_change_date', 'auth_method', 'auth_method_args'])
const MAX_DEPTH = 32

/** Whether the value under a key of this name has to be hidden. */
export const looksSecret = (key: string): boolean => SECRET.test(key) && !HARMLESS.has(key.toLowerCase())

/**
 * A JSON-like value in which every value whose key looks secret is `********************`, whatever its type; what holds none is handed back
 * as it is, and nothing that was given is changed. Below 32 levels everything is hidden, which also ends cycles.
 */
export function maskSecrets<T>(value: T): T {
  return mask(value, 0) as T
}

function mask(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Date || ArrayBuffer.isView(value)) return value
  if (depth >= MAX_DEPTH) return MASKED
  return changed(value, (inner, key) => (key !== undefined && looksSecret(key) ? MASKED : mask(inner, depth + 1)))
}
