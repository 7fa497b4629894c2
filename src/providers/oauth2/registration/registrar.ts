import { ApiError } from '../../../api/errors.ts'
import type { Row } from '../../../api/model.ts'
import { holds } from '../../../api/permissions.ts'
import type { Caller, Ctx } from '../../../context.ts'
import { explainAccess, mayOpen } from '../../../core/application/access.ts'
import { countAttempt } from '../../../core/attempts.ts'
import { bearerCaller, callerFor } from '../../../core/callers.ts'
import { evaluatePolicies } from '../../../policies/engine.ts'
import { livingToken } from '../resource/access-token.ts'
import type { Headers } from '../client/authentication.ts'
import type { Client } from '../client/client.ts'
import { OAuthError } from '../errors.ts'

/** Lets an access token of the provider register clients. */
export const SCOPE = 'goauthentik.io/oidc/dcr'
/** Lets an API token do that. */
const PERMISSION = 'authentik_providers_oauth2.register_oauth2client'

/** Registrations of one account, and changes of one client, within the window: more is a program gone wild. */
const MOST = 100
/** Clients of one account at once. */
const MOST_KEPT = 1_000
const WINDOW = 3_600_000 // ms

/** RFC 6750 §3.1. */
export const invalidToken = (): OAuthError =>
  new OAuthError('invalid_token', 'The access token provided is expired, revoked, malformed, or invalid for other reasons', {
    status: 401,
    headers: { 'www-authenticate': 'Bearer error="invalid_token"' },
  })

const refused = (): OAuthError => new OAuthError('access_denied', 'This account may not register clients here', { status: 403 })

/** The credential of a request, RFC 6750 §2.1. @throws invalid_token */
export function bearerOf(headers: Headers): string {
  const { authorization } = headers
  const credential = typeof authorization === 'string' ? /^bearer +(\S+)$/i.exec(authorization)?.[1] : undefined
  if (credential === undefined) throw invalidToken()
  return credential
}

async function apiCaller(ctx: Ctx, credential: string): Promise<Caller | undefined> {
  try {
    return await bearerCaller(ctx, `Bearer ${credential}`, [])
  } catch (error) {
    if (error instanceof ApiError) return undefined
    throw error
  }
}

/** Who presents an initial access token (RFC 7591 §1.2): a token of the API with its own permission, or an access token with its own scope. */
async function holder(ctx: Ctx, parent: Client, credential: string): Promise<Caller> {
  const caller = await apiCaller(ctx, credential)
  if (caller) {
    if (!holds({ ...ctx, caller }, PERMISSION)) throw refused()
    return caller
  }
  const living = await livingToken(ctx, credential)
  if (!living || living.client.id !== parent.id || !living.token.scope.includes(SCOPE)) throw invalidToken()
  return callerFor(ctx, living.user, { token: { credential: 'oauth2' } })
}

/**
 * Who registers a client: known, and let in by what is bound to the application and by what is bound to the registration itself.
 * @param settings the registration's own row
 * @throws invalid_token, access_denied
 */
export async function requireRegistrar(ctx: Ctx, headers: Headers, parent: Client, settings: Row, asked: Row): Promise<Caller> {
  const caller = await holder(ctx, parent, bearerOf(headers))
  const user = caller.user!
  const context = { oauth_client_metadata: asked }
  const access = await mayOpen(ctx, parent.application!, user, { context })
  if (!access.passing) {
    explainAccess(ctx, parent.application!, user, access, 'register')
    throw refused()
  }
  const decision = await evaluatePolicies(ctx, { target: settings.pbm_uuid as string, user, context, object: settings, empty: true })
  if (!decision.passing) throw refused()
  await requirePatience(ctx, `register client ${String(user.id)}`)
  const { count } = await ctx.db
    .selectFrom('oauth2_registration')
    .select(eb => eb.fn.countAll<number | bigint>().as('count'))
    .where('user', '=', user.id as number)
    .executeTakeFirstOrThrow()
  if (Number(count) >= MOST_KEPT)
    throw new OAuthError('access_denied', `This account has registered ${MOST_KEPT} clients. Remove some first.`, { status: 403 })
  return caller
}

/** Counts what has every process read its clients anew. @param key whose, and what. @throws slow_down */
async function requirePatience(ctx: Ctx, key: string): Promise<void> {
  if ((await countAttempt(ctx, key, WINDOW)) > MOST)
    throw new OAuthError('slow_down', 'Too many clients were registered or changed. Try again later.', {
      status: 429,
      headers: { 'retry-after': String(WINDOW / 1000) },
    })
}

/** A client changes its registration, RFC 7592 §2.2. @throws slow_down */
export const countChange = (ctx: Ctx, client: Client): Promise<void> => requirePatience(ctx, `change client ${client.id}`)
