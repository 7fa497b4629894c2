import type { Row } from '../../api/model.ts'
import { putNested } from '../prompt/fields.ts'

/** Fields of an account that forms and invitations may set. Whoever writes the flow decides which of them are asked for. */
const ASSIGNABLE = new Set(['username', 'name', 'email', 'is_active', 'path', 'type', 'last_login'])

const isObject = (value: unknown): value is Row => typeof value === 'object' && value !== null && !Array.isArray(value)

/** What is in JSON as JSON: dates as text. */
const plain = (value: unknown): unknown => (value === undefined ? null : (JSON.parse(JSON.stringify(value)) as unknown))

/**
 * What gathered data says about an account: columns to write, and the password if one was entered. Keys that mean nothing for an
 * account (`password_repeat`, `component` …) are passed over.
 * @param current the account as it is, for attributes that are merged
 * @returns undefined when `attributes` is no object
 */
export function accountValues(data: Row, current: Row | null): { values: Row; password: string | undefined } | undefined {
  const values: Row = {}
  let attributes: Row | undefined
  let password: string | undefined
  const merged = () => (attributes ??= structuredClone((current?.attributes ?? {}) as Row))
  for (const [key, value] of Object.entries(data)) {
    if (key === 'password') {
      if (typeof value === 'string' && value !== '') password = value
    } else if (key === 'attributes') {
      if (!isObject(value)) return undefined
      Object.assign(merged(), plain(value))
    } else if (key.startsWith('attributes.') || key.startsWith('attributes_')) {
      putNested(merged(), key.slice('attributes.'.length), plain(value))
    } else if (ASSIGNABLE.has(key) && !(key === 'type' && value === 'internal_service_account')) {
      values[key] = value instanceof Date ? value.toISOString() : value
    }
  }
  return { values: { ...values, ...(attributes && { attributes }) }, password }
}
