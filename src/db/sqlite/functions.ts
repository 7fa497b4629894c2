import type { DatabaseSync } from 'node:sqlite'

const canonical = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(canonical)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map(key => [key, canonical((value as Record<string, unknown>)[key])]),
  )
}

/** The text of a JSON value with the keys of objects in order: equal values have equal texts. */
export const canonicalJson = (value: unknown): string => JSON.stringify(canonical(value))

/**
 * Adds what SQLite lacks and PostgreSQL has: `fold(text)`, lower case beyond ASCII, and `json_canonical(text)`. They call into
 * JavaScript for each row, so queries use them only where nothing built in will do.
 */
export const addFunctions = (connection: DatabaseSync): void => {
  const options = { deterministic: true }
  connection.function('fold', options, text => (typeof text === 'string' ? text.toLowerCase() : text))
  connection.function('json_canonical', options, text => (typeof text === 'string' ? canonicalJson(JSON.parse(text)) : null))
}
