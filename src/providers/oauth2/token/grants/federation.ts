import { decodeProtectedHeader, jwtVerify, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose'
import { ApiError } from '../../../../api/errors.ts'
import type { Row } from '../../../../api/model.ts'
import { createObject } from '../../../../api/objects.ts'
import { findObjects, withDefaults } from '../../../../api/store.ts'
import { sql } from 'kysely'
import type { Ctx } from '../../../../context.ts'
import { accountNamed } from '../../../../core/user/account.ts'
import { User } from '../../../../core/people.ts'
import { localKeySet, remoteKeySet } from '../../../../http/key-set.ts'
import { OAuthSource } from '../../../../sources/oauth/model.ts'
import { userPath } from '../../../../sources/source.ts'
import { livingToken } from '../../resource/access-token.ts'
import { ASYMMETRIC } from '../../keys/algorithms.ts'
import { JWT_BEARER } from '../../client/assertion.ts'
import type { Client } from '../../client/client.ts'
import { invalidClient } from '../../errors.ts'
import type { Parameters } from '../../parameters.ts'
import type { Proven } from './client-credentials.ts'

/** Clocks differ: s. */
const TOLERANCE = 10
const USERNAME_LENGTH = 150

/** An access token of a provider that this one trusts: whoever it stands for. The very token must be good right now. */
async function byProvider(ctx: Ctx, client: Client, assertion: string): Promise<Proven | undefined> {
  const living = await livingToken(ctx, assertion)
  if (!living) return undefined
  const trusted = await ctx.db
    .selectFrom('provider_oauth2_federation')
    .select('trusted')
    .where('provider', '=', client.id)
    .where('trusted', '=', living.client.id)
    .executeTakeFirst()
  if (!trusted) return undefined
  const { user, token } = living
  return { user, method: 'jwt', details: { jwt: token.claims, provider: living.client.name }, jwt: token.claims }
}

/** Sources whose keys vouch for assertions at a provider. */
const sourcesOf = (ctx: Ctx, client: Client): Promise<Row[]> =>
  findObjects(ctx, OAuthSource, {
    where: [
      sql<boolean>`source_oauth.pbm_uuid in (select source from provider_oauth2_federation_source where provider = ${client.id})`,
      sql<boolean>`source.enabled = ${true}`,
    ],
  })

/** The keys of a source: those that it keeps, or those at its address. */
function keysOf(ctx: Ctx, source: Row, kid: string): JWTVerifyGetKey | undefined {
  const kept = source.oidc_jwks as Partial<JSONWebKeySet> | null
  if (Array.isArray(kept?.keys) && kept.keys.some(key => key.kid === kid)) return localKeySet(kept.keys)
  return source.oidc_jwks_url ? remoteKeySet(ctx, source.oidc_jwks_url as string) : undefined
}

/** What a source signed, with an end that has not come; undefined for anything else. Whom it was made for is for policies to judge. */
async function verified(ctx: Ctx, source: Row, assertion: string, kid: string): Promise<Row | undefined> {
  const keys = keysOf(ctx, source, kid)
  if (!keys) return undefined
  try {
    const options = { algorithms: ASYMMETRIC, requiredClaims: ['exp', 'sub'], clockTolerance: TOLERANCE, currentDate: ctx.now() }
    return (await jwtVerify(assertion, keys, options)).payload
  } catch (error) {
    ctx.log.info({ source: source.slug, reason: (error as Error).message }, 'assertion of a source refused')
    return undefined
  }
}

/** Marks accounts that were made for what another vouches for. */
const GENERATED = 'goauthentik.io/user/generated'
/** Says which machine an account was made for: names may be equal where neither source, provider nor `sub` is. */
const MACHINE = 'goauthentik.io/user/machine'

/** Whether an account was made for this very machine; one that does not say so, for a machine of its source. */
function isOf(account: Row, machine: string, source: Row): boolean {
  const { [GENERATED]: generated, [MACHINE]: known } = account.attributes as Row
  if (account.type !== 'service_account' || generated !== true) return false
  return known === undefined ? account.path === userPath(source) : known === machine
}

/** The account for a machine that a source knows; made at its first use. An account of that name that was made for something else is not taken for it. */
async function machineAccount(ctx: Ctx, client: Client, source: Row, { sub, exp }: Row): Promise<Row | undefined> {
  const username = `${client.name}-${String(sub)}`
  if (username.length > USERNAME_LENGTH) return undefined // cut, two machines could share one
  const machine = JSON.stringify([client.id, source.pbm_uuid, sub])
  const made = {
    username,
    name: username,
    type: 'service_account',
    path: userPath(source),
    attributes: { [GENERATED]: true, [MACHINE]: machine, 'goauthentik.io/user/expires': exp },
  }
  const account = (await accountNamed(ctx, username)) ?? (await newAccount(ctx, made))
  return account?.is_active && isOf(account, machine, source) ? account : undefined
}

async function newAccount(ctx: Ctx, values: Row): Promise<Row | undefined> {
  try {
    return await createObject(ctx, User, withDefaults(ctx, User, values))
  } catch (error) {
    if (error instanceof ApiError) return accountNamed(ctx, values.username as string) // two first uses at once
    throw error
  }
}

async function bySource(ctx: Ctx, client: Client, assertion: string): Promise<Proven | undefined> {
  let kid: unknown
  try {
    ;({ kid } = decodeProtectedHeader(assertion))
  } catch {
    return undefined // no JWT
  }
  if (typeof kid !== 'string') return undefined
  for (const source of await sourcesOf(ctx, client)) {
    const claims = await verified(ctx, source, assertion, kid)
    const user = claims && (await machineAccount(ctx, client, source, claims))
    if (user) return { user, method: 'jwt', details: { jwt: claims, source: source.name }, jwt: claims }
  }
  return undefined
}

/**
 * Who an assertion of another issuer stands for, in the place of the client's own proof (RFC 7523 §2.1): a JWT that one of the trusted sources
 * signed, or an access token of one of the trusted providers.
 * @throws invalid_client
 */
export async function byFederation(ctx: Ctx, form: Parameters, client: Client): Promise<Proven | undefined> {
  const assertion = form.get('client_assertion') ?? form.get('client_secret')
  if (form.get('client_assertion_type') !== JWT_BEARER || assertion === undefined) throw invalidClient(false)
  const proven = (await bySource(ctx, client, assertion)) ?? (await byProvider(ctx, client, assertion))
  if (!proven) throw invalidClient(false)
  return proven
}
