import type { Ctx } from '../../../context.ts'
import { languageOfTags, type Language } from '../../../interfaces/language.ts'
import { issuerOf } from '../addresses.ts'
import type { Client } from '../client/client.ts'
import { wantedContext, type WantedContext } from '../claims/context-class.ts'
import { authorizationError } from '../errors.ts'
import { parseScope, type Parameters } from '../parameters.ts'
import { readClaims, type RequestedClaims } from '../claims/requested.ts'
import { CHALLENGE_METHODS, isChallenge, type ChallengeMethod } from './pkce.ts'

export type ResponseType = 'code' | 'id_token' | 'token'

export type ResponseMode = 'query' | 'fragment' | 'form_post'

/** Where an authorization response goes, and how. JSON, since plans keep it. */
export type Delivery = {
  redirect_uri: string
  response_mode: ResponseMode
  /** As one signed JWT, JARM §2. */
  signed: boolean
  state: string | null
  issuer: string | null
}

/** An authorization request whose client and form were found right. JSON, since plans keep it. */
export type AuthorizationRequest = {
  client_id: string
  /** In the order of the alphabet. */
  response_type: ResponseType[]
  delivery: Delivery
  scopes: string[]
  nonce: string | null
  challenge: { value: string; method: ChallengeMethod } | null
  prompt: string[]
  /** Seconds; null when not asked for. */
  max_age: number | null
  login_hint: string | null
  id_token_hint: string | null
  /** What the sign-in must be, OIDC Core §3.1.2.1 `acr_values`. */
  context: WantedContext | null
  claims: RequestedClaims | null
  /** A language of the pages, OIDC Core §3.1.2.1 `ui_locales`: the first that we speak. */
  language: Language | null
  /** The key that the code is bound to, RFC 9449 §10. */
  dpop_jkt: string | null
  /** Hash of the URI that it was sent ahead under, RFC 9126; spent with the grant. */
  pushed: string | null
}

/** How a response may travel: OAuth 2.0 Multiple Response Types §2.1, Form Post Response Mode §2, and as a JWT by JARM §2.3. */
export const RESPONSE_MODES = ['query', 'fragment', 'form_post', 'jwt', 'query.jwt', 'fragment.jwt', 'form_post.jwt']

/** What nobody but the client can read may stand in an address, JARM §2.3.1. */
const mayBeLogged = ({ metadata }: Client, mode: string): boolean =>
  mode === 'query.jwt' && metadata.authorization_encrypted_response_alg !== null

/** Whether the way in question leads to an address: browsers send forms to web pages alone. */
const leadsTo = (uri: string, way: string): boolean => way !== 'form_post' || /^https?:/i.test(uri)

/**
 * Where the response goes and how, known before anything else so that errors take the same way. Modes that are unknown, or cannot be, give way to
 * the default of the response type.
 */
export function deliveryOf(ctx: Ctx, client: Client, params: Parameters, redirectUri: string): Delivery {
  const wanted = params.get('response_mode') ?? ''
  const [way = '', form] = RESPONSE_MODES.includes(wanted) ? wanted.split('.') : []
  const tokens = /\b(?:id_token|token)\b/.test(params.get('response_type') ?? '')
  const usual = tokens ? 'fragment' : 'query'
  const open = tokens && !mayBeLogged(client, wanted)
  return {
    redirect_uri: redirectUri,
    response_mode: way === '' || way === 'jwt' || (open && way === 'query') || !leadsTo(redirectUri, way) ? usual : (way as ResponseMode),
    signed: way === 'jwt' || form === 'jwt',
    state: params.get('state') ?? null,
    issuer: issuerOf(ctx, client),
  }
}

/** What may be asked for, by the grant that a client needs for it: OAuth 2.0 Multiple Response Types §3 and §5. The order of the words does not matter. */
const RESPONSE_TYPES: ReadonlyMap<string, string> = new Map([
  ['code', 'authorization_code'],
  ['id_token', 'implicit'],
  ['id_token token', 'implicit'],
  ['code id_token', 'hybrid'],
  ['code token', 'hybrid'],
  ['code id_token token', 'hybrid'],
])

/** The response types that a client may ask for, as discovery tells them. */
export const responseTypesOf = (client: Client): string[] =>
  [...RESPONSE_TYPES].filter(([, grant]) => client.grantTypes.has(grant)).map(([types]) => types)

function checkResponseType(client: Client, params: Parameters): ResponseType[] {
  const sent = params.get('response_type')
  if (sent === undefined) throw authorizationError('invalid_request', 'The parameter response_type is missing')
  const types = [...new Set(sent.split(' '))].toSorted()
  const grant = types.length === sent.split(' ').length ? RESPONSE_TYPES.get(types.join(' ')) : undefined
  if (grant === undefined) throw authorizationError('unsupported_response_type')
  if (!client.grantTypes.has(grant)) throw authorizationError('unauthorized_client')
  return types as ResponseType[]
}

/** What comes by the browser must not come in an address that servers log (Multiple Response Types §3). */
function checkResponseMode(client: Client, types: readonly ResponseType[], params: Parameters): void {
  const mode = params.get('response_mode') ?? ''
  if (/^query\b/.test(mode) && types.some(type => type !== 'code') && !mayBeLogged(client, mode))
    throw authorizationError('invalid_request', 'Tokens are not sent in the query of an address')
}

/** OIDC Core §3.2.2.1 and §3.3.2.11: an ID token that comes by the browser is bound to the browser by its nonce. */
function checkNonce(types: readonly ResponseType[], params: Parameters): string | null {
  const nonce = params.get('nonce') ?? null
  if (nonce === null && types.includes('id_token')) throw authorizationError('invalid_request', 'The parameter nonce is missing')
  return nonce
}

/** Without the parameter all configured scopes are meant; what is not configured is dropped (RFC 6749 §3.3). */
function checkScope(client: Client, params: Parameters, types: readonly ResponseType[]): string[] {
  const requested = parseScope(params.get('scope'))
  if (!requested) throw authorizationError('invalid_scope')
  const scopes = requested.length === 0 ? [...client.scopes] : requested.filter(name => client.scopes.includes(name))
  if (types.includes('id_token') && !scopes.includes('openid')) throw authorizationError('invalid_scope') // OIDC Core §3.2.2.1
  return types.includes('code') ? scopes : scopes.filter(name => name !== 'offline_access') // OIDC Core §11
}

/** RFC 7636 §4.3 and §4.4.1. A public client has nothing else to prove itself with (RFC 9700 §2.1.1). */
function checkChallenge(client: Client, params: Parameters): AuthorizationRequest['challenge'] {
  const value = params.get('code_challenge')
  const method = params.get('code_challenge_method') ?? 'plain'
  if (value === undefined) {
    if (params.get('code_challenge_method') !== undefined)
      throw authorizationError('invalid_request', 'The parameter code_challenge is missing')
    if (client.public || client.metadata.require_pkce) throw authorizationError('invalid_request', 'This client must send a code_challenge')
    return null
  }
  if (method === 'plain' && client.metadata.require_pkce) throw authorizationError('invalid_request', 'The challenge method must be S256')
  if (!CHALLENGE_METHODS.includes(method as ChallengeMethod)) throw authorizationError('invalid_request', 'Unsupported challenge method')
  if (!isChallenge(value, method as ChallengeMethod))
    throw authorizationError('invalid_request', 'The parameter code_challenge is malformed')
  return { value, method: method as ChallengeMethod }
}

export const PROMPTS: readonly string[] = ['none', 'login', 'consent', 'select_account']

/** OIDC Core §3.1.2.1: `none` stands alone; values that are not known are passed over. */
function checkPrompt(params: Parameters): string[] {
  const sent = (params.get('prompt') ?? '').split(' ').filter(Boolean)
  if (sent.includes('none') && sent.length > 1) throw authorizationError('invalid_request', 'The prompt none excludes all others')
  return sent.filter(value => PROMPTS.includes(value))
}

function checkMaxAge(params: Parameters): number | null {
  const sent = params.get('max_age')
  if (sent === undefined) return null
  if (!/^\d{1,10}$/.test(sent)) throw authorizationError('invalid_request', 'The parameter max_age is not a number of seconds')
  return Number(sent)
}

/**
 * The checks of a request whose client and redirect URI are known to be right, in the order in which they are answered.
 * @throws OAuthError for the client
 */
export function readAuthorizationRequest(client: Client, params: Parameters, delivery: Delivery): AuthorizationRequest {
  if (params.fault) throw authorizationError('invalid_request', params.fault.why) // RFC 6749 §3.1: no parameter more than once
  if (params.get('registration') !== undefined) throw authorizationError('registration_not_supported')
  const types = checkResponseType(client, params) // RFC 6749 §3.1.1
  checkResponseMode(client, types, params)
  const claims = readClaims(params.get('claims'))
  const { default_max_age: usualAge, default_acr_values: usualContext } = client.metadata
  return {
    client_id: client.client_id,
    response_type: types,
    delivery,
    scopes: checkScope(client, params, types),
    nonce: checkNonce(types, params),
    challenge: types.includes('code') ? checkChallenge(client, params) : null,
    prompt: checkPrompt(params),
    max_age: checkMaxAge(params) ?? usualAge,
    login_hint: params.get('login_hint') ?? null,
    id_token_hint: params.get('id_token_hint') ?? null,
    context: wantedContext(claims?.id_token.acr, params.get('acr_values'), usualContext),
    claims,
    language: languageOfTags(params.get('ui_locales')) ?? null,
    dpop_jkt: params.get('dpop_jkt') ?? null,
    pushed: null,
  }
}
