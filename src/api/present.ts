import type { Ctx } from '../context.ts'
import type { Model, Query, Row } from './model.ts'
import { mayTouch } from './permissions.ts'
import { relatedKeys } from './store.ts'

/** RFC 3339 with microseconds, as clients of this API parse it. */
export const wireInstant = (date: Date): string => date.toISOString().replace('Z', '000Z')

/** A value of a row as JSON can hold it. */
export const wireValue = (value: unknown): unknown => (value instanceof Date ? wireInstant(value) : value)

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
