import type { Row } from '../../../api/model.ts'

/** What a provider's profile says, in our words, before any property mapping. */
export type Profile = {
  /** Who it is at the provider, for good; undefined: the answer does not say, and nobody can sign in by it. */
  identifier: string | undefined
  /** `username`, `name`, `email`, `attributes`, `groups` (ids): what the provider tells. Null is "not told". */
  properties: Row
  /**
   * Whether the provider vouches that `properties.email` is this person's. undefined: it does not say, which is a no wherever accounts
   * are found by e-mail. It speaks of the profile's own address alone, not of what a mapping may put in its place.
   */
  emailVerified: boolean | undefined
}

/** How a client names itself at the token endpoint, RFC 6749 §2.3.1. */
export type ClientAuth = 'basic_auth' | 'post_body'

/** A kind of provider: what its documentation says, as data. */
export type ProviderType = {
  name: string
  verbose_name: string
  /** Whether sources may have URLs of their own (self-hosted products, tenants). Where a source has none, these hold. */
  urls_customizable: boolean
  request_token_url: string | null
  authorization_url: string | null
  access_token_url: string | null
  /** null together with `profile: 'id_token'`. */
  profile_url: string | null
  oidc_well_known_url: string | null
  oidc_jwks_url: string | null
  scopes: readonly string[]
  scopeSeparator?: ','
  /** Demanded by the provider, whatever the source says. */
  pkce?: 'S256'
  /** The only way that the provider takes; otherwise the source says. */
  clientAuth?: ClientAuth
  /** Added to the authorization request. */
  authorizationParameters?: Readonly<Record<string, string>>
  /** What the provider calls the client's id and secret, and where it is not the standard: GET for the token request, a fragment. */
  dialect?: { clientId: string; clientSecret: string; tokenMethod: 'GET'; fragment: string; profileParameters: readonly string[] }
  /** Whether the answer to the authorization request comes as a form that another site posts (no cookies with SameSite=Lax). */
  responseMode?: 'form_post'
  /** The client's secret is a JWT that is signed for each request; `consumer_key` holds several values. */
  signedSecret?: 'apple'
  /** Where the profile is: behind `profile_url`, or nowhere but in the ID token. */
  profileFrom: 'url' | 'id_token'
  /**
   * Whether an ID token may come and is then validated. Those of other providers are passed over. `issuer` is that of the well-known
   * document where there is one.
   */
  idToken: boolean
  /**
   * Asks the provider for more than the profile holds. `ask` GETs a URL with the access token and resolves with the JSON it answers;
   * it throws when there is none.
   */
  complete?: (info: Row, asking: { ask: (url: string) => Promise<unknown>; profileUrl: string; scopes: readonly string[] }) => Promise<Row>
  read: (info: Row) => Profile
  /** A group's own properties, by an id among `properties.groups`. */
  group?: (info: Row, id: string) => Row
}

/** Text, or null for what is not text or is empty: profiles are foreign. */
export const textOf = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null)

/** Ids are text or numbers. */
export const idOf = (value: unknown): string | undefined =>
  typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : (textOf(value) ?? undefined)

/** A flag that some providers send as text. */
export const flagOf = (value: unknown): boolean | undefined =>
  value === true || value === 'true' ? true : value === false || value === 'false' ? false : undefined

export const objectOf = (value: unknown): Row =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Row) : {}

/** The texts of a list; a single text is a list of one. */
export const textsOf = (value: unknown): string[] => [value].flat().filter((item): item is string => textOf(item) !== null)

/** A provider with no URLs, for those that have some to say which. */
export const NO_URLS = {
  request_token_url: null,
  authorization_url: null,
  access_token_url: null,
  profile_url: null,
  oidc_well_known_url: null,
  oidc_jwks_url: null,
} as const

/** What the claims of OpenID Connect Core §5.1 say. */
export const readClaims = (info: Row): Profile => ({
  identifier: idOf(info.sub),
  properties: {
    username: textOf(info.nickname) ?? textOf(info.preferred_username),
    email: textOf(info.email),
    name: textOf(info.name),
    groups: textsOf(info.groups),
  },
  emailVerified: flagOf(info.email_verified),
})

/** Groups of a claim are known by their names alone. */
export const groupByName = (_info: Row, id: string): Row => ({ name: id })
