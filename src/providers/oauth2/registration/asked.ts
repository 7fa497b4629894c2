import type { Row } from '../../../api/model.ts'
import { OAuthError } from '../errors.ts'
import { isAddress, type RedirectUri } from '../client/redirect-uri.ts'

/** What a client asks to be registered as (RFC 7591 §2, OIDC Registration §2), checked as far as it can be without looking anything up. */
export type Asked = {
  name: string
  redirectUris: string[]
  postLogoutRedirectUris: string[]
  /** As the client wrote them; what it gets is for the provider to say. */
  grantTypes: string[]
  responseTypes: string[]
  /** undefined: whatever the provider lets it have. */
  scope: string[] | undefined
  authMethod: string | undefined
  logout: { uri: string; method: 'backchannel' | 'frontchannel' }
  clientUri: string
  /** What is told and shown again, and that nothing here uses. */
  told: Row
}

export const invalidMetadata = (why: string): OAuthError => new OAuthError('invalid_client_metadata', why)
const invalidRedirect = (why: string): OAuthError => new OAuthError('invalid_redirect_uri', why)

const MOST = 32
const LONGEST = 2_048
/** Names of accounts that are made of it must not be cut: two clients could share one. */
const NAME_LENGTH = 80

/** Without control characters: nothing that is shown, sent or kept has a use for them. */
const isText = (value: unknown): value is string =>
  // oxlint-disable-next-line no-control-regex -- control characters are what is refused
  typeof value === 'string' && value.length <= LONGEST && !/[\u0000-\u001f\u007f]/.test(value)

/** A text of a request; null and an empty text are as if nothing were there. */
function text(sent: Row, name: string): string | undefined {
  const value = sent[name]
  if (value === undefined || value === null || value === '') return undefined
  if (!isText(value)) throw invalidMetadata(`${name} is no text`)
  return value
}

function texts(sent: Row, name: string, refuse = invalidMetadata): string[] | undefined {
  const value = sent[name]
  if (value === undefined || value === null) return undefined
  if (!Array.isArray(value) || value.length > MOST || !value.every(item => isText(item) && item !== ''))
    throw refuse(`${name} is no list of texts`)
  return [...new Set(value as string[])]
}

/**
 * The name as people see it: in one spelling, on one line, without characters that nobody sees or that turn the order of letters around. What
 * it pretends to be is no matter of letters: people are told that nobody has checked it.
 */
const cleanName = (name: string): string =>
  [
    ...name
      .normalize('NFKC')
      .replaceAll(/[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Z}]+/gu, ' ')
      .replaceAll(/\p{M}{3,}/gu, '')
      .trim(),
  ]
    .slice(0, NAME_LENGTH)
    .join('')
    .trim()

/** In full: browsers read `https:path` as an address of the site that they are at. */
const isWebAddress = (value: string): boolean => /^https?:\/\/[^/\\]/i.test(value) && URL.canParse(value)

/** An address that people may be shown and sent to. */
function webAddress(sent: Row, name: string): string {
  const value = text(sent, name) ?? ''
  if (value !== '' && !isWebAddress(value)) throw invalidMetadata(`${name} is no address of the web`)
  return value
}

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]'])

/** RFC 8252 §7: over TLS, to this very machine, or to a scheme that belongs to the application. */
function redirectUri(uri: string): string {
  if (!URL.canParse(uri) || !isAddress(uri)) throw invalidRedirect(`${uri.slice(0, 200)} cannot be redirected to`)
  const { protocol, hostname, username, password } = new URL(uri)
  if (username !== '' || password !== '') throw invalidRedirect('An address with a password cannot be redirected to')
  if (/^https?:$/.test(protocol) && !isWebAddress(uri)) throw invalidRedirect(`${uri.slice(0, 200)} is no address of the web`)
  if (protocol === 'http:' && !LOOPBACK.has(hostname)) throw invalidRedirect(`${uri.slice(0, 200)} is not protected by TLS`)
  if (['file:', 'blob:', 'about:', 'ftp:', 'ws:', 'wss:'].includes(protocol))
    throw invalidRedirect(`${uri.slice(0, 200)} cannot be redirected to`)
  return uri
}

/** Only told: for people to read, and for the client to get back. */
const TOLD = [
  'client_name',
  'client_uri',
  'logo_uri',
  'policy_uri',
  'tos_uri',
  'software_id',
  'software_version',
  'application_type',
] as const

function logoutOf(sent: Row): Asked['logout'] {
  const back = webAddress(sent, 'backchannel_logout_uri')
  const front = webAddress(sent, 'frontchannel_logout_uri')
  return back === '' && front !== '' ? { uri: front, method: 'frontchannel' } : { uri: back, method: 'backchannel' }
}

/** Where people or their browsers are sent, beside the redirect URIs. */
const ADDRESSES = [
  'client_uri',
  'logo_uri',
  'policy_uri',
  'tos_uri',
  'initiate_login_uri',
  'frontchannel_logout_uri',
  'backchannel_logout_uri',
]

/**
 * @param isHere whether an address is one of this very server: such a client has none here
 * @throws invalid_client_metadata, invalid_redirect_uri (RFC 7591 §3.2.2)
 */
export function readAsked(sent: unknown, isHere: (uri: string) => boolean): Asked {
  if (typeof sent !== 'object' || sent === null || Array.isArray(sent)) throw invalidMetadata('The body is no JSON object')
  const body = sent as Row
  for (const name of ADDRESSES) if (isHere(webAddress(body, name))) throw invalidMetadata(`${name} is an address of this server`)
  const redirects = (name: string): string[] => {
    const uris = (texts(body, name, invalidRedirect) ?? []).map(redirectUri)
    if (uris.some(isHere)) throw invalidRedirect(`${name} has an address of this server`)
    return uris
  }
  const told: Row = {}
  for (const name of TOLD) if (text(body, name) !== undefined) told[name] = text(body, name)
  const contacts = texts(body, 'contacts')
  if (contacts) told.contacts = contacts
  const responseTypes = (texts(body, 'response_types') ?? ['code']).map(types => types.split(' ').toSorted().join(' '))
  return {
    name: cleanName(text(body, 'client_name') ?? '') || 'Registered client',
    redirectUris: redirects('redirect_uris'),
    postLogoutRedirectUris: redirects('post_logout_redirect_uris'),
    grantTypes: texts(body, 'grant_types') ?? ['authorization_code'],
    responseTypes,
    scope: text(body, 'scope')?.split(' ').filter(Boolean),
    authMethod: text(body, 'token_endpoint_auth_method'),
    logout: logoutOf(body),
    clientUri: webAddress(body, 'client_uri'),
    told,
  }
}

/** The addresses of a registration as a provider keeps them. */
export const providerUris = ({ redirectUris, postLogoutRedirectUris }: Asked): RedirectUri[] => [
  ...redirectUris.map(url => ({ matching_mode: 'strict' as const, url, redirect_uri_type: 'authorization' as const })),
  ...postLogoutRedirectUris.map(url => ({ matching_mode: 'strict' as const, url, redirect_uri_type: 'logout' as const })),
]

/** Of the grants that a client asks for, those that it may have; the hybrid flow is what it asks for by its response types. */
export function grantsOf({ grantTypes, responseTypes, redirectUris }: Asked, allowed: ReadonlySet<string>): string[] {
  const byBrowser = responseTypes.some(types => types.includes(' ') && types.includes('code'))
  const wanted = new Set([...grantTypes, ...(byBrowser && grantTypes.includes('authorization_code') ? ['hybrid'] : [])])
  const given = [...wanted].filter(grant => allowed.has(grant))
  if (given.length === 0) throw invalidMetadata('None of the grant_types may be used here')
  const needsAddress = ['authorization_code', 'implicit', 'hybrid'].some(grant => given.includes(grant))
  if (needsAddress && redirectUris.length === 0) throw invalidRedirect('These grants need redirect_uris')
  return given
}

/** The response types that go with the grants that a client got, RFC 7591 §2.1. */
export function responseTypesOf({ responseTypes }: Asked, grants: readonly string[]): string[] {
  const needed = (types: string) => (types === 'code' ? 'authorization_code' : types.includes('code') ? 'hybrid' : 'implicit')
  return responseTypes.filter(types => /^(?:code)?(?: ?id_token)?(?: ?token)?$/.test(types) && grants.includes(needed(types)))
}
