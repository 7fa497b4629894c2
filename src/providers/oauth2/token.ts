import { transact, type Ctx } from '../../context.ts'
import { explainAccess, mayOpen } from '../../core/access.ts'
import { json, type Answer } from './answer.ts'
import { namedClient, readCredentials, requireProof, type Credentials, type Headers } from './client-authentication.ts'
import type { Client } from './client.ts'
import { corsHeaders } from './cors.ts'
import { provenKey } from './dpop.ts'
import { invalidGrant, invalidRequest, OAuthError, Replayed, unauthorizedClient, unsupportedGrantType } from './errors.ts'
import { authorizationCode } from './grants/authorization-code.ts'
import { clientCredentials, passwordGrant } from './grants/client-credentials.ts'
import { deviceCode } from './grants/device-code.ts'
import { refreshToken } from './grants/refresh-token.ts'
import { prepareTokens, storeTokens, tokenResponse, type Authorization } from './issue.ts'
import { requireSound, type Parameters } from './parameters.ts'

export type TokenRequest = { form: Parameters; credentials: Credentials }

/** One way to prove that tokens are due. */
export type Grant = {
  type: string
  /** The client's secret is not demanded first: the grant itself proves who is there. */
  provesItself: boolean
  /** Throws what the client is told; nothing has changed then, unless the refusal itself has to be remembered. */
  authorize: (ctx: Ctx, request: TokenRequest, client: Client) => Promise<Authorization>
}

const grants = new Map([authorizationCode, refreshToken, clientCredentials, passwordGrant, deviceCode].map(grant => [grant.type, grant]))

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
    await requireAccess(ctx, client, authorization)
    const tokens = await prepareTokens(ctx, client, authorization, await boundKey(ctx, client, headers, authorization))
    await transact(ctx, async ctx => {
      await authorization.claim(ctx.db)
      await storeTokens(ctx, client, authorization, tokens)
      await authorization.settle?.(ctx)
    })
    return json(200, tokenResponse(client, authorization, tokens), cors) // §5.1
  } catch (error) {
    if (error instanceof Replayed) await error.consequence()
    throw withHeaders(error, cors)
  }
}

/** The key that the tokens will be bound to, RFC 9449 §5: the one that is proven, and the one that the grant demands. */
async function boundKey(ctx: Ctx, client: Client, headers: Headers, { jkt }: Authorization): Promise<string | undefined> {
  const key = await provenKey(ctx, headers)
  if (key === undefined && client.metadata.dpop_bound_access_tokens) throw new OAuthError('invalid_dpop_proof', 'A DPoP proof is required')
  if (typeof jkt === 'string' && key !== jkt) throw invalidGrant()
  return key
}

/** Whatever the grant: an account that may act, and an application that it may open. */
async function requireAccess(ctx: Ctx, client: Client, { user, asking }: Authorization): Promise<void> {
  if (!user.is_active || !client.application) throw invalidGrant()
  if (!asking) return
  const access = await mayOpen(ctx, client.application, user, { context: asking })
  if (access.passing) return
  explainAccess(ctx, client.application, user, access, 'token')
  throw invalidGrant()
}

const withHeaders = (error: unknown, headers: Record<string, string>): unknown =>
  error instanceof OAuthError
    ? new OAuthError(error.code, error.message, { status: error.status, headers: { ...error.headers, ...headers }, cause: error })
    : error
