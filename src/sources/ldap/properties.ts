import type { Row } from '../../api/model.ts'
import { Group, User } from '../../core/people.ts'
import { SkipObject } from '../../mappings/evaluate.ts'
import { mapped } from '../mappings.ts'
import { textOf, type Entry } from './entry.ts'
import type { Sync } from './run.ts'

const isObject = (value: unknown): value is Row =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)

/** What is nothing says nothing: null never overwrites. */
const withoutNull = (object: Row): Row =>
  Object.fromEntries(
    Object.entries(object)
      .filter(([, value]) => value !== null && value !== undefined)
      .map(([name, value]) => [name, isObject(value) ? withoutNull(value) : value]),
  )

/**
 * What the mappings of a source make of an entry, in their order; undefined when one leaves it out (`raise SkipObject`).
 * @throws MappingFailed: a mapping that fails for one entry is wrong for all
 */
export async function propertiesOf(sync: Sync, kind: 'user' | 'group', entry: Entry, identifier: string): Promise<Row | undefined> {
  const { ctx, source } = sync
  const base = { attributes: { distinguishedName: entry.dn, ldap_uniq: identifier } }
  try {
    const properties = await mapped(ctx, sync.mappings[kind], base, scope => ({
      ldap: scope.conversion.enter(entry.ldap),
      dn: entry.dn,
      source: scope.conversion.object('authentik_sources_ldap.ldapsource', source),
    }))
    return withoutNull(isObject(properties.attributes) ? properties : { ...properties, ...base })
  } catch (error) {
    if (error instanceof SkipObject) return undefined
    throw error
  }
}

/** Values that mappings hand on as they found them: of several the first. */
function text(value: unknown): string | undefined {
  const [first] = [value].flat()
  if (first === undefined || first === null || isObject(first)) return undefined
  return textOf(first as string).trim()
}

/** JSON as the database gives it back: dates as text, nothing undefined. */
const plain = (value: Row): Row => JSON.parse(JSON.stringify(value)) as Row

/** Columns of an account. Texts that no account may have are left out, with a word to `complain`. */
export function userColumns(properties: Row, complain: (why: string) => void): Row {
  const values: Row = { attributes: plain(properties.attributes as Row) }
  for (const name of ['username', 'name', 'email', 'path', 'type'] as const) {
    const value = text(properties[name])
    if (value === undefined) continue
    const error = fieldError(name, value)
    if (error === undefined) values[name] = value
    else complain(`${name} ${JSON.stringify(value.slice(0, 200))} cannot be kept: ${error}`)
  }
  if (typeof properties.is_active === 'boolean') values.is_active = properties.is_active
  return values
}

function fieldError(name: 'username' | 'name' | 'email' | 'path' | 'type', value: string): string | undefined {
  const field = User.allFields[name]!
  const { maxLength = Infinity, enum: choices } = field.schema as { maxLength?: number; enum?: string[] }
  if (value.length > maxLength) return `Ensure this field has no more than ${maxLength} characters.`
  if (value.includes('\0')) return 'Null characters are not allowed.'
  // What the program makes for itself, nobody brings along.
  if (choices && (!choices.includes(value) || value === 'internal_service_account')) return 'Not a valid choice.'
  if (name === 'username' && value === '') return 'This field may not be blank.'
  return field.check?.(value as never)
}

/** Columns of a group. */
export function groupColumns(properties: Row): Row {
  const values: Row = { attributes: plain(properties.attributes as Row) }
  const name = text(properties.name)
  if (name !== undefined && name !== '' && !name.includes('\0')) values.name = name
  if (typeof properties.is_superuser === 'boolean' && Group.allFields.is_superuser) values.is_superuser = properties.is_superuser
  return values
}

/** Attributes with new ones laid over them: objects are merged, everything else is replaced, and what nobody names stays. */
export const overlaid = (current: Row, wanted: Row): Row => {
  const merged: Row = { ...current }
  for (const [name, value] of Object.entries(wanted)) {
    const old = merged[name]
    merged[name] = isObject(value) && isObject(old) ? overlaid(old, value) : value
  }
  return merged
}
