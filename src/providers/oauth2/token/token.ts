import type { Ctx } from '../../../context.ts'
import { explainAccess, mayOpen } from '../../../core/application/access.ts'
import { commitTogether } from '../../../db/planned-write.ts'
import { json, type Answer } from '../answer.ts'
import { ASYMMETRIC } from '../keys/algorithms.ts'
import { presentedThumbprint } from '../client/certificate.ts'
import { namedClient, readCredentials, requireProof, type Credentials, type Headers } from '../client/authentication.ts'
import type { Client } from '../client/client.ts'
import { corsHeaders } from '../cors.ts'
import { freshNonce, provenKey } from './dpop.ts'
import { invalidGrant, invalidRequest, OAuthError, Replayed, unauthorizedClient, unsupportedGrantType } from '../errors.ts'
import { signable } from '../fapi.ts'
import { authorizationCode } from './grants/authorization-code.ts'
import { clientCredentials, passwordGrant } from './grants/client-credentials.ts'
import { deviceCode } from './grants/device-code.ts'
import { refreshToken } from './grants/refresh-token.ts'
import { tokenExchange } from './grants/token-exchange.ts'
import { prepareTokens, tokenWrites, tokenResponse, type Authorization, type Binding } from './issue.ts'
import { requireSound, type Parameters } from '../parameters.ts'

export type TokenRequest = { form: Parameters; credentials: Credentials }

/** One way to prove that tokens are due. */
export type Grant = {
  type: string
  /** The client's secret is not demanded first: the grant itself proves who is there. */
  provesItself: boolean
  /** Throws what the client is told; nothing has changed then, unless the refusal itself has to be remembered. */
  authorize: (ctx: Ctx, request: TokenRequest, client: Client) => Promise<Authorization>
}

const grants = new Map(
  [authorizationCode, refreshToken, clientCredentials, passwordGrant, deviceCode, tokenExchange].map(grant => [grant.type, grant]),
)

/**
 * Token endpoint, RFC 6749 §3.2. The phases that every grant shares stand here, once, so that no grant can forget one; a grant only
 * proves its own kind of authorization.
 */
export async function token(ctx: Ctx, headers: Headers, form: Parameters): Promise<Answer> {
  let cors: Record<string, string> = {}
  try {
    requireSound(form) // §3.2: no parameter more than once
    const credentials = readCredentials(headers, form) // §2.3
    const client = await namedClient(ctx, credentials)
    cors = corsHeaders(headers, client.origins)
    const type = form.get('grant_type')
    if (type === undefined) throw invalidRequest('The parameter grant_type is missing')
    const grant = grants.get(type)
    if (!grant?.provesItself) await requireProof(ctx, client, credentials) // §3.2.1, before anything is told about grants
    if (!grant) throw unsupportedGrantType()
    if (!client.grantTypes.has(grant.type)) throw unauthorizedClient() // §5.2
    const authorization = await grant.authorize(ctx, { form, credentials }, client)
    const target = authorization.target ?? client
    await requireAccess(ctx, client, authorization)
    if (target !== client) await requireAccess(ctx, target, authorization)
    const key = headers['dpop'] === undefined ? undefined : await provenBy(ctx, client, headers)
    const bound = bindingOf(ctx, client, authorization, key)
    const { claim, settle } = authorization
    // Beside the signature, which takes longer than all the rest.
    const [tokens, settled] = await Promise.all([prepareTokens(ctx, target, authorization, bound), settle?.(ctx)])
    await commitTogether(ctx, [...(claim ? [claim] : []), ...tokenWrites(target, authorization, tokens), ...(settled ? [settled] : [])])
    const nonce: Record<string, string> = client.metadata.dpop_nonce_required ? { 'dpop-nonce': freshNonce(ctx) } : {} // RFC 9449 §8.2
    return json(200, tokenResponse(authorization, tokens), { ...cors, ...nonce }) // §5.1
  } catch (error) {
    if (error instanceof Replayed) await error.consequence()
    throw withHeaders(error, cors)
  }
}

/** The key that a request proves to hold, RFC 9449 §5. */
const provenBy = (ctx: Ctx, client: Client, headers: Headers): Promise<string | undefined> =>
  provenKey(ctx, headers, { nonce: client.metadata.dpop_nonce_required, algorithms: signable(client, ASYMMETRIC) })

/**
 * What the tokens will be bound to: the key that is proven (RFC 9449 §5) and the certificate that is shown by a client that wants that (RFC 8705 §3),
 * which must be those that the grant is bound to.
 */
function bindingOf(ctx: Ctx, client: Client, { jkt, x5t, target = client }: Authorization, key: string | undefined): Binding {
  const { metadata } = client
  // Whom the token is for may count on that as well.
  const byKey = metadata.dpop_bound_access_tokens || target.metadata.dpop_bound_access_tokens
  const byCertificate = metadata.tls_client_certificate_bound_access_tokens || target.metadata.tls_client_certificate_bound_access_tokens
  if (key === undefined && byKey) throw invalidRequest('A DPoP proof is required')
  if (typeof jkt === 'string' && key !== jkt) throw invalidGrant()
  const certificate = byCertificate || x5t ? presentedThumbprint(ctx) : undefined
  if (certificate === undefined && byCertificate) throw invalidRequest('A client certificate is required')
  if (typeof x5t === 'string' && certificate !== x5t) throw invalidGrant()
  return { jkt: key, x5t: certificate }
}

/** Whatever the grant: an account that may act, and an application that it may open. */
async function requireAccess(ctx: Ctx, client: Client, { user, asking }: Authorization): Promise<void> {
  if (!user.is_active || !client.application) throw invalidGrant()
  if (!asking) return
  const access = await mayOpen(ctx, client.application, user, { context: asking, unbound: client.mayBeUnbound })
  if (access.passing) return
  explainAccess(ctx, client.application, user, access, 'token')
  throw invalidGrant()
}

const withHeaders = (error: unknown, headers: Record<string, string>): unknown =>
  error instanceof OAuthError
    ? new OAuthError(error.code, error.message, { status: error.status, headers: { ...error.headers, ...headers }, cause: error })
    : error
