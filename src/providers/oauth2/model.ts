import { sql } from 'kysely'
import { Type } from 'typebox'
import { crud } from '../../api/crud.ts'
import type { Hooks } from '../../api/objects.ts'
import { invalid } from '../../api/errors.ts'
import { choice, duration, flag, many, reference, sealed, structure, text, unshown } from '../../api/fields.ts'
import { parseUuid, type FilterSpec } from '../../api/filters.ts'
import { defineModel, type Model, type Row } from '../../api/model.ts'
import type { Resource } from '../../api/mount.ts'
import { findObject } from '../../api/store.ts'
import type { Ctx } from '../../context.ts'
import { CertificateKeyPair } from '../../crypto/model.ts'
import { compileRegex } from '../../expression/regex/index.ts'
import { randomString } from '../../lib/random.ts'
import { OAuthSource } from '../../sources/oauth/model.ts'
import { Provider, withInvalidationFlow } from '../provider.ts'
import { keypairEncrypter, keypairSigner, UnusableKey } from './keys/signer.ts'
import { requireProfileKey, requireProfileSecret } from './keys/profile.ts'
import { forbiddenScheme, siteOf, type RedirectUri } from './client/redirect-uri.ts'
import { retireKeyOf } from './keys/retired.ts'

/** Every grant that a client may be allowed. */
export const GRANT_TYPES = [
  'authorization_code',
  'implicit',
  'hybrid',
  'refresh_token',
  'client_credentials',
  'password',
  'urn:ietf:params:oauth:grant-type:device_code',
  'urn:ietf:params:oauth:grant-type:token-exchange',
] as const

/** What a client made without the list may do. Exchanging tokens is for those who are told of. */
const STANDARD_GRANTS = GRANT_TYPES.slice(0, -1)

const RedirectUris = Type.Array(
  Type.Unsafe<RedirectUri>({
    type: 'object',
    properties: {
      matching_mode: { type: 'string', enum: ['strict', 'regex'] },
      url: { type: 'string', minLength: 1 },
      redirect_uri_type: { type: 'string', enum: ['authorization', 'logout'] },
    },
    required: ['matching_mode', 'url'],
  }),
)

/** A pattern that does not compile, or an address that would run script in our page's name. */
function redirectUriError(uris: RedirectUri[]): string | undefined {
  for (const { matching_mode: mode, url } of uris) {
    if (forbiddenScheme(url)) return `Forbidden URI scheme in ${url}`
    if (mode !== 'regex') continue
    try {
      compileRegex(url, 0)
    } catch {
      // What is wrong with the pattern does not matter here: the author sees which one it is.
      return `Invalid Regex Pattern: ${url}`
    }
  }
  return undefined
}

const linkError = (url: string): string | undefined => (url === '' || /^https?:\/\//i.test(url) ? undefined : 'Enter a valid URL.')

const CLIENT_ID_LENGTH = 40
const CLIENT_SECRET_LENGTH = 128

/** The provider of one application, which the filter names by its key. */
const applicationFilter: FilterSpec = {
  type: 'uuid',
  apply: (_, [sent]) => {
    const key = parseUuid(sent!)
    if (key === undefined) throw invalid({ application: ['Enter a valid UUID.'] })
    return sql<boolean>`provider_oauth2.id in (select provider from application where pbm_uuid = ${key})`
  },
}

/** An application that signs people in through OAuth 2 or OpenID Connect. */
export const OAuth2Provider: Model = defineModel({
  name: 'OAuth2Provider',
  label: 'authentik_providers_oauth2.oauth2provider',
  verboseName: 'OAuth2/OpenID Provider',
  description: 'OAuth2 Provider for generic OAuth and OpenID Connect Applications.',
  table: 'provider_oauth2',
  pk: 'id',
  base: Provider,
  component: 'ak-provider-oauth2-form',
  fields: {
    client_type: choice(['confidential', 'public'], 'confidential'),
    grant_types: structure(Type.Unsafe({ type: 'array', items: { type: 'string', enum: [...GRANT_TYPES] }, minItems: 1 }), {
      default: [...STANDARD_GRANTS],
    }),
    client_id: {
      ...text({ maxLength: 255, unique: true }),
      required: false,
      taken: 'OAuth2/OpenID Provider with this Client ID already exists.',
      initial: ctx => randomString(CLIENT_ID_LENGTH, undefined, ctx.randomBytes),
    },
    client_secret: sealed({
      ...text({ maxLength: 255, blank: true }),
      required: false,
      initial: ctx => randomString(CLIENT_SECRET_LENGTH, undefined, ctx.randomBytes),
    }),
    access_code_validity: duration('minutes=1'),
    access_token_validity: duration('hours=1'),
    refresh_token_validity: duration('days=30'),
    refresh_token_threshold: duration('seconds=0'),
    include_claims_in_id_token: flag(true),
    signing_key: reference(() => CertificateKeyPair, { nullable: true }),
    encryption_key: reference(() => CertificateKeyPair, { nullable: true }),
    redirect_uris: structure(RedirectUris, { check: redirectUriError }),
    /** Where the redirect URIs suggest that the application is; kept, so that lists can be narrowed to what has an address. */
    site: unshown(text({ nullable: true }), () => null),
    logout_uri: text({ default: '', check: linkError }),
    logout_method: choice(['backchannel', 'frontchannel'], 'backchannel'),
    sub_mode: choice(['hashed_user_id', 'user_id', 'user_uuid', 'user_username', 'user_email', 'user_upn'], 'hashed_user_id'),
    issuer_mode: choice(['global', 'per_provider'], 'per_provider'),
    jwt_federation_sources: many(() => OAuthSource, { table: 'provider_oauth2_federation_source', ours: 'provider', theirs: 'source' }),
    jwt_federation_providers: many(() => OAuth2Provider, { table: 'provider_oauth2_federation', ours: 'provider', theirs: 'trusted' }),
  },
  filters: {
    application: applicationFilter,
    ...Object.fromEntries(
      [
        'access_code_validity',
        'access_token_validity',
        'authorization_flow',
        'client_id',
        'client_type',
        'include_claims_in_id_token',
        'issuer_mode',
        'name',
        'property_mappings',
        'refresh_token_validity',
        'signing_key',
        'sub_mode',
      ].map(name => [name, name === 'property_mappings' ? { many: true } : {}]),
    ),
  },
})

/** A keypair that cannot do what it is chosen for would only be noticed at the next sign-in. */
async function checkKeys(ctx: Ctx, values: Row, current?: Row): Promise<void> {
  for (const [name, use] of [
    ['signing_key', keypairSigner],
    ['encryption_key', keypairEncrypter],
  ] as const) {
    const keypair = typeof values[name] === 'string' ? await findObject(ctx, CertificateKeyPair, values[name]) : undefined
    try {
      if (keypair) use(keypair)
    } catch (error) {
      if (error instanceof UnusableKey) throw invalid({ [name]: [error.message] })
      throw error
    }
    if (name === 'signing_key' && current && name in values && values[name] !== current[name])
      await requireProfileKey(ctx, current.id as number, keypair)
  }
}

/** The stored default for an item's kind is explicit, so that readers need not know it. */
async function clean(ctx: Ctx, values: Row, current?: Row): Promise<Row> {
  await checkKeys(ctx, values, current)
  if (values.client_type === 'public' && current?.client_type === 'confidential') await requireProfileSecret(ctx, current.id as number)
  const uris = values.redirect_uris as RedirectUri[] | undefined
  const typed = uris
    ? {
        redirect_uris: uris.map(({ matching_mode, url, redirect_uri_type = 'authorization' }) => ({
          matching_mode,
          url,
          redirect_uri_type,
        })),
        site: siteOf(uris),
      }
    : {}
  return withInvalidationFlow(ctx, { ...values, ...typed }, current)
}

/** What was signed with the key before goes on being good. */
async function saved(ctx: Ctx, provider: Row, previous?: Row): Promise<void> {
  const before = previous?.signing_key
  if (typeof before !== 'string' || before === provider.signing_key) return
  const keypair = await findObject(ctx, CertificateKeyPair, before)
  if (keypair) await retireKeyOf(ctx, previous as { id: number; access_token_validity: string }, keypair)
}

/** What a provider does beyond the standard when it is written, by whichever way. */
export const providerHooks: Hooks = { clean, saved }

export const oauth2Providers: Resource = {
  path: '/providers/oauth2',
  model: OAuth2Provider,
  operations: crud(OAuth2Provider, providerHooks),
}
