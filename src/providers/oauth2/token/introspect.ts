import type { Ctx } from '../../../context.ts'
import { json, type Answer } from '../answer.ts'
import { clientProven, namedClient, readCredentials, type Headers } from '../client/authentication.ts'
import { clientOfProvider, type Client } from '../client/client.ts'
import { OAuthError } from '../errors.ts'
import { sessionLives, type RefreshTokenRow } from './grants.sql.ts'
import { stillStands } from './grants/refresh-token.ts'
import { livingAccessToken, livingRefreshToken } from './introspect.sql.ts'
import { confirmation } from './issue.ts'
import type { Parameters } from '../parameters.ts'

/** The client that asks, when it proved itself; a public one cannot (RFC 7662 §2.1). */
async function askingClient(ctx: Ctx, headers: Headers, form: Parameters): Promise<Client | undefined> {
  try {
    const credentials = readCredentials(headers, form)
    const client = await namedClient(ctx, credentials)
    return !client.public && (await clientProven(ctx, client, credentials)) ? client : undefined
  } catch (error) {
    if (error instanceof OAuthError) return undefined
    throw error
  }
}

/** Whose token it is, when the client that asks may see it: its own, or of a provider that it is told to trust. */
async function ownerOf(ctx: Ctx, client: Client, provider: number): Promise<Client | undefined> {
  if (client.id === provider) return client
  const trusted = await ctx.db
    .selectFrom('provider_oauth2_federation')
    .select('trusted')
    .where('provider', '=', provider)
    .where('trusted', '=', client.id)
    .executeTakeFirst()
  return trusted && clientOfProvider(ctx, provider)
}

/** Whether a refresh would still have a session and a consent to stand on. */
async function isOfUse(ctx: Ctx, owner: Client, token: RefreshTokenRow, now: Date): Promise<boolean> {
  const granted = token.scope.filter(name => owner.scopes.includes(name))
  return stillStands(ctx, owner, token, { id: token.user }, granted, await sessionLives(ctx.db, token.session_hash, now))
}

const inactive = (): Answer => json(200, { active: false })

/** Token introspection, RFC 7662. Whatever is not good for the client that asks is inactive, and nothing more is said (§2.2). */
export async function introspect(ctx: Ctx, headers: Headers, form: Parameters): Promise<Answer> {
  const client = form.fault ? undefined : await askingClient(ctx, headers, form)
  const presented = form.get('token')
  if (!client || presented === undefined) return inactive()
  const now = ctx.now()
  const access = await livingAccessToken(ctx.db, presented, now)
  if (access) {
    const owner = await ownerOf(ctx, client, access.provider)
    if (!owner) return inactive()
    return json(200, {
      ...access.claims,
      active: true,
      scope: access.scope.join(' '),
      client_id: owner.client_id,
      token_type: access.jkt === null ? 'Bearer' : 'DPoP',
      ...confirmation(access), // RFC 9449 §6.2, RFC 8705 §3.2
    })
  }
  const refresh = await livingRefreshToken(ctx.db, presented, now)
  const owner = refresh && (await ownerOf(ctx, client, refresh.provider))
  if (!owner || !(await isOfUse(ctx, owner, refresh, now))) return inactive()
  return json(200, {
    ...refresh.claims,
    exp: Math.floor(refresh.expires.getTime() / 1000),
    active: true,
    scope: refresh.scope.join(' '),
    client_id: owner.client_id,
    ...confirmation(refresh),
  })
}
