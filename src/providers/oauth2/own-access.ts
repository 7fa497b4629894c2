import { sql } from 'kysely'
import type { Row } from '../../api/model.ts'
import { findObjects } from '../../api/store.ts'
import type { Ctx } from '../../context.ts'
import { Application } from '../../core/application.ts'
import { iconUrl } from '../../core/icon.ts'
import type { OwnAccess } from '../../interfaces/owned.ts'
import { clientOfProvider } from './client.ts'

type Held = { scopes: Set<string>; until: Date | null; grants: string[] }

/** More than anybody looks through. */
const MOST = 200

/** What each application holds of the caller, by its key: consent that was given, and leave to go on while they are away. */
async function held(ctx: Ctx): Promise<Map<string, Held>> {
  const user = ctx.caller.user!.id as number
  const now = ctx.now()
  const found = new Map<string, Held>()
  const at = (key: string): Held => {
    const known = found.get(key) ?? { scopes: new Set(), until: null, grants: [] }
    found.set(key, known)
    return known
  }
  const consents = await ctx.db
    .selectFrom('user_consent')
    .select(['id', 'application', 'permissions', 'expires', 'expiring'])
    .where('user', '=', user)
    .limit(MOST)
    .execute()
  for (const { id, application, permissions, expires, expiring } of consents) {
    if (expiring && expires !== null && expires <= now) continue
    const one = at(application)
    for (const scope of permissions.split(' ').filter(Boolean)) one.scopes.add(scope)
    one.until = expiring ? expires : null
    one.grants.push(`/core/user_consent/${id}/`)
  }
  const tokens = await ctx.db
    .selectFrom('oauth2_refresh_token as token')
    .innerJoin('application', 'application.provider', 'token.provider')
    .select(['token.id', 'token.scope', 'application.pbm_uuid'])
    .where('token.user', '=', user)
    .where('token.revoked_at', 'is', null)
    .where('token.used_at', 'is', null)
    .where('token.expires', '>', now)
    .limit(MOST)
    .execute()
  for (const { id, scope, pbm_uuid: application } of tokens) {
    const one = at(application)
    for (const name of scope as unknown as string[]) one.scopes.add(name)
    // What goes with the consent needs no words of its own.
    if (!one.grants.some(path => path.startsWith('/core/'))) one.grants.push(`/oauth2/refresh_tokens/${id}/`)
  }
  return found
}

/** The applications that the caller has let in, by name. */
export async function ownAccess(ctx: Ctx): Promise<OwnAccess[]> {
  const holdings = await held(ctx)
  if (holdings.size === 0) return []
  const where = [sql<boolean>`application.pbm_uuid in (${sql.join([...holdings.keys()])})`]
  const applications = await findObjects(ctx, Application, { where })
  const shown = applications.map(async (application: Row): Promise<OwnAccess> => {
    const { scopes, until, grants } = holdings.get(application.pbm_uuid as string)!
    const client = application.provider === null ? undefined : await clientOfProvider(ctx, application.provider as number)
    const descriptions = new Map(client?.mappings.map(mapping => [mapping.scope_name, mapping.description]))
    return {
      name: application.name as string,
      icon: iconUrl(application.meta_icon as string),
      unverified: client?.registered !== undefined,
      scopes: [...scopes].map(id => ({ id, name: descriptions.get(id) ?? '' })),
      until,
      grants,
    }
  })
  return (await Promise.all(shown)).toSorted((a, b) => a.name.localeCompare(b.name))
}
