import type { Row } from '../api/model.ts'
import type { Ctx } from '../context.ts'
import { groupsOf } from '../core/membership.ts'
import { recordEvent } from '../events/record.ts'
import { deepMerge } from '../lib/deep-merge.ts'

/** A scope mapping as a provider uses it. */
export type ScopeMappingRow = { pm_uuid: string; name: string; managed: string | null; expression: string; scope_name: string; description: string }

export type ClaimsRequest = {
  /** The provider's row. */
  provider: Row
  /** null: nobody in particular, to learn which claims there are. */
  user: Row | null
  scopes: readonly string[]
  /** All mappings of the provider, by scope name. */
  mappings: readonly ScopeMappingRow[]
}

type Native = (ctx: Ctx, user: Row | null) => Promise<Row> | Row

const none: Native = () => ({})

/** The mappings that every installation begins with, by their managed id. */
const NATIVE: Readonly<Record<string, Native>> = {
  'goauthentik.io/providers/oauth2/scope-openid': none,
  'goauthentik.io/providers/oauth2/scope-offline_access': none,
  'goauthentik.io/providers/oauth2/scope-authentik_api': none,
  'goauthentik.io/providers/oauth2/scope-email': (_, user) => ({ email: user?.email ?? '', email_verified: false }),
  'goauthentik.io/providers/oauth2/scope-profile': async (ctx, user) => ({
    name: user?.name ?? '',
    given_name: user?.name ?? '',
    preferred_username: user?.username ?? '',
    nickname: user?.username ?? '',
    groups: user === null ? [] : await directGroups(ctx, user.id as number),
  }),
  // No application has entitlements: there is no way to define one.
  'goauthentik.io/providers/oauth2/scope-entitlements': () => ({ entitlements: [], roles: [] }),
  'goauthentik.io/providers/proxy/scope-proxy': async (ctx, user) => {
    const groups = user === null ? [] : await groupsOf(ctx.db, user.id as number)
    return {
      ak_proxy: {
        user_attributes: deepMerge(...groups.map(group => group.attributes), (user?.attributes ?? {}) as Row),
        is_superuser: groups.some(group => group.is_superuser),
      },
    }
  },
}

async function directGroups(ctx: Ctx, user: number): Promise<string[]> {
  const rows = await ctx.db.selectFrom('user_group').innerJoin('group', 'group.group_uuid', 'user_group.group')
    .select('group.name').where('user_group.user', '=', user).orderBy('group.name').execute()
  return rows.map(row => row.name)
}

/** Mappings that were reported already, so that one that cannot run does not fill the audit log. */
const reported = new Set<string>()

/**
 * What one mapping says. The mappings of a new installation are known here by their managed id; an expression that an operator wrote
 * cannot be run by this version: the log and one event say so, and its claims are missing.
 */
async function evaluate(ctx: Ctx, mapping: ScopeMappingRow, user: Row | null): Promise<Row> {
  const native = mapping.managed === null ? undefined : NATIVE[mapping.managed]
  if (native) return native(ctx, user)
  const key = `${mapping.pm_uuid} ${mapping.expression}`
  if (!reported.has(key)) {
    reported.add(key)
    ctx.log.warn({ event: 'mapping skipped', mapping: mapping.name }, 'mapping skipped')
    await recordEvent(ctx, 'configuration_error', { message: `The expression of the mapping "${mapping.name}" cannot be run, so its claims are left out.`, mapping: { name: mapping.name, pk: mapping.pm_uuid } })
  }
  return {}
}

/** The claims that the granted scopes add, of all mappings in the order of their scopes: objects are merged, lists joined, else the later one counts. */
export async function scopeClaims(ctx: Ctx, { user, scopes, mappings }: ClaimsRequest): Promise<Row> {
  let claims: Row = {}
  for (const mapping of mappings) {
    if (scopes.includes(mapping.scope_name)) claims = deepMerge(claims, await evaluate(ctx, mapping, user))
  }
  return claims
}
