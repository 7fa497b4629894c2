import { setImmediate as turnOfTheLoop } from 'node:timers/promises'
import { X509Certificate } from 'node:crypto'
import type { Ctx } from '../../../context.ts'
import type { Row } from '../../../api/model.ts'
import { findObject, relatedKeys } from '../../../api/store.ts'
import { Application } from '../../../core/application/model.ts'
import { cached } from '../../../core/cache.ts'
import { statement } from '../../../db/statement.ts'
import { secretMatcher } from '../../../lib/constant-time.ts'
import { parseDuration } from '../../../lib/duration.ts'
import type { ScopeMappingRow } from '../../../mappings/evaluate.ts'
import { ClientMetadata, type ClientMetadataRow } from './metadata.ts'
import { keypairOf, keySet, mappingsOf, metadataOf, namesOf } from './parts.ts'
import { CODE_LIFE, grantsUnderProfile, isFapi, PROFILE_ALGORITHMS, underProfile, WEAK } from '../fapi.ts'
import { keypairEncrypter, keypairSigner, refusingSigner, sharedSigner, type Encrypter, type Signer } from '../keys/signer.ts'
import { OAuth2Provider } from '../model.ts'
import { profileKeyFault } from '../keys/profile.ts'
import { originsOf, redirectMatcher, type RedirectUri } from './redirect-uri.ts'
import { retiredKeys } from '../keys/retired.ts'
import { sectorOf } from '../claims/sector.ts'

/** A client as its endpoints need it: read, opened and compiled once, until its configuration changes. */
export type Client = {
  /** The provider's key. */
  id: number
  name: string
  client_id: string
  /** Never empty for a confidential client that can authenticate. */
  secret: string
  /** Whether a presented secret is that one, in constant time. */
  isSecret: (presented: string) => boolean
  public: boolean
  grantTypes: ReadonlySet<string>
  mayRedirectTo: (uri: string) => boolean
  mayLogOutTo: (uri: string) => boolean
  origins: ReadonlySet<string>
  lifetimes: {
    code: number
    access: number
    refresh: number
    /** A refresh token with less left is replaced; 0: always. Of public clients those alone that are bound. */ refreshThreshold: number
  } // ms
  subMode: string
  /** Whom pairwise names of people are made for, OIDC Core §8.1; undefined: names are the same for all. */
  sector: string | undefined
  issuerMode: string
  /** The application that the issuer is called after: the client's own, or the one that it registered itself with. undefined: there is none. */
  issuerSlug: string | undefined
  /** Where the client registered itself, whose issuer and key are its own: the provider and its application. */
  home: { provider: number; application: string | undefined } | undefined
  /** What a client that registered itself says of itself, RFC 7591 §2; nobody has checked it. undefined: an administrator made it, or looked at it. */
  registered: Row | undefined
  /**
   * Whether nothing bound to its application means everybody: not while it is one that registered itself. Those are bound from the start, and what they
   * were bound to alone, as their registrant, is gone together with its binding.
   */
  mayBeUnbound: boolean
  /** Whether other clients may register themselves here, RFC 7591. */
  registers: boolean
  claimsInIdToken: boolean
  /** What the client asks for beyond the provider's own fields. */
  metadata: ClientMetadataRow
  /** Providers whose tokens it may exchange, and for whom, RFC 8693. */
  exchange: { subjects: ReadonlySet<number>; audiences: ReadonlySet<number> }
  /** Who issues its certificates, RFC 8705 §2.1. */
  authority: X509Certificate | undefined
  signer: Signer
  /** Signs authorization responses, JARM §3. */
  responseSigner: Signer
  /** What its key could sign by, the usual first; empty: there is none. */
  signingAlgorithms: readonly string[]
  /** Signs UserInfo answers; undefined: they are plain JSON. */
  userinfoSigner: Signer | undefined
  /** The claims of a JWS that this client's tokens are, or lately were, signed as; undefined for any other. Nothing of them is checked. */
  recognises: (jws: string) => Promise<Row | undefined>
  encrypter: Encrypter | undefined
  /** The JWKS document (RFC 7517 §5), as it goes over the wire. */
  jwks: Uint8Array
  /** What the provider's scopes add to tokens, by scope name. */
  mappings: readonly ScopeMappingRow[]
  /** Names of all configured scopes; `openid` is always among them, as the discovery document says. */
  scopes: readonly string[]
  /** undefined: no application uses the provider, so nobody can sign in. */
  application: Row | undefined
  flows: { authentication: string | null; authorization: string; invalidation: string }
  /** The provider's row, for mappings and events. */
  provider: Row
}

/** What a client is made of. */
export const CLIENT_TABLES = [
  'provider',
  'provider_oauth2',
  'oauth2_client_metadata',
  'oauth2_retired_key',
  'oauth2_exchange_subject',
  'oauth2_exchange_audience',
  'oauth2_registration',
  'oauth2_dcr',
  'provider_property_mapping',
  'property_mapping',
  'scope_mapping',
  'keypair',
  'application',
  'policy_target',
] as const

const keypair = async (ctx: Ctx, key: unknown): Promise<Row | undefined> => (typeof key === 'string' ? keypairOf(ctx, key) : undefined)

const NOBODY: Client['exchange'] = { subjects: new Set(), audiences: new Set() }

async function exchangeOf(ctx: Ctx, metadata: ClientMetadataRow & Row): Promise<Client['exchange']> {
  const key = metadata.metadata_uuid
  if (key === undefined) return NOBODY
  const keys = async (name: string) => new Set((await relatedKeys(ctx, ClientMetadata.allFields[name]!, [key])).get(key) as number[])
  return { subjects: await keys('token_exchange_subjects'), audiences: await keys('token_exchange_audiences') }
}

async function authorityOf(ctx: Ctx, metadata: ClientMetadataRow): Promise<X509Certificate | undefined> {
  const found = await keypair(ctx, metadata.tls_client_auth_ca)
  return found && new X509Certificate(found.certificate_data as string)
}

/** FAPI 2.0 Security Profile §5.3.2.1: refresh tokens are not replaced, since they are bound. */
const NEVER = -1

const applicationOf = (ctx: Ctx, provider: number): Promise<Row | undefined> => findObject(ctx, Application, provider, 'provider')

const registrationRow = statement((db, provider: number) =>
  db.selectFrom('oauth2_registration').select(['parent', 'told']).where('provider', '=', provider),
)

/** How a client registered itself, and the provider that it did so with: its issuer and its key are those that the client was told of. */
async function registrationOf(ctx: Ctx, provider: number): Promise<{ parent?: Row; told?: Row }> {
  const found = await registrationRow.first(ctx.db, provider)
  const parent = found?.parent ? await findObject(ctx, OAuth2Provider, found.parent) : undefined
  return { parent, told: found?.told as Row | undefined }
}

const registrationEndpoint = statement((db, provider: number) =>
  db.selectFrom('oauth2_dcr').select('pbm_uuid').where('provider', '=', provider),
)

/** The claims of what one of several keys signed. */
const anyOf =
  (verifiers: readonly Signer['verify'][]): Client['recognises'] =>
  async jws => {
    for (const verify of verifiers) {
      const claims = await verify(jws)
      if (claims) return claims
    }
    return undefined
  }

// No function may be made in here that stays: it would keep the whole of what was read, private keys in their text and all.
async function load(ctx: Ctx, provider: Row): Promise<Client> {
  const uris = provider.redirect_uris as RedirectUri[]
  const isPublic = provider.client_type === 'public'
  const { parent, told } = await registrationOf(ctx, provider.id as number)
  const home = parent ?? provider
  const signing = await keypair(ctx, home.signing_key)
  const encryption = await keypair(ctx, provider.encryption_key)
  const metadata = underProfile(await metadataOf(ctx, provider.id as number))
  const secret = isPublic ? undefined : (provider.client_secret as string)
  // The API lets no such key in; one may have come by another way, as from a backup.
  const weak = isFapi({ metadata }) ? profileKeyFault(signing) : undefined
  if (weak !== undefined)
    ctx.log.error({ provider: provider.name, reason: weak }, 'a client gets no tokens: its key does not keep its profile')
  const own = weak === undefined && signing ? keypairSigner(signing) : undefined
  const signerFor = (alg: string | null): Signer => {
    if (weak !== undefined) return refusingSigner(PROFILE_ALGORITHMS[0]!, weak)
    if (secret !== undefined && alg?.startsWith('HS')) return sharedSigner(secret, alg)
    const made = signing ? keypairSigner(signing, alg) : sharedSigner(provider.client_secret as string)
    return isFapi({ metadata }) && !PROFILE_ALGORITHMS.includes(made.alg) ? refusingSigner(made.alg, WEAK) : made
  }
  const signer = signerFor(metadata.id_token_signed_response_alg)
  const responseSigner = signerFor(metadata.authorization_signed_response_alg ?? metadata.id_token_signed_response_alg)
  const { userinfo_signed_response_alg: userinfoAlg } = metadata
  const userinfoSigner = userinfoAlg === null ? undefined : signerFor(userinfoAlg)
  const retired = await retiredKeys(ctx, provider.id as number, signing?.kid as string | undefined)
  const encrypter = encryption && keypairEncrypter(encryption)
  const { mappings, scopes } = await mappingsOf(ctx, provider.id as number)
  const application = await applicationOf(ctx, provider.id as number)
  const homeApplication = parent && (await applicationOf(ctx, parent.id as number))
  const registers = (await registrationEndpoint.first(ctx.db, provider.id as number)) !== undefined
  return {
    id: provider.id as number,
    name: provider.name as string,
    client_id: provider.client_id as string,
    secret: provider.client_secret as string,
    isSecret: secretMatcher(provider.client_secret as string),
    public: isPublic,
    grantTypes: namesOf(grantsUnderProfile({ metadata }, provider.grant_types as string[])),
    mayRedirectTo: redirectMatcher(uris, 'authorization', { loopback: isPublic }),
    mayLogOutTo: redirectMatcher(uris, 'logout'),
    origins: originsOf(uris),
    lifetimes: {
      code: Math.min(parseDuration(provider.access_code_validity as string), isFapi({ metadata }) ? CODE_LIFE : Infinity),
      access: parseDuration(provider.access_token_validity as string),
      refresh: parseDuration(provider.refresh_token_validity as string),
      refreshThreshold: isFapi({ metadata }) ? NEVER : parseDuration(provider.refresh_token_threshold as string),
    },
    subMode: provider.sub_mode as string,
    issuerMode: home.issuer_mode as string,
    issuerSlug: (homeApplication ?? application)?.slug as string | undefined,
    home: parent && { provider: parent.id as number, application: homeApplication?.pbm_uuid as string | undefined },
    registered: metadata.verified ? undefined : told,
    mayBeUnbound: metadata.verified || told === undefined,
    registers,
    sector:
      metadata.subject_type === 'pairwise' ? (sectorOf(metadata.sector_identifier_uri, uris) ?? (provider.client_id as string)) : undefined,
    claimsInIdToken: provider.include_claims_in_id_token as boolean,
    metadata,
    exchange: await exchangeOf(ctx, metadata),
    authority: await authorityOf(ctx, metadata),
    signer,
    signingAlgorithms: own?.algorithms ?? [],
    userinfoSigner,
    responseSigner,
    recognises: retired.length === 0 ? signer.verify : anyOf([signer, ...retired].map(key => key.verify)),
    encrypter,
    jwks: keySet(own, registers ? 'several' : [signer, userinfoSigner, responseSigner], [encrypter?.jwk, ...retired.map(key => key.jwk)]),
    mappings,
    scopes,
    application,
    flows: {
      authentication: provider.authentication_flow as string | null,
      authorization: provider.authorization_flow as string,
      invalidation: provider.invalidation_flow as string,
    },
    provider,
  }
}

/** Bytes: about 5,000 of the usual kind. */
const MOST_HELD = 24 * 1024 ** 2
/** What a client takes when nobody wrote much into it. */
const USUAL = 4 * 1024

/** A client may register itself, with as many addresses and keys as a request can hold. */
const weightOf = ({ provider, registered, metadata }: Client): number =>
  USUAL + 2 * JSON.stringify([provider.redirect_uris, registered, metadata.jwks, metadata.request_uris]).length

/** Whether rows with these keys are among those that a client was made of. A row may also be the application that it did not have. */
function concerns({ id, application, home }: Client, table: string, keys: ReadonlySet<string>): boolean {
  if (table !== 'application' && table !== 'policy_target')
    return keys.has(String(id)) || (home !== undefined && keys.has(String(home.provider)))
  const applications = [application?.pbm_uuid as string | undefined, ...(home ? [home.application] : [])]
  return applications.some(key => key === undefined || keys.has(key))
}

/** The client with this `client_id`. */
export const clientById = cached(
  CLIENT_TABLES,
  async (ctx, clientId): Promise<Client | undefined> => {
    const provider = await findObject(ctx, OAuth2Provider, clientId, 'client_id')
    return provider && load(ctx, provider)
  },
  {
    capacity: MOST_HELD,
    weight: client => (client === undefined ? 0 : weightOf(client)),
    concerns: (client, table, keys) => client === undefined || concerns(client, table, keys),
  },
)

/** Some 200 bytes each: as many as there are clients among those that are held, and more. */
const MOST_NAMES = 10_000

const clientIdOfProvider = cached(
  ['provider_oauth2'],
  async (ctx, id): Promise<string | undefined> =>
    (await ctx.db.selectFrom('provider_oauth2').select('client_id').where('id', '=', Number(id)).executeTakeFirst())?.client_id,
  { capacity: MOST_NAMES, concerns: (_, __, keys, id) => keys.has(id) },
)

const clientIdOfApplication = cached(
  ['application', 'provider_oauth2'],
  (ctx, slug) =>
    ctx.db
      .selectFrom('application')
      .innerJoin('provider_oauth2', 'provider_oauth2.id', 'application.provider')
      .select(['provider_oauth2.client_id', 'application.pbm_uuid as application', 'application.provider'])
      .where('application.slug', '=', slug)
      .executeTakeFirst(),
  {
    capacity: MOST_NAMES,
    concerns: (found, table, keys) => keys.has(table === 'application' ? found!.application : String(found!.provider)),
  },
)

/** The client of a provider's key. */
export async function clientOfProvider(ctx: Ctx, id: number): Promise<Client | undefined> {
  const clientId = await clientIdOfProvider(ctx, String(id))
  return clientId === undefined ? undefined : clientById(ctx, clientId)
}

/** The client behind an application's slug. */
export async function clientOfApplication(ctx: Ctx, slug: string): Promise<Client | undefined> {
  if (!/^[-\w]{1,255}$/.test(slug)) return undefined
  const found = await clientIdOfApplication(ctx, slug)
  return found && clientById(ctx, found.client_id)
}

/** Providers that are read between two turns of the event loop: a few ms of work. */
const PAGE = 500

/** Origins that any client registered: what a preflight, which names no client, may be answered for. */
export const allOrigins = cached(['provider_oauth2'], async (ctx): Promise<ReadonlySet<string>> => {
  const origins = new Set<string>()
  for (let last = 0; ; await turnOfTheLoop()) {
    const rows = await ctx.db
      .selectFrom('provider_oauth2')
      .select(['id', 'redirect_uris'])
      .where('id', '>', last)
      .orderBy('id')
      .limit(PAGE)
      .execute()
    for (const { redirect_uris: uris } of rows) for (const origin of originsOf(uris as unknown as RedirectUri[])) origins.add(origin)
    if (rows.length < PAGE) return origins
    last = rows.at(-1)!.id
  }
})
