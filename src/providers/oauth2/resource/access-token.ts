import type { Row } from '../../../api/model.ts'
import type { Ctx } from '../../../context.ts'
import { presentedThumbprint } from '../client/certificate.ts'
import { clientOfProvider, type Client } from '../client/client.ts'
import { findAccessToken, type AccessTokenRow } from '../token/grants.sql.ts'
import { activeUser } from '../users.ts'

export type LivingToken = { token: AccessTokenRow; user: Row; client: Client }

/** Longer texts are no tokens of ours. */
const MAX_LENGTH = 24 * 1024

/** The row of what looks like an access token, good or not; undefined when it was never given out. */
export const knownToken = async (ctx: Ctx, credential: string): Promise<AccessTokenRow | undefined> =>
  credential.length > MAX_LENGTH ? undefined : findAccessToken(ctx.db, credential, ctx.now())

/**
 * The access token behind a bearer credential, when it is good right now: known, not expired, not revoked, its account active and
 * its session not ended; and presented with a proof of the key
 * and with the certificate that it is bound to, or with no proof where it is bound to no key. Its signature need not be looked at: the table is what counts.
 */
export async function livingToken(ctx: Ctx, credential: string, key: string | null = null): Promise<LivingToken | undefined> {
  const token = await knownToken(ctx, credential)
  if (!token || token.jkt !== key || (token.x5t !== null && token.x5t !== presentedThumbprint(ctx))) return undefined
  return livingRow(ctx, token)
}

/** The same for a row that is known already. */
export async function livingRow(ctx: Ctx, token: AccessTokenRow): Promise<LivingToken | undefined> {
  const now = ctx.now()
  if (token.revoked_at !== null || token.expires <= now) return undefined
  if (token.session_hash !== null && token.living_session === null) return undefined
  const user = await activeUser(ctx, token.user)
  const client = await clientOfProvider(ctx, token.provider)
  return user && client && { token, user, client }
}
