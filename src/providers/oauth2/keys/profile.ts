import { createPublicKey } from 'node:crypto'
import { sql } from 'kysely'
import { invalid } from '../../../api/errors.ts'
import type { Row } from '../../../api/model.ts'
import type { Ctx } from '../../../context.ts'
import { loadPrivateKey, signingAlgorithms } from '../../../crypto/keypair.ts'
import { PROFILE_ALGORITHMS, WEAK } from '../fapi.ts'

/** FAPI 2.0 Security Profile §5.4.1: bits of an RSA key. */
const LEAST_RSA = 2_048

/** What of a client's metadata names an algorithm that the provider's key signs by. */
export const SIGNED_BY_KEY = ['id_token_signed_response_alg', 'userinfo_signed_response_alg', 'authorization_signed_response_alg'] as const

/** Why a keypair (opened row; undefined: none) must not sign for a client of the profile; undefined: it may. */
export function profileKeyFault(keypair: Row | undefined): string | undefined {
  if (!keypair || keypair.key_data === '') return WEAK
  const key = loadPrivateKey(keypair.key_data as string)
  if (!signingAlgorithms(key).some(alg => PROFILE_ALGORITHMS.includes(alg))) return WEAK
  const bits = key.asymmetricKeyType === 'rsa' ? createPublicKey(key).asymmetricKeyDetails?.modulusLength : undefined
  return bits !== undefined && bits < LEAST_RSA ? `This profile wants RSA keys of ${LEAST_RSA} bits or more.` : undefined
}

type Held = { [name in (typeof SIGNED_BY_KEY)[number]]: string | null } & { provider: number; name: string }

/** Clients of the profile that sign with the key of one of these providers: their own, or that of whom they registered themselves with. */
const heldBy = (ctx: Ctx, providers: readonly number[]): Promise<Held[]> =>
  ctx.db
    .selectFrom('oauth2_client_metadata as metadata')
    .innerJoin('provider', 'provider.id', 'metadata.provider')
    .leftJoin('oauth2_registration as registration', 'registration.provider', 'metadata.provider')
    .select(['metadata.provider', 'provider.name', ...SIGNED_BY_KEY.map(name => `metadata.${name}` as const)])
    .where('metadata.security_profile', '=', 'fapi2')
    .where(sql<boolean>`coalesce(registration.parent, metadata.provider) in (${sql.join([...providers])})`)
    .orderBy('metadata.provider')
    .execute()

/** What a key cannot do for clients that are held to the profile, in words for whoever changes it; undefined: it can. */
async function faultFor(ctx: Ctx, providers: readonly number[], keypair: Row | undefined): Promise<string | undefined> {
  const held = providers.length === 0 ? [] : await heldBy(ctx, providers)
  const fault = held.length > 0 ? profileKeyFault(keypair) : undefined
  if (fault !== undefined) return `${held[0]!.name} is held to the FAPI 2.0 Security Profile. ${fault}`
  const able = keypair && held.length > 0 ? signingAlgorithms(loadPrivateKey(keypair.key_data as string)) : []
  for (const client of held)
    for (const name of SIGNED_BY_KEY) {
      const alg = client[name]
      if (alg !== null && !able.includes(alg))
        return `${client.name} is held to the FAPI 2.0 Security Profile, and asks for ${alg} (${name}), which this key cannot do.`
    }
  return undefined
}

/** A provider is about to get another signing key. @throws what the API says of the field */
export async function requireProfileKey(ctx: Ctx, provider: number, keypair: Row | undefined): Promise<void> {
  const fault = await faultFor(ctx, [provider], keypair)
  if (fault !== undefined) throw invalid({ signing_key: [fault] })
}

/** A provider is about to lose its secret. @throws what the API says of the field */
export async function requireProfileSecret(ctx: Ctx, provider: number): Promise<void> {
  const own = (await heldBy(ctx, [provider])).find(held => held.provider === provider)
  if (own) throw invalid({ client_type: ['A client that is held to the FAPI 2.0 Security Profile cannot be public.'] })
}

/** The material of a keypair was replaced, or is about to go (`next` undefined). @throws what the API says of it */
export async function requireProfileKeypair(ctx: Ctx, keypair: Row, next?: Row): Promise<void> {
  const rows = await ctx.db
    .selectFrom('provider_oauth2')
    .select('id')
    .where('signing_key', '=', keypair.kp_uuid as string)
    .execute()
  const fault = await faultFor(
    ctx,
    rows.map(({ id }) => id),
    next,
  )
  if (fault !== undefined) throw invalid({ [next ? 'key_data' : 'detail']: [fault] })
}
