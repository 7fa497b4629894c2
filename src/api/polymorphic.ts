import type { Ctx } from '../context.ts'
import { crud } from './crud.ts'
import { deleteObject, objectAt } from './objects.ts'
import type { Page } from './page.ts'
import type { Model, Query, Row } from './model.ts'
import type { SpecialOperation } from './mount.ts'
import { requireCaller, requireObject } from './permissions.ts'
import { findObject } from './store.ts'

/** The kinds that extend a base and that this server offers. */
export const kindsOf = (ctx: Ctx, base: Model): Model[] =>
  ctx.registry.models.filter(model => model.base === base && model.component !== undefined)

const kindNames = (kind: Model): Row => ({
  component: kind.component ?? '',
  verbose_name: kind.verboseName,
  verbose_name_plural: kind.verboseNamePlural,
  meta_model_name: kind.label,
})

/** Gives base objects the names of the kind that each one is. */
export async function withKindNames(ctx: Ctx, base: Model, kinds: Map<unknown, string>, shown: Row[]): Promise<Row[]> {
  const models = new Map(kindsOf(ctx, base).map(model => [model.label, model]))
  return shown.map(object => ({ ...object, ...kindNames(models.get(kinds.get(object[base.keyName]) ?? '') ?? base) }))
}

/** The first table of an object says of which kind it is. */
async function kindsByKey(ctx: Ctx, base: Model, keys: unknown[]): Promise<Map<unknown, string>> {
  if (keys.length === 0) return new Map()
  const { table, pk } = base.tables[0]!
  const rows = (await ctx.db
    .selectFrom(table as 'stage')
    .select([pk as 'stage_uuid', 'kind'])
    .where(pk as 'stage_uuid', 'in', keys as string[])
    .execute()) as Row[]
  return new Map(rows.map(row => [row[pk], row.kind as string]))
}

/**
 * The operations of an `…/all/` path: objects of every kind in their common fields. They are made and changed
 * only on the paths of their kinds.
 */
export function polymorphic(base: Model) {
  const { list, retrieve, usedBy } = crud(base)
  const named = async (ctx: Ctx, shown: Row[]) =>
    withKindNames(
      ctx,
      base,
      await kindsByKey(
        ctx,
        base,
        shown.map(object => object[base.keyName]),
      ),
      shown,
    )
  return {
    list: async (ctx: Ctx, query: Query): Promise<Page> => {
      const page = await list(ctx, query)
      return { ...page, results: await named(ctx, page.results) }
    },
    retrieve: async (ctx: Ctx, key: string, query: Query = {}): Promise<Row> => (await named(ctx, [await retrieve(ctx, key, query)]))[0]!,
    /** As the kind that it is, so that the event names that. */
    destroy: async (ctx: Ctx, key: string): Promise<void> => {
      const row = await objectAt(ctx, base, key)
      await requireObject(ctx, base, row[base.pk] as string | number, 'delete')
      const kind = kindsOf(ctx, base).find(model => model.label === row.kind) ?? base
      await deleteObject(ctx, kind, (await findObject(ctx, kind, row[base.pk])) ?? row)
    },
    usedBy,
  }
}

/** `GET …/all/types/`: the kinds that can be made, for the interface's "new" menu. */
export const typesRoute = (base: Model): SpecialOperation => ({
  response: 'TypeCreate',
  many: 'list',
  handler: async ctx => {
    requireCaller(ctx)
    return kindsOf(ctx, base).map(kind => ({
      name: kind.verboseName,
      description: kind.description ?? '',
      component: kind.component,
      model_name: kind.modelName,
      requires_enterprise: false,
      deprecated: false,
    }))
  },
})
