import { Type } from 'typebox'
import { transact, type Ctx } from '../context.ts'
import { invalid } from '../api/errors.ts'
import type { SpecialOperation } from '../api/mount.ts'
import type { Row } from '../api/model.ts'
import { requirePermission } from '../api/permissions.ts'
import { checked } from '../api/validate.ts'
import { recordEvent } from '../events/record.ts'
import { isDuration } from '../lib/duration.ts'
import { cached } from './cache.ts'

/** Switches that clients know; a body may name some of them. */
const FLAGS = {
  core_default_app_access: true,
  policies_buffered_access_view: false,
  flows_refresh_others: false,
  flows_continuous_login: false,
  enterprise_audit_include_expanded_diff: false,
}

const Flags = Type.Partial(Type.Object(Object.fromEntries(Object.keys(FLAGS).map(name => [name, Type.Boolean()]))))

const properties = {
  avatars: Type.String(),
  default_user_change_name: Type.Boolean(),
  default_user_change_email: Type.Boolean(),
  default_user_change_username: Type.Boolean(),
  event_retention: Type.String(),
  reputation_lower_limit: Type.Integer({ minimum: -2147483648, maximum: 0 }),
  reputation_upper_limit: Type.Integer({ minimum: 0, maximum: 2147483647 }),
  footer_links: Type.Unknown(),
  gdpr_compliance: Type.Boolean(),
  impersonation: Type.Boolean(),
  impersonation_require_reason: Type.Boolean(),
  default_token_duration: Type.String(),
  default_token_length: Type.Integer({ minimum: 1, maximum: 2147483647 }),
  pagination_default_page_size: Type.Integer({ minimum: 1, maximum: 2147483647 }),
  pagination_max_page_size: Type.Integer({ minimum: 1, maximum: 2147483647 }),
  flags: Flags,
  /** Ours: superusers pass application access checks without a binding. */
  superuser_bypass: Type.Boolean(),
}

/** Settings that administrators change at run time; one row for the installation. */
export type SystemSettings = {
  avatars: string
  default_user_change_name: boolean
  default_user_change_email: boolean
  default_user_change_username: boolean
  event_retention: string
  reputation_lower_limit: number
  reputation_upper_limit: number
  footer_links: { name: string; href: string }[]
  gdpr_compliance: boolean
  impersonation: boolean
  impersonation_require_reason: boolean
  default_token_duration: string
  default_token_length: number
  pagination_default_page_size: number
  pagination_max_page_size: number
  flags: Record<string, boolean>
  superuser_bypass: boolean
}

export const DEFAULT_SETTINGS: Readonly<SystemSettings> = Object.freeze({
  avatars: 'gravatar,initials',
  default_user_change_name: true,
  default_user_change_email: false,
  default_user_change_username: false,
  event_retention: 'days=365',
  reputation_lower_limit: -5,
  reputation_upper_limit: 5,
  footer_links: [],
  gdpr_compliance: true,
  impersonation: true,
  impersonation_require_reason: true,
  default_token_duration: 'days=1',
  default_token_length: 60,
  pagination_default_page_size: 20,
  pagination_max_page_size: 100,
  flags: FLAGS,
  superuser_bypass: true,
})

const load = cached(['system_settings'], async (ctx): Promise<SystemSettings> => {
  const row = await ctx.db.selectFrom('system_settings').select('value').executeTakeFirst()
  const stored = row?.value as Partial<SystemSettings> | undefined
  return { ...DEFAULT_SETTINGS, ...stored, flags: { ...FLAGS, ...stored?.flags } }
})

/** The settings in force. */
export const systemSettings = (ctx: Ctx): Promise<SystemSettings> => load(ctx)

/**
 * The settings for what is written down beside something else (how long an entry is kept, where a score ends): as they were before the
 * transaction that is open, so that it need not ask for them again.
 */
export const settingsOutside = (ctx: Ctx): SystemSettings | Promise<SystemSettings> => load.outside(ctx)

const requiredOnPut = ['flags']
const full = Type.Unsafe({ type: 'object', properties, required: requiredOnPut })
const Shown = Type.Unsafe({
  type: 'object',
  properties: { ...properties, flags: Type.Object(Object.fromEntries(Object.keys(FLAGS).map(name => [name, Type.Boolean()]))) },
  required: requiredOnPut,
})
const partial = Type.Unsafe({ type: 'object', properties })

async function change(ctx: Ctx, body: unknown, schema: typeof full): Promise<SystemSettings> {
  const sent = checked<Row>(schema, body)
  for (const name of ['event_retention', 'default_token_duration']) {
    const value = sent[name] as string | undefined
    if (value !== undefined && !isDuration(value))
      throw invalid({ [name]: [`${value} is not in the correct format of 'hours=3;minutes=1'.`] })
  }
  const known = Object.fromEntries(Object.entries(sent).filter(([name]) => name in properties))
  if (known.flags !== undefined) known.flags = Object.fromEntries(Object.entries(known.flags as Row).filter(([name]) => name in FLAGS))
  return transact(ctx, async ctx => {
    const before = await systemSettings(ctx)
    const after = { ...before, ...known, flags: { ...before.flags, ...(known.flags as Record<string, boolean> | undefined) } }
    await ctx.db
      .insertInto('system_settings')
      .values({ id: 1, value: JSON.stringify(after) })
      .onConflict(conflict => conflict.column('id').doUpdateSet({ value: JSON.stringify(after) }))
      .execute()
    const diff = Object.fromEntries(
      Object.entries(after).flatMap(([name, value]) => {
        const previous = before[name as keyof SystemSettings]
        return JSON.stringify(previous) === JSON.stringify(value) ? [] : [[name, { previous, new: value }]]
      }),
    )
    await recordEvent(ctx, 'model_updated', {
      model: { app: 'authentik_tenants', model_name: 'tenant', pk: '1', name: 'System settings' },
      diff,
    })
    return after
  })
}

const VIEW = 'authentik_rbac.view_system_settings'
const EDIT = 'authentik_rbac.edit_system_settings'

export const settingsRoutes: Record<string, SpecialOperation> = {
  'GET /admin/settings/': {
    response: Shown,
    handler: async ctx => {
      requirePermission(ctx, VIEW)
      return systemSettings(ctx)
    },
  },
  'PUT /admin/settings/': {
    body: full,
    bodyName: 'SettingsRequest',
    response: Shown,
    handler: async (ctx, request) => {
      requirePermission(ctx, EDIT)
      return change(ctx, request.body ?? {}, full)
    },
  },
  'PATCH /admin/settings/': {
    body: partial,
    bodyName: 'PatchedSettingsRequest',
    response: Shown,
    handler: async (ctx, request) => {
      requirePermission(ctx, EDIT)
      return change(ctx, request.body ?? {}, partial)
    },
  },
}
