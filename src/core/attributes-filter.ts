import { sql } from 'kysely'
import { invalid } from '../api/errors.ts'
import type { FilterSpec } from '../api/filters.ts'
import { jsonEquals } from '../db/sql/like.ts'

/** `?attributes={"settings__locale":"de"}`: every path below the object's attributes holds the given value. */
export const attributesFilter = (table: string): FilterSpec => ({
  apply: (ctx, values) => {
    let wanted: unknown
    try {
      wanted = JSON.parse(values[0]!)
    } catch (cause) {
      throw Object.assign(invalid({ attributes: ['filter: failed to parse JSON'] }), { cause })
    }
    if (typeof wanted !== 'object' || wanted === null || Array.isArray(wanted))
      throw invalid({ attributes: ['filter: value must be key:value mapping'] })
    const conditions = Object.entries(wanted).map(([path, value]) =>
      jsonEquals(ctx.db, sql.ref(`${table}.attributes`), path.split('__'), value),
    )
    return conditions.length ? sql<boolean>`(${sql.join(conditions, sql` and `)})` : sql<boolean>`1 = 1`
  },
})
