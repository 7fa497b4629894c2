import { Type } from 'typebox'
import { choice, flag, integer, jsonObject, reference, structure, text } from '../../api/fields.ts'
import { defineModel, type Model, type Row } from '../../api/model.ts'
import { OAuth2Provider } from './model.ts'

/** How a client may prove who it is at the endpoints for programs, RFC 7591 §2. Null: a secret in the header or in the body, or none if public. */
export const AUTH_METHODS = [
  'client_secret_basic',
  'client_secret_post',
  'client_secret_jwt',
  'private_key_jwt',
  'tls_client_auth',
  'self_signed_tls_client_auth',
  'none',
] as const

/** Algorithms that signed objects of clients and of ours may use (RFC 7518 §3.1, RFC 8037 §3.1); `none` is not among them. */
export const SIGNING_ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'HS256',
] as const

const linkError = (url: string): string | undefined => (url === '' || /^https?:\/\//i.test(url) ? undefined : 'Enter a valid URL.')
const url = () => text({ default: '', check: linkError })

/**
 * What a client asks of the endpoints beyond what the provider's own fields can say, by the names of RFC 7591, RFC 8705, RFC 9126, RFC 9449
 * and OpenID Connect Dynamic Client Registration 1.0. A client without it has the defaults below.
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
    /** Authentication of the client, RFC 7591 §2 and RFC 8705 §2. */
    token_endpoint_auth_method: choice(AUTH_METHODS, null),
    /** Public keys as a JWK set; empty: none. Excludes `jwks_uri`. */
    jwks: jsonObject(),
    jwks_uri: url(),
    /** RFC 8705 §2.1.2: exactly one of these names the client's certificate. */
    tls_client_auth_subject_dn: text({ default: '' }),
    tls_client_auth_san_dns: text({ default: '' }),
    tls_client_auth_san_uri: text({ default: '' }),
    tls_client_auth_san_ip: text({ default: '' }),
    tls_client_auth_san_email: text({ default: '' }),
    /** RFC 8705 §3.4 and RFC 9449 §5.2: tokens are of use only to who holds the key. */
    tls_client_certificate_bound_access_tokens: flag(false),
    dpop_bound_access_tokens: flag(false),
    /** RFC 7636: no code without a challenge, and S256 alone. Public clients must in any case. */
    require_pkce: flag(false),
    /** RFC 9126 §6. */
    require_pushed_authorization_requests: flag(false),
    /** RFC 9101 §10.5. */
    require_signed_request_object: flag(false),
    request_object_signing_alg: choice(SIGNING_ALGORITHMS, null),
    request_uris: structure(Type.Array(Type.String({ minLength: 1 })), { default: [] }),
    /** Null: what the signing key does by itself. */
    id_token_signed_response_alg: choice(SIGNING_ALGORITHMS, null),
    /** Null: userinfo is plain JSON. */
    userinfo_signed_response_alg: choice(SIGNING_ALGORITHMS, null),
    /** JARM §3. */
    authorization_signed_response_alg: choice(SIGNING_ALGORITHMS, null),
    /** OIDC Dynamic Client Registration §2. */
    default_max_age: integer({ nullable: true, minimum: 0 }),
    require_auth_time: flag(false),
    default_acr_values: structure(Type.Array(Type.String({ minLength: 1 })), { default: [] }),
    initiate_login_uri: url(),
    /** OIDC Front-Channel Logout §2, Back-Channel Logout §2.2: whether the client wants to be told which session. */
    frontchannel_logout_session_required: flag(true),
    backchannel_logout_session_required: flag(true),
    /** RFC 8693: providers whose tokens this client may exchange, and whether it may act as their users. */
    token_exchange_subjects: structure(Type.Array(Type.Integer()), { default: [] }),
    token_exchange_impersonation: flag(false),
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
  tls_client_auth_subject_dn: string
  tls_client_auth_san_dns: string
  tls_client_auth_san_uri: string
  tls_client_auth_san_ip: string
  tls_client_auth_san_email: string
  tls_client_certificate_bound_access_tokens: boolean
  dpop_bound_access_tokens: boolean
  require_pkce: boolean
  require_pushed_authorization_requests: boolean
  require_signed_request_object: boolean
  request_object_signing_alg: SigningAlgorithm | null
  request_uris: string[]
  id_token_signed_response_alg: SigningAlgorithm | null
  userinfo_signed_response_alg: SigningAlgorithm | null
  authorization_signed_response_alg: SigningAlgorithm | null
  default_max_age: number | null
  require_auth_time: boolean
  default_acr_values: string[]
  initiate_login_uri: string
  frontchannel_logout_session_required: boolean
  backchannel_logout_session_required: boolean
  token_exchange_subjects: number[]
  token_exchange_impersonation: boolean
}

export type SigningAlgorithm = (typeof SIGNING_ALGORITHMS)[number]
