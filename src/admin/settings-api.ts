import { Type } from 'typebox'
import { transact, type Ctx } from '../context.ts'
import { invalid } from '../api/errors.ts'
import type { SpecialOperation } from '../api/mount.ts'
import type { Row } from '../api/model.ts'
import { requirePermission } from '../api/permissions.ts'
import { checked } from '../api/validate.ts'
import { FLAGS, systemSettings, type SystemSettings } from '../core/settings.ts'
import { recordEvent } from '../events/record.ts'
import { isDuration } from '../lib/duration.ts'

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

const requiredOnPut = ['flags']
const full = Type.Unsafe({ type: 'object', properties, required: requiredOnPut })
const Shown = Type.Unsafe({
  type: 'object',
  properties: { ...properties, flags: Type.Object(Object.fromEntries(Object.keys(FLAGS).map(name => [name, Type.Boolean()]))) },
  required: requiredOnPut,
})
const partial = Type.Unsafe({ type: 'object', properties })

/** The links at the foot of every page. @throws ApiError for anything else: no page could be shown with it */
function footerLinks(value: unknown): SystemSettings['footer_links'] {
  const isLink = (link: unknown): link is { name: string; href?: string | null } => {
    const { name, href } = (link ?? {}) as Row
    return typeof name === 'string' && (href === undefined || href === null || typeof href === 'string')
  }
  const links = value ?? []
  if (!Array.isArray(links) || !links.every(isLink))
    throw invalid({ footer_links: ['Must be a list of links, each {"name": text, "href": address or null}.'] })
  return links.map(({ name, href }) => ({ name, href: href ?? null }))
}

async function change(ctx: Ctx, body: unknown, schema: typeof full): Promise<SystemSettings> {
  const sent = checked<Row>(schema, body)
  for (const name of ['event_retention', 'default_token_duration']) {
    const value = sent[name] as string | undefined
    if (value !== undefined && !isDuration(value))
      throw invalid({ [name]: [`${value} is not in the correct format of 'hours=3;minutes=1'.`] })
  }
  const known = Object.fromEntries(Object.entries(sent).filter(([name]) => name in properties))
  if (known.flags !== undefined) known.flags = Object.fromEntries(Object.entries(known.flags as Row).filter(([name]) => name in FLAGS))
  if ('footer_links' in known) known.footer_links = footerLinks(known.footer_links)
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
