import type { Ctx } from '../../../context.ts'
import type { PlannedWrite } from '../../../db/planned-write.ts'
import { scopeClaims } from '../../../mappings/evaluate.ts'
import type { Standing } from './fulfil.ts'
import { sealedIdToken } from '../client/encryption.ts'
import { authorizationError } from '../errors.ts'
import { prepareTokens, tokenWrites, type Authorization } from '../token/issue.ts'
import type { SignInFacts } from '../claims/sign-in-facts.ts'

/** Tokens that go to the browser at once, ready but not stored yet. */
export type FrontChannel = {
  /** What makes them good: goes into the transaction that grants the request. */
  writes: readonly PlannedWrite[]
  /** The parameters of the answer; the code is told since the ID token speaks of it. */
  parameters: (code: string | undefined) => Promise<Record<string, string>>
}

/**
 * What the implicit and the hybrid flow hand to the browser, OIDC Core §3.2.2.5 and §3.3.2.5: the access token, and an ID token that binds it, the
 * code and the state to each other by their hashes (§3.3.2.11, and `s_hash` of Financial-grade API 1.0 §5.2.2.1). Undefined for a code alone.
 */
export async function frontChannel(
  ctx: Ctx,
  { client, request, user, session }: Standing,
  { family, facts }: { family: string; facts: SignInFacts },
): Promise<FrontChannel | undefined> {
  const types = request.response_type
  if (types.every(type => type === 'code')) return undefined
  const { dpop_bound_access_tokens: byKey, tls_client_certificate_bound_access_tokens: byCertificate } = client.metadata
  if (types.includes('token') && (byKey || byCertificate))
    throw authorizationError('unauthorized_client', 'The tokens of this client are bound: none can come by the browser')
  const authorization: Authorization = {
    user,
    scopes: request.scopes,
    asking: null,
    facts,
    requested: request.claims,
    nonce: request.nonce,
    session_hash: session.session_hash,
    family,
    idToken: false,
    refresh: undefined, // OIDC Core §11: never by the browser
  }
  const tokens = await prepareTokens(ctx, client, authorization)
  const withToken = types.includes('token')
  // OIDC Core §5.4: without an access token the ID token is the only place for what the scopes give.
  const alone = types.length === 1 && types[0] === 'id_token' && !client.claimsInIdToken
  const { provider, mappings } = client
  const scoped = alone ? await scopeClaims(ctx, { provider, user, scopes: request.scopes, mappings }) : {}
  return {
    writes: withToken ? tokenWrites(client, authorization, tokens) : [],
    parameters: async code => ({
      ...(withToken && {
        access_token: tokens.access,
        token_type: 'Bearer',
        expires_in: String(Math.floor(client.lifetimes.access / 1000)),
        scope: request.scopes.join(' '),
      }),
      ...(types.includes('id_token') && {
        id_token: await sealedIdToken(ctx, client, {
          ...scoped,
          ...tokens.idClaims,
          ...(withToken && { at_hash: client.signer.leftHash(tokens.access) }),
          ...(code !== undefined && { c_hash: client.signer.leftHash(code) }),
          ...(request.delivery.state !== null && { s_hash: client.signer.leftHash(request.delivery.state) }),
        }),
      }),
    }),
  }
}
