import type { Ctx } from '../../context.ts'
import { hashToken } from '../../crypto/secrets.ts'
import { livingRow } from './access-token.ts'
import { json, type Answer } from './answer.ts'
import { clientProven, namedClient, readCredentials, type Headers } from './client-authentication.ts'
import type { Client } from './client.ts'
import { OAuthError } from './errors.ts'
import { findAccessToken, findRefreshToken } from './grants.sql.ts'
import { confirmation } from './issue.ts'
import type { Parameters } from './parameters.ts'
import { activeUser } from './users.ts'

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

/** A client sees its own tokens, and those of providers that it is told to trust. */
async function maySee(ctx: Ctx, client: Client, provider: number): Promise<boolean> {
  if (client.id === provider) return true
  return (
    (await ctx.db
      .selectFrom('provider_oauth2_federation')
      .select('trusted')
      .where('provider', '=', provider)
      .where('trusted', '=', client.id)
      .executeTakeFirst()) !== undefined
  )
}

const inactive = (): Answer => json(200, { active: false })

/** Token introspection, RFC 7662. Whatever is not good for the client that asks is inactive, and nothing more is said (§2.2). */
export async function introspect(ctx: Ctx, headers: Headers, form: Parameters): Promise<Answer> {
  const client = form.fault ? undefined : await askingClient(ctx, headers, form)
  const presented = form.get('token')
  if (!client || presented === undefined) return inactive()
  const hash = hashToken(presented)
  const access = await findAccessToken(ctx.db, hash)
  if (access) {
    const living = (await maySee(ctx, client, access.provider)) ? await livingRow(ctx, access) : undefined
    return living
      ? json(200, {
          ...access.claims,
          active: true,
          scope: access.scope.join(' '),
          client_id: living.client.client_id,
          token_type: access.jkt === null ? 'Bearer' : 'DPoP',
          ...confirmation(access), // RFC 9449 §6.2, RFC 8705 §3.2
        })
      : inactive()
  }
  const refresh = await findRefreshToken(ctx.db, hash)
  if (!refresh || !(await maySee(ctx, client, refresh.provider))) return inactive()
  if (refresh.used_at !== null || refresh.revoked_at !== null || refresh.expires <= ctx.now() || !(await activeUser(ctx, refresh.user)))
    return inactive()
  return json(200, {
    ...refresh.claims,
    exp: Math.floor(refresh.expires.getTime() / 1000),
    active: true,
    scope: refresh.scope.join(' '),
    client_id: client.client_id,
  })
}
