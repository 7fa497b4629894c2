import { decodeJwt, decodeProtectedHeader, jwtVerify, type JWTPayload } from 'jose'
import type { Ctx } from '../../../context.ts'
import { atOwnAddress, endpoints, issuerOf } from '../addresses.ts'
import { ASYMMETRIC, isSame, SYMMETRIC } from '../keys/algorithms.ts'
import { clientKeys } from '../client/keys.ts'
import type { Client } from '../client/client.ts'
import { authorizationError, type OAuthError } from '../errors.ts'
import { isFapi, signable, windowFault } from '../fapi.ts'
import { readParameters, type Parameters } from '../parameters.ts'

/** Request objects, RFC 9101 and OIDC Core §6: an authorization request as a JWT. */

/** Clocks differ: s. */
const TOLERANCE = 10

/** RFC 9101 §10.8: a JWT that was made for something else says so. */
const TYPES = new Set(['jwt', 'oauth-authz-req+jwt'])

/** Claims about the object itself, RFC 9101 §4. */
const OF_THE_OBJECT = new Set(['iss', 'aud', 'sub', 'exp', 'nbf', 'iat', 'jti'])

const invalid = (why: string): OAuthError => authorizationError('invalid_request_object', why)

/** What a client's request objects may be signed with; nothing when it has no keys. `none` is not among them: see `readRequestObject`. */
export function requestAlgorithms({ metadata, secret }: Client): string[] {
  const { request_object_signing_alg: alg, jwks, jwks_uri: url } = metadata
  if (alg !== null && SYMMETRIC.includes(alg)) return secret === '' ? [] : signable({ metadata }, [alg])
  if (!jwks.keys?.length && url === '') return []
  return signable(
    { metadata },
    ASYMMETRIC.filter(known => alg === null || isSame(known, alg)),
  )
}

/** Whether a client's request objects need no signature where their address vouches for them: it did not choose an algorithm. */
export const takesUnsigned = ({ metadata }: Client): boolean =>
  metadata.request_uris.length > 0 &&
  !metadata.require_signed_request_object &&
  (metadata.request_object_signing_alg === null || metadata.request_object_signing_alg === 'none')

/** The JWS, taken out of its encryption where it has one (RFC 9101 §6.1). */
async function opened(client: Client, object: string): Promise<string> {
  if (object.split('.').length !== 5) return object
  const jws = await client.encrypter?.decrypt(object)
  if (jws === undefined) throw invalid('The Request Object cannot be decrypted')
  return jws
}

function headerOf(jws: string): { alg: string; typ: string } {
  try {
    const { alg = '', typ = 'JWT' } = decodeProtectedHeader(jws)
    return { alg, typ: typ.toLowerCase().replace(/^application\//, '') }
  } catch {
    throw invalid('The Request Object is no JWT')
  }
}

async function verified(ctx: Ctx, client: Client, jws: string): Promise<JWTPayload> {
  const algorithms = requestAlgorithms(client)
  const secret = algorithms.some(alg => SYMMETRIC.includes(alg))
  const key = secret ? async () => new TextEncoder().encode(client.secret) : clientKeys(ctx, client)
  if (!key) throw invalid('The client has no keys to sign requests with')
  try {
    return (await jwtVerify(jws, key, { algorithms, clockTolerance: TOLERANCE, currentDate: ctx.now() })).payload
  } catch (error) {
    ctx.log.info({ client_id: client.client_id, reason: (error as Error).message }, 'request object refused')
    throw invalid('The Request Object is not valid')
  }
}

/** A claim in the form that the parameter has outside of an object; undefined for what is no parameter. */
function parameterOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : undefined // `claims`
}

/**
 * The parameters that a request object holds: signed by the client with an algorithm that it may use, for us, in its time. What the
 * browser carries beside the object does not count (RFC 9101 §6.3).
 * @param vouched it came from an address that the client registered, by TLS: a client that chose no algorithm need not sign it (OIDC Core §6.2)
 * @throws OAuthError
 */
export async function readRequestObject(ctx: Ctx, client: Client, object: string, vouched = false): Promise<Parameters> {
  if (!vouched && requestAlgorithms(client).length === 0) throw authorizationError('request_not_supported')
  const jws = await opened(client, object)
  const { alg, typ } = headerOf(jws)
  if (!TYPES.has(typ)) throw invalid('The JWT was made for something else')
  const unsigned = alg === 'none'
  // A client of the profile was told to sign: its object is wrong, RFC 9101 §6.3. Whoever else comes with one uses what is not supported here.
  if (unsigned && !vouched && !isFapi(client)) throw authorizationError('request_not_supported', 'Request Objects must be signed')
  if (unsigned && !takesUnsigned(client)) throw invalid('The Request Object must be signed')
  const claims = unsigned ? decodeUnsigned(jws) : await verified(ctx, client, jws)
  checkClaims(await atOwnAddress(ctx), client, claims)
  const pairs = Object.entries(claims).flatMap(([name, value]) => {
    const text = OF_THE_OBJECT.has(name) ? undefined : parameterOf(value)
    return text === undefined ? [] : [[name, text] as [string, string]]
  })
  return readParameters(new URLSearchParams(pairs).toString())
}

function decodeUnsigned(jws: string): JWTPayload {
  if (!jws.endsWith('.')) throw invalid('The Request Object is not valid')
  try {
    return decodeJwt(jws)
  } catch {
    throw invalid('The Request Object is no JWT')
  }
}

/** RFC 9101 §4, §5 and §10.8: by this client, for us, and no other kind of JWT. */
function checkClaims(ctx: Ctx, client: Client, claims: JWTPayload): void {
  if (claims.client_id !== client.client_id) throw invalid('The Request Object names another client_id')
  if (claims.iss !== undefined && claims.iss !== client.client_id) throw invalid('The Request Object was issued by somebody else')
  if (claims.sub === client.client_id) throw invalid('The JWT was made for something else')
  const ours: unknown[] = [issuerOf(ctx, client), endpoints(ctx, client).authorize]
  if (claims.aud !== undefined && ![claims.aud].flat().some(audience => ours.includes(audience)))
    throw invalid('The Request Object is for somebody else')
  if (isFapi(client)) {
    if (![claims.aud].flat().includes(issuerOf(ctx, client) ?? undefined)) throw invalid('The Request Object is for somebody else')
    const fault = windowFault(claims, ctx.now())
    if (fault !== undefined) throw invalid(fault)
  }
  if ('request' in claims || 'request_uri' in claims) throw invalid('A Request Object cannot hold another one')
}
