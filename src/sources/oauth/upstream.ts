import { importPKCS8, SignJWT } from 'jose'
import type { Row } from '../../api/model.ts'
import type { Ctx } from '../../context.ts'
import { metadataAt } from './discovery.ts'
import { SourceError } from './error.ts'
import { clientAuthOf, pkceOf, scopesOf, typeOf, urlOf } from './settings.ts'
import type { ClientAuth, ProviderType } from './types/type.ts'

/** A source as the protocol needs it: what its administrator set, else what its type says. */
export type Upstream = {
  source: Row
  type: ProviderType
  clientId: string
  clientSecret: string
  authorizationUrl: string
  tokenUrl: string
  profileUrl: string
  wellKnownUrl: string
  jwksUrl: string
  jwks: unknown
  scopes: readonly string[]
  pkce: 'none' | 'plain' | 'S256'
  clientAuth: ClientAuth
  /** Who signs its tokens; undefined while nobody has said. */
  issuer: string | undefined
  /** RFC 9207: its answers in the browser say who they are from. */
  namesItself: boolean
}

/** What is known of a source without asking anybody. */
export function upstreamOf(source: Row): Upstream {
  const type = typeOf(source)
  const address = (name: Parameters<typeof urlOf>[1]): string => urlOf(source, name) ?? ''
  const key = source.consumer_key as string
  return {
    source,
    type,
    clientId: type.signedSecret === 'apple' ? key.split(';')[0]! : key,
    clientSecret: source.consumer_secret as string,
    authorizationUrl: address('authorization_url'),
    tokenUrl: address('access_token_url'),
    profileUrl: address('profile_url'),
    wellKnownUrl: address('oidc_well_known_url'),
    jwksUrl: address('oidc_jwks_url'),
    jwks: source.oidc_jwks,
    scopes: scopesOf(source),
    pkce: pkceOf(source),
    clientAuth: clientAuthOf(source),
    issuer: undefined,
    namesItself: false,
  }
}

/** Whether its discovery document is worth asking: GitHub's is about something else. */
const hasDocument = ({ type, wellKnownUrl }: Upstream): boolean => type.idToken && wellKnownUrl !== ''

/** The same with what its discovery document says: who it is, and where, as far as nobody set that. @throws SourceError when that cannot be had */
export async function discovered(ctx: Ctx, upstream: Upstream): Promise<Upstream> {
  if (!hasDocument(upstream)) return upstream
  try {
    const metadata = await metadataAt(ctx, upstream.wellKnownUrl)
    return {
      ...upstream,
      issuer: metadata.issuer,
      namesItself: metadata.authorization_response_iss_parameter_supported === true,
      authorizationUrl: upstream.authorizationUrl || (metadata.authorization_endpoint ?? ''),
      tokenUrl: upstream.tokenUrl || (metadata.token_endpoint ?? ''),
      profileUrl: upstream.profileUrl || (metadata.userinfo_endpoint ?? ''),
      jwksUrl: upstream.jwksUrl || (metadata.jwks_uri ?? ''),
    }
  } catch (error) {
    throw new SourceError('The source could not be asked who it is.', error)
  }
}

const APPLE = 'https://appleid.apple.com'
const SECRET_LIFE = 300 // s

/**
 * What we prove ourselves with. Apple wants a token of our own making, signed by the key in `consumer_secret`; `consumer_key` holds
 * `<client id>;<team>;<key id>`.
 * @see https://developer.apple.com/documentation/accountorganizationaldatasharing/creating-a-client-secret
 */
export async function clientSecret(ctx: Ctx, { type, source, clientId, clientSecret }: Upstream): Promise<string> {
  if (type.signedSecret !== 'apple') return clientSecret
  const [, team = '', kid = ''] = (source.consumer_key as string).split(';')
  const now = Math.floor(ctx.now().getTime() / 1000)
  try {
    const key = await importPKCS8(clientSecret, 'ES256')
    return await new SignJWT({})
      .setProtectedHeader({ alg: 'ES256', kid })
      .setIssuer(team)
      .setSubject(clientId)
      .setAudience(APPLE)
      .setIssuedAt(now)
      .setExpirationTime(now + SECRET_LIFE)
      .sign(key)
  } catch (error) {
    throw new SourceError('The key of this source cannot sign.', error)
  }
}
