import { sql } from 'kysely'
import { Type } from 'typebox'
import { choice, computed, flag, many, reference, shown, slug, text, unshown } from '../api/fields.ts'
import { defineModel, type Model, type Row } from '../api/model.ts'
import { namedOrNull } from '../api/shapes.ts'
import { findObject, findObjects } from '../api/store.ts'
import type { Ctx } from '../context.ts'
import { iconUrl } from '../core/icon.ts'
import { Flow } from '../flows/flow.ts'
import { PropertyMapping } from '../mappings/mapping.ts'
import { PolicyTarget } from '../policies/target.ts'
import { forbiddenScheme } from '../providers/oauth2/client/redirect-uri.ts'

/** `managed` of the source that stands for the accounts that are kept here. */
export const BUILT_IN = 'goauthentik.io/sources/inbuilt'

const USER_MATCHING_MODES = ['identifier', 'email_link', 'email_deny', 'username_link', 'username_deny'] as const
const GROUP_MATCHING_MODES = ['identifier', 'name_link', 'name_deny'] as const

const nullableText = Type.Unsafe({ type: ['string', 'null'] })

const iconError = (icon: string): string | undefined =>
  forbiddenScheme(icon) && !icon.startsWith('data:image/') ? 'Enter a valid URL.' : undefined

/**
 * Where people come from: what all kinds share. Objects of a kind (`OAuthSource`) are rows of `policy_target`, `source` and the
 * kind's own table with the same key, `pbm_uuid`; which kind, the column `kind` of `policy_target` says, and every row read through a
 * model has it. `user_property_mappings` and `group_property_mappings` are relations: `relatedKeys`, or `mappingsOf` of mappings.ts.
 */
export const Source: Model = defineModel({
  name: 'Source',
  label: 'authentik_core.source',
  verboseName: 'source',
  uniqueName: 'source',
  table: 'source',
  pk: 'pbm_uuid',
  lookup: 'slug',
  base: PolicyTarget,
  component: '',
  fields: {
    name: text(),
    slug: slug({ unique: true }),
    enabled: flag(true),
    promoted: flag(false),
    authentication_flow: reference(() => Flow, { nullable: true }),
    enrollment_flow: reference(() => Flow, { nullable: true }),
    user_property_mappings: many(() => PropertyMapping, { table: 'source_user_property_mapping', ours: 'source', theirs: 'mapping' }),
    group_property_mappings: many(() => PropertyMapping, { table: 'source_group_property_mapping', ours: 'source', theirs: 'mapping' }),
    user_matching_mode: choice(USER_MATCHING_MODES, 'identifier'),
    // Every source has one, but not every kind offers it; see `withGroupMatching`.
    group_matching_mode: unshown(choice(GROUP_MATCHING_MODES, 'identifier')),
    managed: shown(text({ nullable: true, unique: true })),
    user_path_template: text({ default: 'goauthentik.io/sources/%(slug)s', blank: false }),
    icon: text({ default: '', check: iconError }),
    icon_url: computed(nullableText),
    icon_themed_urls: computed(namedOrNull('ThemedUrls')),
  },
  filters: { managed: {}, name: {}, pbm_uuid: { type: 'uuid' }, slug: {} },
  search: ['name', 'slug'],
  ordering: ['name'],
  present: presentIcons,
})

/** The same kind of source with `group_matching_mode` among what the API shows and takes. */
export const withGroupMatching = (model: Model): Model => ({
  ...model,
  allFields: { ...model.allFields, group_matching_mode: choice(GROUP_MATCHING_MODES, 'identifier') },
})

/** Where the pictures of sources are found: their own, else that of their kind. One query a kind, whatever the number of sources. */
export async function sourceIcons(ctx: Ctx, rows: Row[]): Promise<Map<unknown, string | null>> {
  const found = new Map<unknown, string | null>(rows.map(row => [row.pbm_uuid, iconUrl(row.icon as string)]))
  for (const { model, icon } of ctx.registry.sources) {
    const bare = rows.filter(row => row.kind === model.label && row.icon === '').map(row => row.pbm_uuid)
    if (!icon || bare.length === 0) continue
    for (const source of await findObjects(ctx, model, { where: [sql<boolean>`source.pbm_uuid in (${sql.join(bare)})`] }))
      found.set(source.pbm_uuid, icon(ctx, source))
  }
  return found
}

async function presentIcons(ctx: Ctx, rows: Row[]): Promise<Row[]> {
  const icons = await sourceIcons(ctx, rows)
  return rows.map(row => ({ icon_url: icons.get(row.pbm_uuid) ?? null, icon_themed_urls: null }))
}

/** The enabled source of a kind that an address names; undefined for what is unknown, of another kind or switched off. */
export async function enabledSource(ctx: Ctx, model: Model, name: string): Promise<Row | undefined> {
  const source = await findObject(ctx, model, name, 'slug')
  return source?.enabled ? source : undefined
}

/** The path of accounts that come from a source. */
export const userPath = (source: Row): string => (source.user_path_template as string).replaceAll('%(slug)s', source.slug as string)
