import type { Row } from '../../../api/model.ts'
import type { Ctx } from '../../../context.ts'
import { currentBrand } from '../../../core/brand/model.ts'
import { scopeClaims } from '../../../mappings/evaluate.ts'
import { baseUrl, endpoints, issuerOf } from '../addresses.ts'
import { ANY_ORIGIN, type Answer } from '../answer.ts'
import { clientOfApplication, clientOfProvider, type Client } from '../client/client.ts'
import { ASYMMETRIC, CONTENT_ENCRYPTION, KEY_MANAGEMENT, SYMMETRIC, USUAL_ENC } from '../keys/algorithms.ts'
import type { Headers } from '../client/authentication.ts'
import { corsHeaders } from '../cors.ts'
import { authorizationMetadata } from './requests.ts'
import { document } from './document.ts'
import { DEVICE_GRANT } from '../device/authorization.ts'
import { signable } from '../fapi.ts'
import { EXCHANGE_GRANT } from '../token/grants/token-exchange.ts'

const BASE_CLAIMS = ['sub', 'iss', 'aud', 'exp', 'iat', 'auth_time', 'acr', 'amr', 'nonce', 'at_hash', 'c_hash', 's_hash']
const GRANTS = ['authorization_code', 'implicit', 'refresh_token', 'client_credentials', 'password', DEVICE_GRANT, EXCHANGE_GRANT]

const claimsKnown = new WeakMap<Client, readonly string[]>()

/** Names of the claims that there are. Found once for each configuration of a client: documents are made for any Host header that strangers send. */
async function claimsOf(ctx: Ctx, client: Client): Promise<readonly string[]> {
  const known = claimsKnown.get(client)
  if (known) return known
  const claims = await scopeClaims(ctx, { provider: client.provider, user: null, scopes: client.scopes, mappings: client.mappings })
  const names = [...new Set([...BASE_CLAIMS, ...Object.keys(claims)])]
  claimsKnown.set(client, names)
  return names
}

/** The provider's metadata, OIDC Discovery §3 and RFC 8414 §2. What is not built is not named. */
export async function metadata(ctx: Ctx, client: Client): Promise<Row> {
  const urls = endpoints(ctx, client)
  const { token_endpoint_auth_method: method } = client.metadata
  const methods = client.public ? ['none'] : method === null ? ['client_secret_post', 'client_secret_basic'] : [method]
  return {
    issuer: issuerOf(ctx, client),
    authorization_endpoint: urls.authorize,
    token_endpoint: urls.token,
    ...(client.grantTypes.has(DEVICE_GRANT) && { device_authorization_endpoint: urls.device }), // RFC 8628 §4
    userinfo_endpoint: urls.userinfo,
    end_session_endpoint: urls.endSession,
    introspection_endpoint: urls.introspect,
    revocation_endpoint: urls.revoke,
    backchannel_logout_supported: true,
    backchannel_logout_session_supported: true,
    frontchannel_logout_supported: true,
    frontchannel_logout_session_supported: true,
    check_session_iframe: urls.checkSession, // OIDC Session Management §3.3
    jwks_uri: urls.jwks,
    pushed_authorization_request_endpoint: urls.pushed, // RFC 9126 §5
    grant_types_supported: GRANTS.filter(grant => client.grantTypes.has(grant)),
    id_token_signing_alg_values_supported: [client.signer.alg],
    ...(urls.register !== null && { registration_endpoint: urls.register }), // RFC 8414 §2
    ...(client.encrypter && {
      id_token_encryption_alg_values_supported: ['RSA-OAEP-256'],
      id_token_encryption_enc_values_supported: ['A256CBC-HS512'],
    }),
    ...tokensAsked(client),
    subject_types_supported: ['public', 'pairwise'],
    token_endpoint_auth_methods_supported: methods,
    revocation_endpoint_auth_methods_supported: methods,
    ...(!client.public && { introspection_endpoint_auth_methods_supported: methods }),
    ...(methods.some(method => method.endsWith('_jwt')) &&
      provingBy(methods.includes('client_secret_jwt') ? SYMMETRIC : signable(client, ASYMMETRIC))),
    scopes_supported: [...client.scopes].sort(),
    claims_supported: await claimsOf(ctx, client),
    tls_client_certificate_bound_access_tokens: true, // RFC 8705 §3.3
    dpop_signing_alg_values_supported: signable(client, ASYMMETRIC), // RFC 9449 §5.1
    ...authorizationMetadata(client),
    ...(client.registers && offered(client, methods)),
  }
}

/** What clients may sign their assertions by, at each endpoint where they prove themselves (RFC 8414 §2). */
const provingBy = (algorithms: readonly string[]): Row =>
  Object.fromEntries(
    ['token', 'revocation', 'introspection'].map(endpoint => [`${endpoint}_endpoint_auth_signing_alg_values_supported`, algorithms]),
  )

/** Where clients register themselves, what they may ask for and not what this one asked for. */
function offered(client: Client, methods: readonly string[]): Row {
  const auth = [
    ...new Set([
      ...methods,
      'client_secret_basic',
      'client_secret_post',
      'client_secret_jwt',
      'private_key_jwt',
      'self_signed_tls_client_auth',
      'none',
    ]),
  ]
  // A client without a secret gets what the key can do.
  const signing = [...client.signingAlgorithms, ...SYMMETRIC]
  return {
    token_endpoint_auth_methods_supported: auth,
    revocation_endpoint_auth_methods_supported: auth,
    introspection_endpoint_auth_methods_supported: auth.filter(method => method !== 'none'),
    ...provingBy([...ASYMMETRIC, ...SYMMETRIC]),
    id_token_signing_alg_values_supported: signing,
    userinfo_signing_alg_values_supported: signing,
    authorization_signing_alg_values_supported: signing,
    id_token_encryption_alg_values_supported: KEY_MANAGEMENT,
    id_token_encryption_enc_values_supported: CONTENT_ENCRYPTION,
    userinfo_encryption_alg_values_supported: KEY_MANAGEMENT,
    userinfo_encryption_enc_values_supported: CONTENT_ENCRYPTION,
    authorization_encryption_alg_values_supported: KEY_MANAGEMENT,
    authorization_encryption_enc_values_supported: CONTENT_ENCRYPTION,
  }
}

/** What the client asks of its tokens and responses beyond the usual, OIDC Discovery §3 and JARM §4. */
function tokensAsked({ metadata, userinfoSigner }: Client): Row {
  const encryption = (['id_token', 'userinfo', 'authorization'] as const).map(kind => {
    const alg = metadata[`${kind}_encrypted_response_alg`]
    if (alg === null) return {}
    const enc = metadata[`${kind}_encrypted_response_enc`] ?? USUAL_ENC
    return { [`${kind}_encryption_alg_values_supported`]: [alg], [`${kind}_encryption_enc_values_supported`]: [enc] }
  })
  return Object.assign({}, userinfoSigner && { userinfo_signing_alg_values_supported: [userinfoSigner.alg] }, ...encryption) as Row
}

/** Documents that were asked for lately, by client and address. Good as long as the client is the same object: another configuration makes another. */
const documents = new Map<string, { client: Client; text: Uint8Array }>()
/** Some 3 KB each. Clients read theirs once and keep it, so that few are asked for again soon; a stranger may send any Host header. */
const MAX_DOCUMENTS = 1_000

async function documentOf(ctx: Ctx, client: Client): Promise<Uint8Array> {
  const name = `${client.id} ${baseUrl(ctx)}`
  const known = documents.get(name)
  if (known?.client === client) return known.text
  // Not Buffer.from: that cuts small ones out of a large block, which then lives as long as any of them.
  const text = new TextEncoder().encode(JSON.stringify(await metadata(ctx, client), undefined, 2))
  documents.delete(name)
  if (documents.size >= MAX_DOCUMENTS) documents.delete(documents.keys().next().value!)
  documents.set(name, { client, text })
  return text
}

/** The discovery document of an application; undefined when there is none (404). */
export async function discovery(ctx: Ctx, slug: string, headers: Headers): Promise<Answer | undefined> {
  const client = await clientOfApplication(ctx, slug)
  return client && document(ctx, await documentOf(ctx, client), corsHeaders(headers, client.origins))
}

/** The keys of an application's provider, RFC 7517 §5; open to every page. */
export async function jwks(ctx: Ctx, slug: string): Promise<Answer | undefined> {
  const client = await clientOfApplication(ctx, slug)
  return client && document(ctx, client.jwks, ANY_ORIGIN)
}

/** WebFinger, RFC 7033 and OIDC Discovery §2: the issuer of the brand's default application. */
export async function webfinger(ctx: Ctx, resource: string | undefined): Promise<Answer> {
  const { default_application: key } = await currentBrand(ctx)
  const application =
    key === null
      ? undefined
      : await ctx.db.selectFrom('application').select(['slug', 'provider']).where('pbm_uuid', '=', key).executeTakeFirst()
  const client = application?.provider ? await clientOfProvider(ctx, application.provider) : undefined
  const body = client
    ? {
        subject: resource ?? '',
        links: [{ rel: 'http://openid.net/specs/connect/1.0/issuer', href: `${baseUrl(ctx)}application/o/${application!.slug}/` }],
      }
    : {}
  return {
    status: 200,
    headers: { 'content-type': 'application/jrd+json', 'access-control-allow-origin': '*' },
    body: JSON.stringify(body),
  }
}
