import type { Ctx } from '../context.ts'
import { crud, type Page } from './crud.ts'
import type { Model, Query, Row } from './model.ts'
import type { SpecialOperation } from './mount.ts'
import { requireCaller } from './permissions.ts'

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

async function kindsByKey(ctx: Ctx, base: Model, keys: unknown[]): Promise<Map<unknown, string>> {
  if (keys.length === 0) return new Map()
  const rows = (await ctx.db
    .selectFrom(base.table as 'stage')
    .select([base.pk as 'stage_uuid', 'kind'])
    .where(base.pk as 'stage_uuid', 'in', keys as string[])
    .execute()) as Row[]
  return new Map(rows.map(row => [row[base.pk], row.kind as string]))
}

/**
 * The operations of an `…/all/` path: objects of every kind in their common fields. They are made and changed
 * only on the paths of their kinds.
 */
export function polymorphic(base: Model) {
  const { list, retrieve, destroy, usedBy } = crud(base)
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
    destroy,
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
