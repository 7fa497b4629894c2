import { Type } from 'typebox'
import { crud } from '../../../api/crud.ts'
import type { Hooks } from '../../../api/objects.ts'
import { invalid } from '../../../api/errors.ts'
import { choice, flag, integer, jsonObject, many, reference, structure, text } from '../../../api/fields.ts'
import { defineModel, type Model, type Row } from '../../../api/model.ts'
import type { Resource } from '../../../api/mount.ts'
import { findObject } from '../../../api/store.ts'
import type { Ctx } from '../../../context.ts'
import { CONTENT_ENCRYPTION, encryptsBy, KEY_MANAGEMENT, secretLength, SIGNING_ALGORITHMS } from '../keys/algorithms.ts'
import { profileFault } from '../fapi.ts'
import { canSign } from '../keys/signer.ts'
import { OAuth2Provider } from '../model.ts'
import { profileKeyFault, SIGNED_BY_KEY } from '../keys/profile.ts'
import { isKey, MOST_KEYS } from '../../../http/key-set.ts'
import { CertificateKeyPair } from '../../../crypto/model.ts'
import type { RedirectUri } from './redirect-uri.ts'
import { sectorOf } from '../claims/sector.ts'

/** How a client may prove who it is at the endpoints for programs, RFC 7591 §2. Null: a secret in the header or in the body, or none if public. */
const AUTH_METHODS = [
  'client_secret_basic',
  'client_secret_post',
  'client_secret_jwt',
  'private_key_jwt',
  'tls_client_auth',
  'self_signed_tls_client_auth',
] as const

/** What a certificate may name a client by, RFC 8705 §2.1.2: one of these. */
const CERTIFICATE_NAMES = [
  'tls_client_auth_subject_dn',
  'tls_client_auth_san_dns',
  'tls_client_auth_san_uri',
  'tls_client_auth_san_ip',
  'tls_client_auth_san_email',
] as const

const SUBJECT_TYPES = ['public', 'pairwise'] as const

const linkError = (url: string): string | undefined => (url === '' || /^https?:\/\//i.test(url) ? undefined : 'Enter a valid URL.')
const httpsError = (url: string): string | undefined =>
  url === '' || (/^https:\/\//i.test(url) && URL.canParse(url)) ? undefined : 'Enter a valid URL that begins with https://.'

const Addresses = Type.Array(Type.String({ minLength: 1, maxLength: 512 }), { maxItems: 20 })

const requestUrisError = (urls: string[]): string | undefined => urls.map(httpsError).find(error => error !== undefined)

/**
 * What a client asks of the endpoints beyond what the provider's own fields can say, by the names of RFC 7591, RFC 9126, RFC 9449 and
 * OpenID Connect. A client without it has the defaults below.
 */
export const ClientMetadata: Model = defineModel({
  name: 'OAuth2ClientMetadata',
  label: 'signet_oauth2.clientmetadata',
  verboseName: 'OAuth2 client metadata',
  verboseNamePlural: 'OAuth2 client metadata',
  table: 'oauth2_client_metadata',
  pk: 'metadata_uuid',
  display: 'provider',
  fields: {
    provider: reference(() => OAuth2Provider, { unique: true }),
    token_endpoint_auth_method: choice(AUTH_METHODS, null),
    /** Public keys as a JWK set; empty: none. Excludes `jwks_uri`. */
    jwks: jsonObject(),
    jwks_uri: text({ default: '', check: linkError }),
    /** RFC 9449 §5.2: tokens are of use only to who holds the key. */
    dpop_bound_access_tokens: flag(false),
    /** RFC 7636: no code without a challenge, and S256 alone. Public clients must send one in any case. */
    require_pkce: flag(false),
    /** RFC 9126 §6. */
    require_pushed_authorization_requests: flag(false),
    /** OIDC Back-Channel Logout §2.2: `sid` stands in the logout token. It does so for all, since every session that is told of has one. */
    backchannel_logout_session_required: flag(false),
    /** OIDC Front-Channel Logout §2: `iss` and `sid` stand in the address that the browser opens. */
    frontchannel_logout_session_required: flag(true),
    /** OIDC Registration §2. Null: by the provider's key as is usual for it, or under the secret. */
    id_token_signed_response_alg: choice(SIGNING_ALGORITHMS, null),
    id_token_encrypted_response_alg: choice(KEY_MANAGEMENT, null),
    id_token_encrypted_response_enc: choice(CONTENT_ENCRYPTION, null),
    /** Null: UserInfo answers are plain JSON. */
    userinfo_signed_response_alg: choice(SIGNING_ALGORITHMS, null),
    userinfo_encrypted_response_alg: choice(KEY_MANAGEMENT, null),
    userinfo_encrypted_response_enc: choice(CONTENT_ENCRYPTION, null),
    /** JARM §3: authorization responses that are asked for as a JWT. Null: signed as ID tokens are, and not encrypted. */
    authorization_signed_response_alg: choice(SIGNING_ALGORITHMS, null),
    authorization_encrypted_response_alg: choice(KEY_MANAGEMENT, null),
    authorization_encrypted_response_enc: choice(CONTENT_ENCRYPTION, null),
    /** OIDC Core §8: whether other clients know a person by the same name. */
    subject_type: choice(SUBJECT_TYPES, 'public'),
    /** Clients with the same host here know a person by the same pairwise name; empty: the host of the redirect URIs. */
    sector_identifier_uri: text({ default: '', check: linkError }),
    /** Addresses at which the client keeps request objects, OIDC Core §6.2; no others are read. */
    request_uris: structure(Addresses, { default: [], check: requestUrisError }),
    /** RFC 9101. Null: any that the client's keys can do. `none` is for request objects at an https address alone. */
    request_object_signing_alg: choice(['none', ...SIGNING_ALGORITHMS], null),
    /** RFC 9101 §10.5: no request counts whose parameters the client did not sign. */
    require_signed_request_object: flag(false),
    /** Seconds; counts where a request says nothing. */
    default_max_age: integer({ nullable: true, minimum: 0 }),
    default_acr_values: structure(Type.Array(Type.String({ minLength: 1, maxLength: 255 }), { maxItems: 20 }), { default: [] }),
    /** Where others may send people to begin a sign-in at the client, OIDC Core §4: the application is opened there. */
    initiate_login_uri: text({ default: '', check: httpsError }),
    /** RFC 8705 §2.1.2: the subject as RFC 4514 writes it, or one alternative name; and the authority that issues the certificates. */
    ...Object.fromEntries(CERTIFICATE_NAMES.map(name => [name, text({ default: '' })])),
    tls_client_auth_ca: reference(() => CertificateKeyPair, { nullable: true }),
    /** RFC 8705 §3.4: tokens are of use only to who holds the certificate. */
    tls_client_certificate_bound_access_tokens: flag(false),
    /** `fapi2`: the client keeps the FAPI 2.0 Security Profile as a whole, and is held to it. */
    security_profile: choice(['fapi2'], null),
    /** An administrator has looked at what the client, which registered itself, says of itself: people are not warned of it any more. */
    verified: flag(false),
    /** RFC 9449 §8: proofs carry a nonce of ours. */
    dpop_nonce_required: flag(false),
    /** RFC 8693: whose access tokens the client may exchange beside its own, and for whom beside itself. Nobody's unless they stand here. */
    token_exchange_subjects: many(() => OAuth2Provider, { table: 'oauth2_exchange_subject', ours: 'client', theirs: 'provider' }),
    token_exchange_audiences: many(() => OAuth2Provider, { table: 'oauth2_exchange_audience', ours: 'client', theirs: 'provider' }),
  },
  filters: ['provider'],
  search: [],
  ordering: ['provider'],
})

/** The metadata of a client as its endpoints read it. */
export type ClientMetadataRow = {
  token_endpoint_auth_method: (typeof AUTH_METHODS)[number] | null
  jwks: { keys?: Row[] }
  jwks_uri: string
  dpop_bound_access_tokens: boolean
  require_pkce: boolean
  require_pushed_authorization_requests: boolean
  backchannel_logout_session_required: boolean
  frontchannel_logout_session_required: boolean
  id_token_signed_response_alg: string | null
  id_token_encrypted_response_alg: string | null
  id_token_encrypted_response_enc: string | null
  userinfo_signed_response_alg: string | null
  userinfo_encrypted_response_alg: string | null
  userinfo_encrypted_response_enc: string | null
  authorization_signed_response_alg: string | null
  authorization_encrypted_response_alg: string | null
  authorization_encrypted_response_enc: string | null
  subject_type: (typeof SUBJECT_TYPES)[number]
  sector_identifier_uri: string
  request_uris: string[]
  request_object_signing_alg: string | null
  require_signed_request_object: boolean
  default_max_age: number | null
  default_acr_values: string[]
  initiate_login_uri: string
  tls_client_auth_subject_dn: string
  tls_client_auth_san_dns: string
  tls_client_auth_san_uri: string
  tls_client_auth_san_ip: string
  tls_client_auth_san_email: string
  tls_client_auth_ca: string | null
  tls_client_certificate_bound_access_tokens: boolean
  dpop_nonce_required: boolean
  verified: boolean
  security_profile: 'fapi2' | null
}

/** What a client is told of in either case: it has to know what it gets where it did not say. */
export const SESSION_REQUIRED = ['backchannel_logout_session_required', 'frontchannel_logout_session_required'] as const

/** What a client that registers itself may say of this, RFC 7591 §2; the rest is for administrators. */
export const REGISTRABLE: readonly string[] = [
  'token_endpoint_auth_method',
  'jwks',
  'jwks_uri',
  'dpop_bound_access_tokens',
  'require_pushed_authorization_requests',
  ...SESSION_REQUIRED,
  'id_token_signed_response_alg',
  'id_token_encrypted_response_alg',
  'id_token_encrypted_response_enc',
  'userinfo_signed_response_alg',
  'userinfo_encrypted_response_alg',
  'userinfo_encrypted_response_enc',
  'authorization_signed_response_alg',
  'authorization_encrypted_response_alg',
  'authorization_encrypted_response_enc',
  'subject_type',
  'sector_identifier_uri',
  'request_uris',
  'request_object_signing_alg',
  'require_signed_request_object',
  'default_max_age',
  'default_acr_values',
  'initiate_login_uri',
  ...CERTIFICATE_NAMES,
  'tls_client_certificate_bound_access_tokens',
]

const isPrivate = (key: unknown): boolean => typeof key === 'object' && key !== null && ('d' in key || 'k' in key)

/** What could only be noticed when the client next comes: a way to prove itself that it cannot go. */
async function clean(ctx: Ctx, values: Row, current?: Row): Promise<Row> {
  const all = { ...current, ...values } as Partial<ClientMetadataRow> & Row
  const { token_endpoint_auth_method: method = null, jwks = {}, jwks_uri: url = '', provider } = all
  const keys = jwks.keys
  if (Object.keys(jwks).length > 0 && !Array.isArray(keys)) throw invalid({ jwks: ['Enter a JWK set: an object with a list of keys.'] })
  if (keys && keys.length > MOST_KEYS) throw invalid({ jwks: [`Enter ${MOST_KEYS} keys at most.`] })
  if (keys && !keys.every(isKey)) throw invalid({ jwks: ['Enter keys as RFC 7517 describes them.'] })
  if (keys?.some(isPrivate)) throw invalid({ jwks: ['Enter public keys alone.'] })
  if (keys && url !== '') throw invalid({ jwks_uri: ['Keys stand either in the set or at an address.'] })
  if ((method === 'private_key_jwt' || method === 'self_signed_tls_client_auth') && !keys?.length && url === '')
    throw invalid({ jwks: ['This way to prove itself needs keys.'] })
  if (method === 'tls_client_auth') checkCertificate(all)
  const client = await findObject(ctx, OAuth2Provider, provider)
  if (method !== null && client?.client_type === 'public')
    throw invalid({ token_endpoint_auth_method: ['A public client cannot prove itself.'] })
  const fault = client && profileFault(all, client)
  if (fault) throw invalid(fault)
  if (client) await checkTokens(ctx, all, client)
  checkRequests(all, client)
  return values
}

/** RFC 8705 §2.1.2: one name, and somebody to vouch for it. */
function checkCertificate(all: Partial<ClientMetadataRow>): void {
  const names = CERTIFICATE_NAMES.filter(name => (all[name] ?? '') !== '')
  if (names.length !== 1) throw invalid({ token_endpoint_auth_method: ['This way to prove itself needs one name in the certificate.'] })
  if ((all.tls_client_auth_ca ?? null) === null) throw invalid({ tls_client_auth_ca: ['This way to prove itself needs an authority.'] })
}

/** What signs for a client: the provider's own key, or that of the provider that it registered itself with. */
async function signingKeypair(ctx: Ctx, provider: Row): Promise<Row | undefined> {
  const parent = await ctx.db
    .selectFrom('oauth2_registration')
    .innerJoin('provider_oauth2', 'provider_oauth2.id', 'oauth2_registration.parent')
    .select('provider_oauth2.signing_key')
    .where('oauth2_registration.provider', '=', provider.id as number)
    .executeTakeFirst()
  const key = (parent ?? provider).signing_key
  return typeof key === 'string' ? findObject(ctx, CertificateKeyPair, key) : undefined
}

/** What is asked of tokens that the provider's key, the client's secret or its own keys cannot do. */
async function checkTokens(ctx: Ctx, all: Partial<ClientMetadataRow>, provider: Row): Promise<void> {
  const keypair = await signingKeypair(ctx, provider)
  const weak = all.security_profile === 'fapi2' ? profileKeyFault(keypair) : undefined
  if (weak !== undefined) throw invalid({ id_token_signed_response_alg: [`The signing key of the provider cannot do that. ${weak}`] })
  for (const name of SIGNED_BY_KEY) {
    const alg = all[name] ?? null
    if (alg === null) continue
    if (!alg.startsWith('HS')) {
      if (!keypair || !canSign(keypair, alg)) throw invalid({ [name]: ['The signing key of the provider cannot do that.'] })
      continue
    }
    if (provider.client_type === 'public') throw invalid({ [name]: ['A public client has no secret.'] })
    if (Buffer.byteLength(provider.client_secret as string) < secretLength(alg))
      throw invalid({ [name]: [`The client secret must have ${secretLength(alg)} bytes at least.`] }) // RFC 7518 §3.2
  }
  for (const kind of ['id_token', 'userinfo', 'authorization'] as const) {
    const [alg, enc] = [`${kind}_encrypted_response_alg`, `${kind}_encrypted_response_enc`] as const
    const wanted = all[alg] ?? null
    if (wanted === null && (all[enc] ?? null) !== null) throw invalid({ [enc]: [`This goes with ${alg} alone.`] }) // OIDC Registration §2
    if (wanted !== null && (all.jwks_uri ?? '') === '' && !all.jwks?.keys?.some(encryptsBy(wanted)))
      throw invalid({ [alg]: ['This needs a key of the client.'] })
  }
  if (all.subject_type === 'pairwise' && sectorOf(all.sector_identifier_uri ?? '', provider.redirect_uris as RedirectUri[]) === undefined)
    throw invalid({ sector_identifier_uri: ['Redirect URIs of several hosts, or of none, need an address that names the sector.'] })
}

/** What is checked of metadata, by whichever way it comes. */
export const metadataHooks: Hooks = { clean }

/** What is asked of request objects that nothing could ever satisfy. */
function checkRequests(all: Partial<ClientMetadataRow>, provider: Row | undefined): void {
  const alg = all.request_object_signing_alg ?? null
  const hasKeys = Boolean(all.jwks?.keys?.length) || (all.jwks_uri ?? '') !== ''
  const signs = alg === null ? hasKeys : alg !== 'none'
  if (signs && alg?.startsWith('HS')) {
    if (provider?.client_type === 'public') throw invalid({ request_object_signing_alg: ['A public client has no secret.'] })
  } else if (signs && !hasKeys) throw invalid({ request_object_signing_alg: ['This needs a key of the client.'] })
  if (all.require_signed_request_object && !signs)
    throw invalid({ require_signed_request_object: ['The client has no key to sign requests with.'] })
  if (alg === 'none' && !all.request_uris?.length)
    throw invalid({ request_object_signing_alg: ['Request objects without a signature are read from a registered address alone.'] })
}

export const clientMetadata: Resource = {
  path: '/signet/oauth2_clients',
  model: ClientMetadata,
  operations: crud(ClientMetadata, metadataHooks),
}
