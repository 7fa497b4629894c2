import { sql } from 'kysely'
import { Type, type TSchema } from 'typebox'
import { transact, type Ctx } from '../context.ts'
import { recordEvent } from '../events/record.ts'
import { systemSettings } from '../core/settings.ts'
import { invalid, invalidPage, notFound, permissionDenied, type FieldErrors } from './errors.ts'
import { wireSchema, type Field } from './fields.ts'
import { filterConditions, MAX_KEY, orderings, parseKey, parseUuid, searchCondition, type Condition } from './filters.ts'
import { permission, type Model, type Query, type Row } from './model.ts'
import { holds, mayTouch, requireObject, requirePermission, visibility } from './permissions.ts'
import {
  countObjects,
  existingKeys,
  findObject,
  insertObject,
  matchObjects,
  pageOfObjects,
  readingContext,
  relatedKeys,
  removeObject,
  uniquenessErrors,
  updateObject,
  withDefaults,
} from './store.ts'
import { usedBy } from './used-by.ts'
import { fieldErrors } from './validate.ts'

/** One page of a list, as it goes over the wire. */
export type Page = {
  pagination: {
    next: number
    previous: number
    count: number
    current: number
    total_pages: number
    start_index: number
    end_index: number
  }
  results: Row[]
  autocomplete: Record<string, never>
}

/** The operations that a resource may offer. A resource without one leaves the function out. */
export type Operations = {
  list?: (ctx: Ctx, query: Query) => Promise<unknown>
  retrieve?: (ctx: Ctx, key: string, query: Query) => Promise<Row>
  create?: (ctx: Ctx, body: Row, query?: Query) => Promise<Row>
  /** `partial` is a PATCH: only the keys that were sent are looked at. */
  update?: (ctx: Ctx, key: string, body: Row, partial: boolean, query?: Query) => Promise<Row>
  destroy?: (ctx: Ctx, key: string) => Promise<void>
  usedBy?: (ctx: Ctx, key: string) => Promise<unknown>
}

/** What one model does beyond the standard. */
export type Hooks = {
  /** Rules over several fields; may add or change values. `current` is the stored object of an update. Throws `invalid`. */
  clean?: (ctx: Ctx, values: Row, current?: Row) => Promise<Row> | Row
  /** Runs in the same transaction after the write. */
  saved?: (ctx: Ctx, object: Row, previous?: Row) => Promise<void>
  /** Runs in the same transaction before the delete. Throws to refuse it. */
  removing?: (ctx: Ctx, object: Row) => Promise<void>
}

const writable = (model: Model): [string, Field][] => Object.entries(model.allFields).filter(([, field]) => !field.readOnly)

const schemas = new WeakMap<Model, { full: TSchema; partial: TSchema }>()

/** JSON Schema of a create and of a partial update. No defaults in them: they would overwrite stored values. */
export function requestSchemas(model: Model): { full: TSchema; partial: TSchema } {
  const known = schemas.get(model)
  if (known) return known
  const properties = Object.fromEntries(writable(model).map(([name, field]) => [name, wireSchema(field)]))
  const required = writable(model)
    .filter(([, field]) => field.required)
    .map(([name]) => name)
  const made = {
    full: Type.Unsafe({ type: 'object', properties, required }),
    partial: Type.Unsafe({ type: 'object', properties }),
  }
  schemas.set(model, made)
  return made
}

/** RFC 3339 with microseconds, as clients of this API parse it. */
export const wireInstant = (date: Date): string => date.toISOString().replace('Z', '000Z')

const wireValue = (value: unknown): unknown => (value instanceof Date ? wireInstant(value) : value)

/** Objects as they go over the wire. One query a relation, whatever the number of rows. */
export async function presentObjects(ctx: Ctx, model: Model, rows: Row[], query: Query = {}): Promise<Row[]> {
  const keys = rows.map(row => row[model.pk])
  const shown = Object.entries(model.allFields).filter(([, field]) => !field.writeOnly)
  const relations = new Map<string, Map<unknown, unknown[]>>()
  for (const [name, field] of shown) if (field.storage === 'relation') relations.set(name, await relatedKeys(ctx, field, keys))
  const related = (name: string, key: unknown) => relations.get(name)!.get(key) ?? []
  const withRelations = rows.map((row, index) => ({
    ...row,
    ...Object.fromEntries([...relations.keys()].map(name => [name, related(name, keys[index])])),
  }))
  const extra = (await model.present?.(ctx, withRelations, query)) ?? []
  const secrets = shown.filter(([, field]) => field.secret).map(([name]) => name)
  const openTo = secrets.length ? await mayChange(ctx, model, keys) : undefined
  return withRelations.map((row, index) => {
    const out: Row = { [model.keyName]: row[model.pk as keyof typeof row] }
    for (const [name, field] of shown) if (field.storage !== 'computed') out[name] = wireValue(row[name as keyof typeof row])
    if (model.component !== undefined) {
      Object.assign(out, {
        component: model.component,
        verbose_name: model.verboseName,
        verbose_name_plural: model.verboseNamePlural,
        meta_model_name: model.label,
      })
    }
    for (const [name, value] of Object.entries(extra[index] ?? {})) out[name] = wireValue(value)
    if (openTo && !openTo.has(keys[index])) for (const name of secrets) out[name] = ''
    return out
  })
}

/** The objects whose secrets the caller may read: those that they could change, since looking alone must not be enough to act as another. */
async function mayChange(ctx: Ctx, model: Model, keys: unknown[]): Promise<Set<unknown>> {
  const allowed = new Set<unknown>()
  for (const key of keys) if (await mayTouch(ctx, model, key as string, 'change')) allowed.add(key)
  return allowed
}

/** One object as it goes over the wire. */
export const presentObject = async (ctx: Ctx, model: Model, row: Row, query: Query = {}): Promise<Row> =>
  (await presentObjects(ctx, model, [row], query))[0]!

/**
 * Rows that a body may point at: those that the caller may see, as if nothing else existed. A right on the object that the URL
 * names says nothing of those that the body names. Undefined means no restriction.
 */
function reachable(ctx: Ctx, target: Model): Condition | undefined {
  const { models } = ctx.registry
  if (ctx.caller.system || [target, ...models.filter(model => model.base === target)].some(model => holds(ctx, permission(model, 'view'))))
    return undefined
  const granted = visibility(ctx, target)
  // Everybody may name themselves.
  return target.label === 'authentik_core.user' ? sql`(${granted} or "user".id = ${ctx.caller.user!.id})` : granted
}

/** The one spelling of a key, by which rows are found; undefined for what can be no key. */
function referenceKey(key: unknown): unknown {
  if (typeof key === 'number') return key > 0 && key <= MAX_KEY ? key : undefined
  return typeof key === 'string' ? parseUuid(key) : undefined
}

async function referenceErrors(ctx: Ctx, model: Model, values: Row, current?: Row): Promise<FieldErrors> {
  const errors: FieldErrors = {}
  for (const [name, field] of writable(model)) {
    const value = values[name]
    if (!field.references || value === undefined || value === null) continue
    const target = field.references()
    const wanted = [value].flat()
    const keys = wanted.map(referenceKey)
    const held =
      current === undefined
        ? []
        : field.storage === 'relation'
          ? (await relatedKeys(ctx, field, [current[model.pk]])).get(current[model.pk])!
          : [current[name]]
    const asked = keys.filter(key => key !== undefined && !held.includes(key))
    const present = await existingKeys(ctx, target, asked, reachable(ctx, target))
    const missing = wanted.filter((_, index) => !held.includes(keys[index]) && !present.has(keys[index]))
    values[name] = Array.isArray(value) ? keys : keys[0]
    if (missing.length) errors[name] = missing.map(key => `Invalid pk "${String(key)}" - object does not exist.`)
  }
  return errors
}

/** Wrong kinds of keys have a sentence of their own. */
function keyTypeErrors(model: Model, body: Row): FieldErrors {
  const errors: FieldErrors = {}
  for (const [name, field] of writable(model)) {
    if (!field.references || body[name] === undefined || body[name] === null) continue
    if ((field.references().keySchema as { type?: string }).type !== 'integer') continue
    const wrong = [body[name]].flat().filter(key => !Number.isInteger(key))
    if (wrong.length) errors[name] = ['Incorrect type. Expected pk value, received str.']
  }
  return errors
}

/**
 * The writable values of a body, checked: shape, single-field rules, references, uniqueness.
 * Unknown and read-only keys are passed over, as clients expect.
 */
export async function readBody(ctx: Ctx, model: Model, body: unknown, options: { partial?: boolean; current?: Row } = {}): Promise<Row> {
  const schema = requestSchemas(model)[options.partial ? 'partial' : 'full']
  const errors = fieldErrors(schema, body)
  const sent = body as Row
  if (Object.keys(errors).length > 0)
    throw invalid({ ...errors, ...(typeof body === 'object' && body !== null ? keyTypeErrors(model, sent) : {}) })
  const values: Row = {}
  for (const [name, field] of writable(model)) {
    if (!(name in sent)) continue
    values[name] = sent[name]
    const text = sent[name] === null ? undefined : field.check?.(sent[name] as never)
    if (text !== undefined) errors[name] = [text]
  }
  Object.assign(errors, await referenceErrors(ctx, model, values, options.current))
  Object.assign(errors, await uniquenessErrors(ctx, model, values, options.current?.[model.pk]))
  if (Object.keys(errors).length > 0) throw invalid(errors)
  return values
}

/** The object that a URL names, or 404. */
export async function objectAt(ctx: Ctx, model: Model, key: string): Promise<Row> {
  const value = model.lookup ? key : parseKey(model, key)
  const row = value === undefined ? undefined : await findObject(ctx, model, value, model.lookup ?? model.pk)
  const unseen = model.visible?.(ctx)
  if (!row || (unseen && row[unseen.column] === unseen.not)) throw notFound(model.name)
  return row
}

const owner = (model: Model, row: Row) => (model.owner ? row[model.owner] : undefined)

/** `page` and `page_size` of a query, within the operator's limits. */
async function paging(ctx: Ctx, query: Query): Promise<{ page: number | 'last'; size: number }> {
  const settings = await systemSettings(ctx)
  const size = Number([query.page_size].flat()[0])
  const page = [query.page].flat()[0] ?? '1'
  if (page !== 'last' && !/^\d{1,9}$/.test(page)) throw invalidPage()
  return {
    page: page === 'last' ? 'last' : Number(page),
    size: Number.isInteger(size) && size > 0 ? Math.min(size, settings.pagination_max_page_size) : settings.pagination_default_page_size,
  }
}

/** The wire's page of `count` objects; `load` fetches those of the page. */
export async function paginated(
  ctx: Ctx,
  query: Query,
  count: number,
  load: (limit: number, offset: number) => Promise<Row[]>,
): Promise<Page> {
  const { page, size } = await paging(ctx, query)
  const total = Math.max(1, Math.ceil(count / size))
  const current = page === 'last' ? total : page
  if (current < 1 || current > total) throw invalidPage()
  const offset = (current - 1) * size
  const results = await load(size, offset)
  return {
    pagination: {
      next: current < total ? current + 1 : 0,
      previous: current > 1 ? current - 1 : 0,
      count,
      current,
      total_pages: total,
      start_index: count === 0 ? 0 : offset + 1,
      end_index: Math.min(offset + size, count),
    },
    results,
    autocomplete: {},
  }
}

/** What changed, without anything secret: `{field: {previous, new}}`. */
function difference(model: Model, before: Row, after: Row): Row {
  const diff: Row = {}
  for (const [name, field] of Object.entries(model.allFields)) {
    if (field.storage === 'computed' || !(name in after)) continue
    if (JSON.stringify(wireValue(before[name])) === JSON.stringify(wireValue(after[name]))) continue
    diff[name] = field.secret
      ? { previous: '********************', new: '********************' }
      : { previous: wireValue(before[name]), new: wireValue(after[name]) }
  }
  return diff
}

/** How events name an object. */
export const eventModel = (model: Model, row: Row): Row => ({
  app: model.app,
  model_name: model.modelName,
  pk: String(row[model.pk]).replaceAll('-', ''),
  name: String(row[model.display] ?? row[model.pk]),
})

async function withRelationValues(ctx: Ctx, model: Model, row: Row): Promise<Row> {
  const out = { ...row }
  for (const [name, field] of Object.entries(model.allFields)) {
    if (field.storage === 'relation') out[name] = (await relatedKeys(ctx, field, [row[model.pk]])).get(row[model.pk])
  }
  return out
}

/** Stores a new object with its event. Values are checked; defaults are added here. */
export async function createObject(ctx: Ctx, model: Model, values: Row, hooks: Hooks = {}): Promise<Row> {
  return transact(ctx, async ctx => {
    const cleaned = (await hooks.clean?.(ctx, values)) ?? values
    const row = await insertObject(ctx, model, withDefaults(ctx, model, cleaned))
    await hooks.saved?.(ctx, row)
    if (!model.silent) await recordEvent(ctx, 'model_created', { model: eventModel(model, row), diff: {} })
    return row
  })
}

/** Changes an object and leaves an event with the differences. */
export async function changeObject(ctx: Ctx, model: Model, current: Row, values: Row, hooks: Hooks = {}): Promise<Row> {
  return transact(ctx, async ctx => {
    const cleaned = (await hooks.clean?.(ctx, values, current)) ?? values
    const before = await withRelationValues(ctx, model, current)
    await updateObject(ctx, model, current[model.pk], cleaned)
    const row = (await findObject(ctx, model, current[model.pk]))!
    await hooks.saved?.(ctx, row, current)
    if (!model.silent)
      await recordEvent(ctx, 'model_updated', {
        model: eventModel(model, row),
        diff: difference(model, before, { ...row, ...pickRelations(model, cleaned) }),
      })
    return row
  })
}

const pickRelations = (model: Model, values: Row): Row =>
  Object.fromEntries(Object.entries(values).filter(([name]) => model.allFields[name]?.storage === 'relation'))

/** Deletes an object and leaves an event. */
export async function deleteObject(ctx: Ctx, model: Model, row: Row, hooks: Hooks = {}): Promise<void> {
  await transact(ctx, async ctx => {
    await hooks.removing?.(ctx, row)
    await removeObject(ctx, model, row[model.pk])
    if (!model.silent) await recordEvent(ctx, 'model_deleted', { model: eventModel(model, row) })
  })
}

/** Leaves out the rows that are never offered; null needs an operator of its own. */
const unseenCondition = (model: Model, { column, not }: { column: string; not: unknown }) =>
  not === null
    ? sql<boolean>`${sql.ref(`${model.table}.${column}`)} is not null`
    : sql<boolean>`${sql.ref(`${model.table}.${column}`)} != ${not}`

/**
 * Under which the program itself says which key a new object is to have (an exported blueprint that comes back). A symbol, so that no body
 * that was sent can say it.
 */
export const CHOSEN_KEY = Symbol('chosen key')

const chosenKey = (model: Model, body: Row): Row => {
  const key = (body as { [CHOSEN_KEY]?: unknown })[CHOSEN_KEY]
  return key === undefined ? {} : { [model.pk]: key }
}

/** The standard operations of a model. Plain functions: spread them and replace the one that is special. */
export function crud(model: Model, hooks: Hooks = {}) {
  return {
    list: async (ctx: Ctx, query: Query): Promise<Page> => {
      const restriction = visibility(ctx, model)
      const unseen = model.visible?.(ctx)
      const where = [
        restriction,
        unseen && unseenCondition(model, unseen),
        ...(await filterConditions(ctx, model, query)),
        searchCondition(ctx, model, query),
      ]
      const reading = await readingContext(ctx, model)
      const { count, where: narrowed } = await matchObjects(reading, model, where)
      if (count === 0 && restriction && !model.owner && (await countObjects(reading, model, [restriction])) === 0) throw permissionDenied()
      return paginated(ctx, query, count, async (limit, offset) =>
        presentObjects(
          reading,
          model,
          await pageOfObjects(reading, model, { where: narrowed, orderBy: orderings(model, query), limit, offset }),
          query,
        ),
      )
    },

    retrieve: async (ctx: Ctx, key: string, query: Query = {}): Promise<Row> => {
      const row = await objectAt(ctx, model, key)
      await requireObject(ctx, model, row[model.pk] as string, 'view', owner(model, row))
      return presentObject(await readingContext(ctx, model), model, row, query)
    },

    create: async (ctx: Ctx, body: Row, query: Query = {}): Promise<Row> => {
      requirePermission(ctx, permission(model, 'add'))
      const values = await readBody(ctx, model, body)
      return presentObject(ctx, model, await createObject(ctx, model, { ...values, ...chosenKey(model, body) }, hooks), query)
    },

    update: async (ctx: Ctx, key: string, body: Row, partial: boolean, query: Query = {}): Promise<Row> => {
      const current = await objectAt(ctx, model, key)
      await requireObject(ctx, model, current[model.pk] as string, 'change', owner(model, current))
      const values = await readBody(ctx, model, body, { partial, current })
      return presentObject(ctx, model, await changeObject(ctx, model, current, values, hooks), query)
    },

    destroy: async (ctx: Ctx, key: string): Promise<void> => {
      const row = await objectAt(ctx, model, key)
      await requireObject(ctx, model, row[model.pk] as string, 'delete', owner(model, row))
      await deleteObject(ctx, model, row, hooks)
    },

    usedBy: async (ctx: Ctx, key: string): Promise<Row[]> => {
      const row = await objectAt(ctx, model, key)
      await requireObject(ctx, model, row[model.pk] as string, 'view', owner(model, row))
      return usedBy(ctx, model, row)
    },
  } satisfies Operations
}
