import { sql } from 'kysely'
import { Type } from 'typebox'
import { crud } from '../api/crud.ts'
import { choice, computed, flag, slug, text } from '../api/fields.ts'
import { defineModel, type Model, type Row } from '../api/model.ts'
import type { Resource } from '../api/mount.ts'
import { namedOrNull } from '../api/shapes.ts'
import type { Ctx } from '../context.ts'
import { PolicyTarget } from '../policies/target.ts'
import { pathOf } from './addresses.ts'
import { cachedPlans } from './definition.ts'

export const DESIGNATIONS = [
  'authentication',
  'authorization',
  'invalidation',
  'enrollment',
  'unenrollment',
  'recovery',
  'stage_configuration',
] as const

/** Who may take a flow at all. */
export const AUTHENTICATIONS = [
  'none',
  'require_authenticated',
  'require_unauthenticated',
  'require_superuser',
  'require_redirect',
  'require_outpost',
  'require_token',
] as const

const LAYOUTS = [
  'stacked',
  'content_left',
  'content_right',
  'sidebar_left',
  'sidebar_right',
  'sidebar_left_frame_background',
  'sidebar_right_frame_background',
] as const

const uuids = Type.Array(Type.String({ format: 'uuid' }))

/** A sequence of stages that a person is led through. */
export const Flow: Model = defineModel({
  name: 'Flow',
  label: 'authentik_flows.flow',
  verboseName: 'Flow',
  table: 'flow',
  pk: 'flow_uuid',
  lookup: 'slug',
  base: PolicyTarget,
  baseKey: 'policybindingmodel_ptr_id',
  fields: {
    policybindingmodel_ptr_id: computed(Type.String({ format: 'uuid' })),
    name: text(),
    slug: slug({ unique: true }),
    title: text(),
    designation: choice(DESIGNATIONS),
    background: text({ default: '' }),
    background_url: computed(Type.String()),
    background_themed_urls: computed(namedOrNull('ThemedUrls')),
    stages: computed(uuids),
    policies: computed(uuids),
    cache_count: computed(Type.Integer()),
    compatibility_mode: flag(false),
    export_url: computed(Type.String()),
    layout: choice(LAYOUTS, 'stacked'),
    denied_action: choice(['message_continue', 'message', 'continue'], 'message_continue'),
    authentication: choice(AUTHENTICATIONS, 'none'),
  },
  filters: ['flow_uuid', 'name', 'slug', 'designation', 'denied_action'],
  search: ['name', 'slug', 'designation', 'title', 'denied_action'],
  ordering: ['slug', 'name'],
  present: presentFlows,
})

export const flows: Resource = { path: '/flows/instances', model: Flow, operations: crud(Flow) }

/** Where the picture behind a flow lies: an address as it is, a bare file name among the uploaded files. */
export const backgroundUrl = (ctx: Ctx, file: string): string =>
  /^(?:https?:)?\//.test(file) ? file : pathOf(ctx, `/files/media/public/${file}`)

export const DEFAULT_BACKGROUND = '/static/dist/assets/images/flow_background.jpg'

const THEME = '%(theme)s'

/** One picture a theme, where the file name leaves a place for the theme. */
export const themedUrls = (ctx: Ctx, file: string): { light: string; dark: string } | null =>
  file.includes(THEME)
    ? { light: backgroundUrl(ctx, file.replaceAll(THEME, 'light')), dark: backgroundUrl(ctx, file.replaceAll(THEME, 'dark')) }
    : null

const distinct = <T>(values: T[]): T[] => [...new Set(values)]

async function presentFlows(ctx: Ctx, rows: Row[]): Promise<Row[]> {
  if (rows.length === 0) return []
  const keys = rows.map(row => row.flow_uuid as string)
  const targets = rows.map(row => row.policybindingmodel_ptr_id as string)
  const bindings = await ctx.db
    .selectFrom('flow_stage_binding')
    .select(['target', 'stage'])
    .where('target', 'in', keys)
    .orderBy('order')
    .execute()
  const policies = await ctx.db
    .selectFrom('policy_binding')
    .select(['target', 'policy'])
    .where('target', 'in', targets)
    .where(sql<boolean>`policy is not null`)
    .orderBy('order')
    .execute()
  return rows.map(row => ({
    ...flowBasics(ctx, row),
    stages: distinct(bindings.filter(binding => binding.target === row.flow_uuid).map(binding => binding.stage)),
    policies: distinct(policies.filter(binding => binding.target === row.policybindingmodel_ptr_id).map(binding => binding.policy)),
    background_themed_urls: themedUrls(ctx, row.background as string),
    cache_count: cachedPlans(ctx, row.slug as string),
  }))
}

const flowBasics = (ctx: Ctx, flow: Row): Row => ({
  policybindingmodel_ptr_id: flow.policybindingmodel_ptr_id,
  background_url: flow.background === '' ? DEFAULT_BACKGROUND : backgroundUrl(ctx, flow.background as string),
  export_url: pathOf(ctx, `/api/v3/flows/instances/${String(flow.slug)}/export/`),
})

/** The short form of a flow inside other objects (`flow_set`, `flow_obj`). */
export const flowSet = (ctx: Ctx, flow: Row): Row => ({
  pk: flow.flow_uuid,
  name: flow.name,
  slug: flow.slug,
  title: flow.title,
  designation: flow.designation,
  policy_engine_mode: flow.policy_engine_mode,
  compatibility_mode: flow.compatibility_mode,
  layout: flow.layout,
  denied_action: flow.denied_action,
  ...flowBasics(ctx, flow),
})
