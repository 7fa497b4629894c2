import { sql } from 'kysely'
import type { Ctx } from '../context.ts'
import { readBody } from './body.ts'
import { permissionDenied } from './errors.ts'
import { filterConditions, orderings, requireChoices, searchCondition } from './filters.ts'
import { permission, type Model, type Query, type Row } from './model.ts'
import { changeObject, createObject, deleteObject, objectAt, type Hooks } from './objects.ts'
import { paginated, type Page } from './page.ts'
import { requirePermission, requireRow, visibility } from './permissions.ts'
import { presentObject, presentObjects } from './present.ts'
import { countObjects, matchObjects, pageOfObjects, readingContext } from './store.ts'
import { usedBy } from './used-by.ts'

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
      await requireChoices(reading, model, query, count)
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
      await requireRow(ctx, model, row, 'view')
      return presentObject(await readingContext(ctx, model), model, row, query)
    },

    create: async (ctx: Ctx, body: Row, query: Query = {}): Promise<Row> => {
      requirePermission(ctx, permission(model, 'add'))
      const values = await readBody(ctx, model, body)
      return presentObject(ctx, model, await createObject(ctx, model, { ...values, ...chosenKey(model, body) }, hooks), query)
    },

    update: async (ctx: Ctx, key: string, body: Row, partial: boolean, query: Query = {}): Promise<Row> => {
      const current = await objectAt(ctx, model, key)
      await requireRow(ctx, model, current, 'change')
      const values = await readBody(ctx, model, body, { partial, current })
      return presentObject(ctx, model, await changeObject(ctx, model, current, values, hooks), query)
    },

    destroy: async (ctx: Ctx, key: string): Promise<void> => {
      const row = await objectAt(ctx, model, key)
      await requireRow(ctx, model, row, 'delete')
      await deleteObject(ctx, model, row, hooks)
    },

    usedBy: async (ctx: Ctx, key: string): Promise<Row[]> => {
      const row = await objectAt(ctx, model, key)
      await requireRow(ctx, model, row, 'view')
      return usedBy(ctx, model, row)
    },
  } satisfies Operations
}
