import { sql } from 'kysely'
import { objectAt } from '../api/objects.ts'
import { methodNotAllowed } from '../api/errors.ts'
import type { Row } from '../api/model.ts'
import type { Resource, SpecialOperation } from '../api/mount.ts'
import { requireCaller } from '../api/permissions.ts'
import { polymorphic, typesRoute } from '../api/polymorphic.ts'
import { findObjects } from '../api/store.ts'
import type { Ctx } from '../context.ts'
import { refusalBeforehand } from './access.ts'
import { BUILT_IN, Source, sourceIcons } from './source.ts'

const generic = polymorphic(Source)

/** Sources of every kind; they are made and changed on the paths of their kinds. */
export const sources: Resource = {
  path: '/sources/all',
  model: Source,
  operations: {
    ...generic,
    async destroy(ctx, key) {
      if ((await objectAt(ctx, Source, key)).managed === BUILT_IN) throw methodNotAllowed('DELETE')
      return generic.destroy(ctx, key)
    },
  },
}

/** The enabled sources that the caller may connect with their account, by name. */
export async function userSettings(ctx: Ctx): Promise<Row[]> {
  const found: Row[] = []
  for (const { model, settings } of ctx.registry.sources) {
    if (!settings) continue
    const enabled = await findObjects(ctx, model, { where: [sql<boolean>`source.enabled`] })
    const icons = await sourceIcons(ctx, enabled)
    for (const source of enabled) {
      if (await refusalBeforehand(ctx, model, source)) continue
      const icon = icons.get(source.pbm_uuid)
      found.push({ object_uid: source.slug, title: source.name, ...settings(ctx, source), ...(icon && { icon_url: icon }) })
    }
  }
  return found.toSorted((a, b) => String(a.title).localeCompare(String(b.title)))
}

export const sourceRoutes: Record<string, SpecialOperation> = {
  'GET /sources/all/types/': typesRoute(Source),
  'GET /sources/all/user_settings/': {
    response: 'UserSetting',
    many: 'list',
    handler: async ctx => {
      requireCaller(ctx)
      return userSettings(ctx)
    },
  },
}
