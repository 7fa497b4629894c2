import { sql } from 'kysely'
import { deleteObject, eventModel } from '../../../api/objects.ts'
import { notFound } from '../../../api/errors.ts'
import { parseUuid } from '../../../api/filters.ts'
import type { Row } from '../../../api/model.ts'
import type { SpecialOperation } from '../../../api/mount.ts'
import { findObject, findObjects } from '../../../api/store.ts'
import { transact, type Ctx } from '../../../context.ts'
import { Application } from '../../../core/application/model.ts'
import { UserConsent } from '../../../core/consent.ts'
import { withdraw } from '../../../core/withdrawal.ts'
import { recordEvent } from '../../../events/record.ts'
import { iconUrl } from '../../../core/icon.ts'
import type { OwnAccess } from '../../../interfaces/owned.ts'
import { clientOfProvider } from '../client/client.ts'
import { RefreshToken } from '../token/grant-model.ts'

type Held = { scopes: Set<string>; until: Date | null }

/** More than anybody looks through. */
const MOST = 200

/** Leave to go on while the caller is away that applications have of them. */
const livingTokens = (ctx: Ctx) =>
  ctx.db
    .selectFrom('oauth2_refresh_token as token')
    .innerJoin('application', 'application.provider', 'token.provider')
    .where('token.user', '=', ctx.caller.user!.id as number)
    .where('token.revoked_at', 'is', null)
    .where('token.used_at', 'is', null)
    .where('token.expires', '>', ctx.now())

/** What each application holds of the caller, by its key: consent that was given, and leave to go on while they are away. */
async function held(ctx: Ctx): Promise<Map<string, Held>> {
  const user = ctx.caller.user!.id as number
  const now = ctx.now()
  const found = new Map<string, Held>()
  const at = (key: string): Held => {
    const known = found.get(key) ?? { scopes: new Set(), until: null }
    found.set(key, known)
    return known
  }
  const consents = await ctx.db
    .selectFrom('user_consent')
    .select(['application', 'permissions', 'expires', 'expiring'])
    .where('user', '=', user)
    .limit(MOST)
    .execute()
  for (const { application, permissions, expires, expiring } of consents) {
    if (expiring && expires !== null && expires <= now) continue
    const one = at(application)
    for (const scope of permissions.split(' ').filter(Boolean)) one.scopes.add(scope)
    one.until = expiring ? expires : null
  }
  const tokens = await livingTokens(ctx).select(['token.scope', 'application.pbm_uuid']).limit(MOST).execute()
  for (const { scope, pbm_uuid: application } of tokens) for (const name of scope as unknown as string[]) at(application).scopes.add(name)
  return found
}

/** As people were asked: who they are comes first, and what goes on without them last. */
const place = (scope: string): number => (scope === 'openid' ? 0 : scope === 'offline_access' ? 2 : 1)
const inOrder = (scopes: ReadonlySet<string>): string[] => [...scopes].toSorted((a, b) => place(a) - place(b) || a.localeCompare(b))

/** The applications that the caller has let in, by name. */
export async function ownAccess(ctx: Ctx): Promise<OwnAccess[]> {
  const holdings = await held(ctx)
  if (holdings.size === 0) return []
  const where = [sql<boolean>`application.pbm_uuid in (${sql.join([...holdings.keys()])})`]
  const applications = await findObjects(ctx, Application, { where })
  const shown = applications.map(async (application: Row): Promise<OwnAccess> => {
    const { scopes, until } = holdings.get(application.pbm_uuid as string)!
    const client = application.provider === null ? undefined : await clientOfProvider(ctx, application.provider as number)
    const descriptions = new Map(client?.mappings.map(mapping => [mapping.scope_name, mapping.description]))
    return {
      name: application.name as string,
      icon: iconUrl(application.meta_icon as string),
      unverified: client?.registered !== undefined,
      scopes: inOrder(scopes).map(id => ({ id, name: descriptions.get(id) ?? '' })),
      until,
      grants: [`/signet/own_access/${String(application.pbm_uuid)}/`],
    }
  })
  return (await Promise.all(shown)).toSorted((a, b) => a.name.localeCompare(b.name))
}

/**
 * Takes back whatever an application has of somebody: consent, and all that was given out, with consent or without, to be used while they are away or
 * not. Nothing happens where there is nothing. The audit log names what people see on their page: consents, and leave to go on without them.
 */
const takeBack = (ctx: Ctx, user: Row, application: Row): Promise<void> =>
  transact(ctx, async ctx => {
    const [person, key] = [user.id as number, application.pbm_uuid as string]
    const where = [sql<boolean>`user_consent."user" = ${person} and user_consent.application = ${key}`]
    for (const consent of await findObjects(ctx, UserConsent, { where })) await deleteObject(ctx, UserConsent, consent)
    const tokens = await livingTokens(ctx).select('token.id').where('application.pbm_uuid', '=', key).limit(MOST).execute()
    await withdraw(ctx, { user: person, application: key })
    for (const token of tokens) await recordEvent(ctx, 'model_deleted', { model: eventModel(RefreshToken, token) })
  })

export const ownAccessRoutes: Record<string, SpecialOperation> = {
  'DELETE /signet/own_access/:pk/': {
    status: 204,
    handler: async (ctx, request) => {
      const key = parseUuid((request.params as { pk: string }).pk)
      const application = key === undefined ? undefined : await findObject(ctx, Application, key)
      if (!application) throw notFound()
      await takeBack(ctx, ctx.caller.user!, application)
    },
  },
}
