import { createPublicKey } from 'node:crypto'
import type { Row } from '../../../api/model.ts'
import type { Ctx } from '../../../context.ts'
import type { Db } from '../../../db/database.ts'
import { statement } from '../../../db/statement.ts'
import { parseDuration } from '../../../lib/duration.ts'
import { signingAlgorithms } from '../../../crypto/keypair.ts'
import { keypairSigner, UnusableKey, verifiedClaims } from './signer.ts'

/** A key that a client's tokens were signed with until not long ago. */
export type RetiredKey = { jwk: Row; verify: (token: string) => Promise<Row | undefined> }

type Using = { id: number; access_token_validity: string }

/**
 * Keeps the public half of a key for as long as tokens that it signed may live: clients go on finding it in the key set.
 * @param keypair opened row
 */
async function retire(ctx: Ctx, providers: readonly Using[], keypair: Row): Promise<void> {
  let jwk: Row
  try {
    jwk = keypairSigner(keypair).jwk!
  } catch (error) {
    if (error instanceof UnusableKey) return // it signed nothing
    throw error
  }
  for (const { id, access_token_validity: validity } of providers) {
    const expires = new Date(ctx.now().getTime() + parseDuration(validity))
    await ctx.db
      .insertInto('oauth2_retired_key')
      .values({ provider: id, kid: keypair.kid as string, jwk: JSON.stringify(jwk), expires })
      .onConflict(conflict => conflict.columns(['provider', 'kid']).doUpdateSet({ expires }))
      .execute()
  }
}

/** A provider signs with another key from now on. Call in the transaction of the change. */
export const retireKeyOf = (ctx: Ctx, provider: Using, keypair: Row): Promise<void> => retire(ctx, [provider], keypair)

/** A keypair is about to be replaced or deleted: whoever signs with it. */
export async function retireKeypair(ctx: Ctx, keypair: Row): Promise<void> {
  const users = await ctx.db
    .selectFrom('provider_oauth2')
    .select(['id', 'access_token_validity'])
    .where('signing_key', '=', keypair.kp_uuid as string)
    .execute()
  await retire(ctx, users, keypair)
}

const retiredRows = statement((db, provider: number) =>
  db.selectFrom('oauth2_retired_key').select(['kid', 'jwk']).where('provider', '=', provider).orderBy('id'),
)

/** The keys that a provider signed with before, other than the one it signs with now. */
export async function retiredKeys(ctx: Ctx, provider: number, current: string | undefined): Promise<RetiredKey[]> {
  const rows = await retiredRows.all(ctx.db, provider)
  return rows
    .filter(({ kid }) => kid !== current)
    .map(row => {
      const { alg: _, ...jwk } = row.jwk as unknown as Row // what it signed may have been by another algorithm than its usual one
      const key = createPublicKey({ key: jwk, format: 'jwk' })
      return { jwk, verify: token => verifiedClaims(token, key, [...signingAlgorithms(key)]) }
    })
}

/** Forgets keys whose tokens are over. */
export const purgeRetired = async (db: Db, now: Date): Promise<number> =>
  Number((await db.deleteFrom('oauth2_retired_key').where('expires', '<=', now).executeTakeFirst()).numDeletedRows)
