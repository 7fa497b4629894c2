import { sql, type Kysely, type RawBuilder, type SqlBool } from 'kysely'
import { asConstraintError, engineOf } from '../db/database.ts'
import type { Db } from '../db/database.ts'
import { amongKeys } from '../db/sql/keys.ts'
import { statement, type Statement } from '../db/statement.ts'
import type { Ctx } from '../context.ts'
import { invalid, type FieldErrors } from './errors.ts'
import type { Field } from './fields.ts'
import type { Condition } from './filters.ts'
import { trashColumn, type Model, type Row } from './model.ts'

/**
 * The rows of any model: what the operations, the blueprint importer and the expression engine stand on.
 * Nothing here asks who is calling.
 */

// Models name their tables at run time, where the generated column types cannot follow.
// oxlint-disable-next-line typescript/no-explicit-any
type AnyDb = Kysely<any>
const dynamic = (db: Db): AnyDb => db

const columnFields = (fields: Record<string, Field>): [string, Field][] =>
  Object.entries(fields).filter(([, field]) => field.storage === 'column')

/** Leaves out what lies in the trash. */
const notInTrash = (model: Model): Condition | undefined => {
  const trash = trashColumn(model)
  return trash && sql<SqlBool>`${sql.ref(`${trash.table}.${trash.column}`)} is null`
}

/** A query over the objects of a model with all columns of its tables. */
export function selectObjects(db: Db, model: Model) {
  let query = dynamic(db).selectFrom(model.table).selectAll(model.table)
  const living = notInTrash(model)
  if (living) query = query.where(living)
  for (const { table, pk, on } of model.tables) {
    if (table === model.table) continue
    query = query.innerJoin(table, `${table}.${pk}`, `${model.table}.${on}`).selectAll(table)
  }
  return query
}

const allOf = (conditions: (Condition | undefined)[]): Condition | undefined => {
  const real = conditions.filter(part => part !== undefined)
  return real.length ? sql`(${sql.join(real, sql` and `)})` : undefined
}

/** Opens what is kept sealed: from columns to values. */
export function loadRow(ctx: Ctx, model: Model, row: Row): Row {
  const out = { ...row }
  for (const [name, field] of columnFields(model.allFields)) {
    if (field.load) out[name] = field.load(row[name] as never, ctx)
  }
  return out
}

/** Objects that meet all conditions, in the given order. */
export async function findObjects(
  ctx: Ctx,
  model: Model,
  options: { where?: (Condition | undefined)[]; orderBy?: ReturnType<typeof sql>[]; limit?: number; offset?: number } = {},
): Promise<Row[]> {
  let query = selectObjects(ctx.db, model)
  const where = allOf(options.where ?? [])
  if (where) query = query.where(where)
  for (const term of options.orderBy ?? []) query = query.orderBy(term)
  if (options.limit !== undefined) query = query.limit(options.limit)
  if (options.offset) query = query.offset(options.offset)
  const rows = (await query.execute()) as Row[]
  return rows.map(row => loadRow(ctx, model, row))
}

/**
 * A query over the objects of a model that meet all conditions, without columns yet. Each object has its rows in the base tables: those that no
 * condition and no order names need not be looked up.
 */
function matching(db: Db, model: Model, where: (Condition | undefined)[], orderBy: RawBuilder<unknown>[] = []) {
  let query = dynamic(db).selectFrom(model.table)
  const all = allOf([...where, notInTrash(model)])
  const text = [all, ...orderBy].map(part => part?.compile(db).sql ?? '').join(' ')
  for (const { table, pk, on } of model.tables) {
    if (table === model.table || !new RegExp(`\\b${table}"?\\.`).test(text)) continue
    query = query.innerJoin(table, `${table}.${pk}`, `${model.table}.${on}`)
  }
  return all ? query.where(all) : query
}

/** How many objects meet all conditions. */
export async function countObjects(ctx: Ctx, model: Model, where: (Condition | undefined)[] = []): Promise<number> {
  const all = where.every(part => part === undefined) && notInTrash(model) === undefined
  // Each row has its rows in the base tables: they need not be looked up to be counted.
  const row = await (all ? dynamic(ctx.db).selectFrom(model.table) : matching(ctx.db, model, where))
    .select(sql<number>`count(*)`.as('count'))
    .executeTakeFirstOrThrow()
  return row.count
}

/** Up to this many keys are remembered between counting and fetching. */
const MOST_KEYS = 10_000

/**
 * How many objects meet all conditions, and conditions that say the same for the queries that follow: where few objects do, they
 * name their keys, so that a search reads the table once and not again for its page.
 */
export async function matchObjects(
  ctx: Ctx,
  model: Model,
  where: (Condition | undefined)[],
): Promise<{ count: number; where: (Condition | undefined)[] }> {
  if (where.every(part => part === undefined)) return { count: await countObjects(ctx, model), where }
  const key = sql.ref(`${model.table}.${model.pk}`)
  const sqlite = engineOf(ctx.db) === 'sqlite'
  // One text, which goes back as it came: thousands of values would each be handled several times.
  const list = sqlite ? sql`json_group_array(${key})` : sql`coalesce(array_agg(${key})::text, '{}')`
  const row = await matching(ctx.db, model, where)
    .select([
      sql<number>`count(*)`.as('count'),
      sql<string | null>`case when count(*) <= ${sql.lit(MOST_KEYS)} then ${list} end`.as('keys'),
    ])
    .executeTakeFirstOrThrow()
  const count = row.count
  if (row.keys === null) return { count, where }
  return {
    count,
    where: [sqlite ? sql<SqlBool>`${key} in (select value from json_each(${row.keys}))` : sql<SqlBool>`${key} = any(${row.keys})`],
  }
}

/**
 * One page of the objects that meet all conditions. Finds keys first: what is passed over and what is sorted is then as narrow as can
 * be, and the rows of the page alone are read whole.
 */
export async function pageOfObjects(
  ctx: Ctx,
  model: Model,
  { where, orderBy, limit, offset }: { where: (Condition | undefined)[]; orderBy: RawBuilder<unknown>[]; limit: number; offset: number },
): Promise<Row[]> {
  const key = `${model.table}.${model.pk}`
  let query = matching(ctx.db, model, where, orderBy).select(`${key} as key`)
  for (const term of orderBy) query = query.orderBy(term)
  const keys = (await query.limit(limit).offset(offset).execute()).map(row => row.key)
  if (keys.length === 0) return []
  const rows = (await selectObjects(ctx.db, model).where(key, 'in', keys).execute()) as Row[]
  const byKey = new Map(rows.map(row => [row[model.pk], row]))
  return keys
    .map(key => byKey.get(key))
    .filter(row => row !== undefined)
    .map(row => loadRow(ctx, model, row))
}

/** Tables of at most so many rows are read at once, in less time than a thread takes to be asked. */
const SMALL = 2_000

/**
 * The context for reading lists of a model. On SQLite a query runs on the event loop: that of a large table must not, or nobody could
 * sign in while an administrator searches. Inside a transaction there is no choice.
 */
export async function readingContext(ctx: Ctx, model: Model): Promise<Ctx> {
  const { db, background } = ctx.database
  if (ctx.db !== db || background === db || engineOf(db) !== 'sqlite') return ctx
  const relations = Object.values(model.allFields).flatMap(field => (field.storage === 'relation' ? [field.relation!.table] : []))
  // Rows are numbered in the order they came: the last number is found at once, where counting would read them all.
  const last = [...model.tables.map(part => part.table), ...relations].map(
    table => sql`(select coalesce(max(rowid), 0) from ${sql.table(table)})`,
  )
  const { rows } = await sql<{ size: number }>`select ${last.length === 1 ? last[0] : sql`max(${sql.join(last)})`} as size`.execute(db)
  return rows[0]!.size > SMALL ? { ...ctx, db: background } : ctx
}

/** The object with this key (or look-up field value), or undefined. */
export async function findObject(ctx: Ctx, model: Model, key: unknown, field: string = model.pk): Promise<Row | undefined> {
  const row = await objectBy(model, field).first(ctx.db, key)
  return row && loadRow(ctx, model, row)
}

const lookups = new WeakMap<Model, Map<string, Statement<[unknown], Row>>>()

/** The query for one object by a field, compiled once: of a wide model that takes longer than the database does. */
function objectBy(model: Model, field: string): Statement<[unknown], Row> {
  const known = lookups.get(model)?.get(field)
  if (known !== undefined) return known
  const home = model.tables.find(part => part.pk === field || part.fields[field]) ?? model.tables.at(-1)!
  const made = statement((db, key: unknown) => selectObjects(db, model).where(`${home.table}.${field}`, '=', key))
  lookups.set(model, (lookups.get(model) ?? new Map<string, Statement<[unknown], Row>>()).set(field, made))
  return made
}

/** Keys on the far side of a many-to-many field, for many objects at once: object key → keys. */
export async function relatedKeys(ctx: Ctx, field: Field, keys: unknown[]): Promise<Map<unknown, unknown[]>> {
  const found = new Map<unknown, unknown[]>(keys.map(key => [key, []]))
  if (keys.length === 0) return found
  const { table, ours, theirs } = field.relation!
  const rows = await dynamic(ctx.db)
    .selectFrom(table)
    .select([`${ours} as ours`, `${theirs} as theirs`])
    .where(ours, 'in', keys)
    .orderBy(theirs)
    .execute()
  for (const row of rows) found.get(row.ours)?.push(row.theirs)
  return found
}

type Key = string | number

/** Rows that one insert writes: a statement holds at most 32,766 values. */
const BATCH = 5_000

async function writeRelations(ctx: Ctx, model: Model, key: unknown, values: Row): Promise<void> {
  for (const [name, field] of Object.entries(model.allFields)) {
    if (field.storage !== 'relation' || !(name in values)) continue
    const { table, ours, theirs } = field.relation!
    const wanted = new Set(values[name] as Key[])
    const db = dynamic(ctx.db)
    const present = new Set((await db.selectFrom(table).select(theirs).where(ours, '=', key).execute()).map(row => row[theirs] as Key))
    const gone = [...present.difference(wanted)]
    const fresh = [...wanted.difference(present)]
    if (gone.length)
      await db
        .deleteFrom(table)
        .where(ours, '=', key)
        .where(amongKeys(ctx.db, sql.ref(theirs), gone))
        .execute()
    for (let start = 0; start < fresh.length; start += BATCH) {
      await db
        .insertInto(table)
        .values(fresh.slice(start, start + BATCH).map(other => ({ [ours]: key, [theirs]: other })))
        .execute()
    }
  }
}

function columns(ctx: Ctx, fields: Record<string, Field>, values: Row): Row {
  const row: Row = {}
  for (const [name, field] of columnFields(fields)) {
    if (name in values) row[name] = field.store ? field.store(values[name] as never, ctx) : values[name]
  }
  return row
}

/** Adds the values that a create may leave out. */
export function withDefaults(ctx: Ctx, model: Model, values: Row): Row {
  const full = { ...values }
  for (const [name, field] of Object.entries(model.allFields)) {
    if (!(name in full) && field.initial) full[name] = field.initial(ctx)
  }
  return full
}

/** The sentence for a value that another object holds already. */
export const taken = (model: Model, field: string): string =>
  model.allFields[field]?.taken ?? `${model.uniqueName ?? model.verboseName} with this ${field.replaceAll('_', ' ')} already exists.`

/** Turns a unique violation that slipped past the check (two callers at once) into the field error that the check gives. */
async function guarded<T>(model: Model, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const broken = asConstraintError(error)
    if (broken?.kind !== 'unique') throw error
    const column = broken.columns?.find(name => model.allFields[name]?.unique)
    throw invalid(column ? { [column]: [taken(model, column)] } : { non_field_errors: ['This object exists already.'] })
  }
}

/**
 * Inserts an object with its relations; `values` are complete (see `withDefaults`). Returns the row as stored.
 * Call inside a transaction.
 */
export async function insertObject(ctx: Ctx, model: Model, values: Row): Promise<Row> {
  const db = dynamic(ctx.db)
  const numbered = (model.keySchema as { type?: string }).type === 'integer'
  let key: unknown = values[model.pk] ?? (numbered ? undefined : ctx.uuid())
  const link: Row = model.baseKey ? { [model.baseKey]: ctx.uuid() } : {}
  let row: Row = {}
  await guarded(model, async () => {
    for (const { table, pk, on, fields } of model.tables) {
      const own = columns(ctx, fields, values)
      const kind = table !== model.table && table === model.tables[0]!.table ? { kind: model.label } : {}
      const id = on === model.baseKey ? link[on] : key
      const stored = await db
        .insertInto(table)
        .values({ ...own, ...kind, ...(table === model.table && link), ...(id !== undefined && { [pk]: id }) })
        .returningAll()
        .executeTakeFirstOrThrow()
      key ??= stored[pk]
      row = { ...row, ...stored }
    }
  })
  await writeRelations(ctx, model, key, values)
  return loadRow(ctx, model, row)
}

/** Writes the given values of an object, leaving all others. Call inside a transaction. */
export async function updateObject(ctx: Ctx, model: Model, key: unknown, values: Row): Promise<void> {
  await guarded(model, async () => {
    for (const { table, pk, on, fields } of model.tables) {
      const own = columns(ctx, fields, values)
      if (Object.keys(own).length === 0) continue
      const linked = dynamic(ctx.db).selectFrom(model.table).select(on).where(model.pk, '=', key)
      await dynamic(ctx.db)
        .updateTable(table)
        .set(own)
        .where(pk, '=', on === model.pk ? key : linked)
        .execute()
    }
  })
  await writeRelations(ctx, model, key, values)
}

/** Deletes an object; rows that hang on it go or lose their reference as the foreign keys say. */
export async function removeObject(ctx: Ctx, model: Model, key: unknown): Promise<void> {
  await removeAlong(ctx, model, key)
  const { table, pk, on } = model.tables[0]!
  const linked = dynamic(ctx.db).selectFrom(model.table).select(on).where(model.pk, '=', key)
  await dynamic(ctx.db)
    .deleteFrom(table)
    .where(pk, '=', on === model.pk ? key : linked)
    .execute()
}

/**
 * What must point to the object goes with it, by foreign keys; where its base row has a key of its own (stage bindings), that row is
 * removed here, and takes the rest along.
 */
async function removeAlong(ctx: Ctx, model: Model, key: unknown): Promise<void> {
  for (const { base, baseKey, table, fields } of ctx.registry.models) {
    if (!base || baseKey === undefined) continue
    for (const [name, field] of Object.entries(fields)) {
      const pointed = field.storage === 'column' && !field.nullable ? field.references?.() : undefined
      if (pointed === undefined || (pointed !== model && pointed !== model.base)) continue
      const dependents = dynamic(ctx.db).selectFrom(table).select(baseKey).where(name, '=', key)
      await dynamic(ctx.db).deleteFrom(base.table).where(base.pk, 'in', dependents).execute()
    }
  }
}

/** Errors for unique fields whose new value another object holds. */
export async function uniquenessErrors(ctx: Ctx, model: Model, values: Row, key?: unknown): Promise<FieldErrors> {
  const errors: FieldErrors = {}
  for (const { table, pk, on, fields } of model.tables) {
    if (on === model.baseKey) continue
    for (const [name, field] of columnFields(fields)) {
      if (!field.unique || values[name] === undefined || values[name] === null) continue
      let query = dynamic(ctx.db).selectFrom(table).select(pk).where(name, '=', values[name])
      if (key !== undefined) query = query.where(pk, '!=', key)
      if (await query.executeTakeFirst()) errors[name] = [taken(model, name)]
    }
  }
  return errors
}

/** Which of these keys of `model` exist, among the rows that meet a condition where one is given. */
export async function existingKeys(ctx: Ctx, model: Model, keys: unknown[], where?: Condition): Promise<Set<unknown>> {
  if (keys.length === 0) return new Set()
  let query = dynamic(ctx.db)
    .selectFrom(model.table)
    .select(model.pk)
    .where(amongKeys(ctx.db, sql.ref(model.pk), keys as Key[]))
  if (where) query = query.where(where)
  const rows = await query.execute()
  return new Set(rows.map(row => row[model.pk]))
}
