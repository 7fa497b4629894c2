import type { Ctx } from '../context.ts'
import { cached } from './cache.ts'

/** Switches that clients know; a body may name some of them. */
export const FLAGS = {
  core_default_app_access: true,
  policies_buffered_access_view: false,
  flows_refresh_others: false,
  flows_continuous_login: false,
  enterprise_audit_include_expanded_diff: false,
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
  footer_links: { name: string; href: string | null }[]
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
