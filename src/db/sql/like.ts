/**
 * Comparing text without regard to case, and looking into JSON columns: the places where the SQL of the two engines differs most.
 * All take the connection or transaction first, to know the engine by.
 */
import type { Expression, RawBuilder, SqlBool } from 'kysely'
import { sql } from 'kysely'
import { canonicalJson } from '../sqlite/functions.ts'
import type { Db } from '../database.ts'
import { engineOf } from '../engine.ts'
import { jsonText } from '../codec.ts'

/** Escapes what LIKE would read as a pattern; to be used with `escape '\'`. */
export const escapeLike = (text: string): string => text.replaceAll(/[\\%_]/g, '\\$&')

const isAscii = (text: string): boolean => /^[\u0000-\u007f]*$/.test(text)

const ignoringCase = (db: Db, value: Expression<unknown>, pattern: string): RawBuilder<SqlBool> => {
  // Both engines compare ASCII letters fast and by themselves. Other letters need tables: on PostgreSQL a collation that has them,
  // on SQLite a function of ours, which costs a call into JavaScript for each row.
  const folded = pattern.toLowerCase()
  if (engineOf(db) === 'sqlite') {
    if (isAscii(pattern)) return sql<SqlBool>`${value} like ${pattern} escape '\\'`
    return sql<SqlBool>`fold(${value}) like ${folded} escape '\\'`
  }
  if (isAscii(pattern)) return sql<SqlBool>`(${value})::text ilike ${pattern} escape '\\'`
  return sql<SqlBool>`lower((${value})::text collate "und-x-icu") like ${folded} escape '\\'`
}

/** Text that contains `needle`, whatever the case of either. */
export const icontains = (db: Db, value: Expression<unknown>, needle: string): RawBuilder<SqlBool> =>
  ignoringCase(db, value, `%${escapeLike(needle)}%`)

/** Text that begins with `needle`, whatever the case of either. */
export const istartsWith = (db: Db, value: Expression<unknown>, needle: string): RawBuilder<SqlBool> =>
  ignoringCase(db, value, `${escapeLike(needle)}%`)

/** Text that is `needle`, whatever the case of either. */
export const iequals = (db: Db, value: Expression<unknown>, needle: string): RawBuilder<SqlBool> =>
  ignoringCase(db, value, escapeLike(needle))

/** A value to be written to a JSON column, or compared with one, that is not an object or array: those need no wrapping. */
export const jsonValue = <T>(value: T): RawBuilder<T & {}> => sql<T & {}>`${jsonText(value)}`

/** `attributes__settings__locale` as the path within the column: `['settings', 'locale']` after the first. */
export const splitPath = (name: string): string[] => name.split('__')

/** A path in SQLite's notation; whole numbers may be the key of an object as well as a place in an array. */
const sqliteStep = (value: RawBuilder<unknown>, step: string): RawBuilder<unknown> => {
  const key = `$.${JSON.stringify(step)}`
  return /^\d+$/.test(step) ? sql`coalesce(${value} -> ${key}, ${value} -> ${`$[${step}]`})` : sql`${value} -> ${key}`
}

/** What lies at the path of a JSON column, as JSON text (SQLite) or jsonb (PostgreSQL); SQL NULL when there is nothing. */
const at = (db: Db, value: Expression<unknown>, path: readonly string[]): RawBuilder<unknown> => {
  if (engineOf(db) === 'sqlite') {
    return path.reduce<RawBuilder<unknown>>((inner, step) => sql`(${sqliteStep(inner, step)})`, sql`${value}`)
  }
  const steps = path.map(step => `"${step.replaceAll(/["\\]/g, '\\$&')}"`)
  return sql`(${value} #> ${`{${steps.join(',')}}`}::text[])`
}

/**
 * The text of a string, number or boolean inside a JSON column (`5`, `true`); NULL for objects, arrays, null and what is not there.
 */
export const jsonTextAt = (db: Db, value: Expression<unknown>, path: readonly string[]): RawBuilder<string | null> => {
  const found = at(db, value, path)
  if (engineOf(db) === 'sqlite') {
    return sql<string | null>`case json_type(${found}) when 'true' then 'true' when 'false' then 'false'
      when 'object' then null when 'array' then null else cast(${found} ->> '$' as text) end`
  }
  return sql<string | null>`case when jsonb_typeof(${found}) in ('object', 'array') then null else ${found} #>> '{}' end`
}

/** Whether the value inside a JSON column equals `expected`, as JSON does: `5` is not `"5"`, the order of keys is no matter. */
export const jsonEquals = (db: Db, value: Expression<unknown>, path: readonly string[], expected: unknown): RawBuilder<SqlBool> => {
  const found = at(db, value, path)
  if (engineOf(db) === 'postgres') return sql<SqlBool>`${found} = ${jsonText(expected)}::jsonb`
  if (typeof expected === 'string') return sql<SqlBool>`(json_type(${found}) = 'text' and ${found} ->> '$' = ${expected})`
  if (typeof expected === 'number') return sql<SqlBool>`(json_type(${found}) in ('integer', 'real') and ${found} ->> '$' = ${expected})`
  return sql<SqlBool>`json_canonical(${found}) = ${canonicalJson(expected)}`
}

/** Whether there is anything at the path, JSON null included. */
export const jsonHas = (db: Db, value: Expression<unknown>, path: readonly string[]): RawBuilder<SqlBool> =>
  sql<SqlBool>`${at(db, value, path)} is not null`

/** Text that ends with `needle`, whatever the case of either. */
export const iendsWith = (db: Db, value: Expression<unknown>, needle: string): RawBuilder<SqlBool> =>
  ignoringCase(db, value, `%${escapeLike(needle)}`)

/** The number inside a JSON column; NULL for everything else. */
export const jsonNumberAt = (db: Db, value: Expression<unknown>, path: readonly string[]): RawBuilder<number | null> => {
  const found = at(db, value, path)
  return engineOf(db) === 'sqlite'
    ? sql<number | null>`case when json_type(${found}) in ('integer', 'real') then ${found} ->> '$' end`
    : sql<number | null>`case when jsonb_typeof(${found}) = 'number' then (${found} #>> '{}')::numeric end`
}

/**
 * Whether the value inside a JSON column contains `expected`, as PostgreSQL's `@>` has it: an object all keys with what they contain, a
 * list every item wherever it stands, and a list also a single value that is one of its items.
 */
export const jsonContains = (db: Db, value: Expression<unknown>, path: readonly string[], expected: unknown): RawBuilder<SqlBool> => {
  if (engineOf(db) === 'postgres') return sql<SqlBool>`${at(db, value, path)} @> ${jsonText(expected)}::jsonb`
  if (expected !== null && typeof expected === 'object' && !Array.isArray(expected)) {
    const inner = Object.entries(expected).map(([key, item]) => jsonContains(db, value, [...path, key], item))
    return sql<SqlBool>`(json_type(${at(db, value, path)}) = 'object'${inner.length ? sql` and ${sql.join(inner, sql` and `)}` : sql``})`
  }
  const found = at(db, value, path)
  const holds = (item: unknown) => sql<SqlBool>`exists (select 1 from json_each(${found}) as item where json_canonical(case item.type
    when 'text' then json_quote(item.value) when 'true' then 'true' when 'false' then 'false' when 'null' then 'null' else cast(item.value as text) end) = ${canonicalJson(item)})`
  const items = Array.isArray(expected) ? expected : [expected]
  const inList = sql<SqlBool>`(json_type(${found}) = 'array'${items.length ? sql` and ${sql.join(items.map(holds), sql` and `)}` : sql``})`
  return Array.isArray(expected) ? inList : sql<SqlBool>`(${inList} or ${jsonEquals(db, value, path, expected)})`
}
