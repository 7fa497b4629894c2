import { sql } from 'kysely'
import type { Row } from '../api/model.ts'
import { findObjects, relatedKeys } from '../api/store.ts'
import type { Ctx } from '../context.ts'
import { cached } from '../core/cache.ts'
import { IdentificationStage } from '../stages/identification/model.ts'
import { refusalBeforehand } from './access.ts'
import { sourceIcons } from './source.ts'

/** The enabled sources of an identification stage that have a button, by name, with their pictures. */
const sourcesOfStage = cached(
  ctx => ['stage_identification_source', 'source', ...ctx.registry.sources.map(({ model }) => model.table)],
  async (ctx, stage): Promise<{ source: Row; icon: string | null; kind: Ctx['registry']['sources'][number] }[]> => {
    const keys = (await relatedKeys(ctx, IdentificationStage.fields.sources!, [stage])).get(stage)!
    if (keys.length === 0) return []
    const found = []
    for (const kind of ctx.registry.sources.filter(({ button }) => button)) {
      const sources = await findObjects(ctx, kind.model, {
        where: [sql<boolean>`source.enabled`, sql<boolean>`source.pbm_uuid in (${sql.join(keys)})`],
      })
      const icons = await sourceIcons(ctx, sources)
      found.push(...sources.map(source => ({ source, kind, icon: icons.get(source.pbm_uuid) ?? null })))
    }
    return found.toSorted((a, b) => String(a.source.name).localeCompare(String(b.source.name)))
  },
)

/**
 * What the sign-in page shows of the sources that an identification stage names (`LoginSource` of the contract): those that the visitor
 * would not be turned away from at once.
 * @param query of the page, without `?`: it comes along, so that `next` and an invitation survive the way there and back
 */
export async function sourceButtons(ctx: Ctx, stage: string, query: string): Promise<Row[]> {
  const buttons: Row[] = []
  for (const { source, icon, kind } of await sourcesOfStage(ctx, stage)) {
    if (await refusalBeforehand(ctx, kind.model, source)) continue
    buttons.push({ name: source.name, icon_url: icon, promoted: source.promoted, challenge: kind.button!(ctx, source, query) })
  }
  return buttons
}
