import { transact, type Ctx } from '../context.ts'
import { recordEvent } from '../events/record.ts'
import { forgetGrants, grantInitially } from '../rbac/initial-grants.ts'
import { notFound } from './errors.ts'
import { parseKey } from './filters.ts'
import type { Model, Row } from './model.ts'
import { wireValue } from './present.ts'
import { findObject, insertObject, relatedKeys, removeObject, updateObject, withDefaults } from './store.ts'

/** What one model does beyond the standard. */
export type Hooks = {
  /** Rules over several fields; may add or change values. `current` is the stored object of an update. Throws `invalid`. */
  clean?: (ctx: Ctx, values: Row, current?: Row) => Promise<Row> | Row
  /** Runs in the same transaction after the write. */
  saved?: (ctx: Ctx, object: Row, previous?: Row) => Promise<void>
  /** Runs in the same transaction before the delete. Throws to refuse it. */
  removing?: (ctx: Ctx, object: Row) => Promise<void>
}

/** The object that a URL names, or 404. */
export async function objectAt(ctx: Ctx, model: Model, key: string): Promise<Row> {
  const value = model.lookup ? key : parseKey(model, key)
  const row = value === undefined ? undefined : await findObject(ctx, model, value, model.lookup ?? model.pk)
  const unseen = model.visible?.(ctx)
  if (!row || (unseen && row[unseen.column] === unseen.not)) throw notFound(model.name)
  return row
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
    const granted = await grantInitially(ctx, model, row)
    const initial = granted.length > 0 && { initial_permissions: granted }
    if (!model.silent) await recordEvent(ctx, 'model_created', { model: eventModel(model, row), diff: {}, ...initial })
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
    for (const tell of ctx.registry.removals) await tell(ctx, model, row)
    await removeObject(ctx, model, row[model.pk])
    await forgetGrants(ctx, model, row)
    if (!model.silent) await recordEvent(ctx, 'model_deleted', { model: eventModel(model, row) })
  })
}
