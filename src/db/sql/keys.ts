import type { Expression, RawBuilder, SqlBool } from 'kysely'
import { sql } from 'kysely'
import type { Db } from '../database.ts'
import { engineOf } from '../engine.ts'

const quoted = (key: string | number): string => (typeof key === 'number' ? String(key) : `"${key.replaceAll(/["\\]/g, '\\$&')}"`)

/**
 * Rows whose `column` is one of `keys`, however many: they go as one parameter, where a list of parameters ends at 32,766 and each
 * length of it is a statement of its own. For keys by which an index finds rows; not together with an order that another index gives.
 */
export const amongKeys = (db: Db, column: Expression<unknown>, keys: readonly (string | number)[]): RawBuilder<SqlBool> =>
  engineOf(db) === 'sqlite'
    ? sql<SqlBool>`${column} in (select value from json_each(${JSON.stringify(keys)}))`
    : sql<SqlBool>`${column} = any(${`{${keys.map(quoted).join(',')}}`})`
