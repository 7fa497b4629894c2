import type { Ctx } from '../../../context.ts'
import { knownToken, livingToken, type LivingToken } from './access-token.ts'
import { ASYMMETRIC } from '../keys/algorithms.ts'
import type { Headers } from '../client/authentication.ts'
import { freshNonce, proofAlgorithm, provenKey } from '../token/dpop.ts'
import { OAuthError } from '../errors.ts'
import { signable } from '../fapi.ts'

/** What a request to a resource presents: a token that is good right now, or what is wrong with the proof that goes with it; neither: no such token. */
export type Presented = { living?: LivingToken; badProof?: string }

/**
 * The access token of a request to a resource, RFC 6750 §2.1 and RFC 9449 §7.1.
 * @param scheme of the Authorization header, in lower case: `dpop` demands a proof of the key that the token is bound to
 */
export async function presentedToken(ctx: Ctx, headers: Headers, credential: string, scheme: string): Promise<Presented> {
  if (scheme !== 'dpop') return { living: await livingToken(ctx, credential) }
  // Proofs are remembered, so that each is good once: not those that strangers make for nothing.
  if (!(await knownToken(ctx, credential))) return {}
  try {
    const key = await provenKey(ctx, headers, { accessToken: credential })
    if (key === undefined) return { badProof: 'invalid_dpop_proof' }
    const living = await livingToken(ctx, credential, key)
    // Whose token it is, and so what its proofs may be signed by, is known only now.
    if (living && !signable(living.client, ASYMMETRIC).includes(proofAlgorithm(headers))) return { badProof: 'invalid_dpop_proof' }
    return { living }
  } catch (error) {
    if (error instanceof OAuthError) return { badProof: error.code }
    throw error
  }
}

/** The headers of a refusal of a proof, RFC 9449 §7.1 and §9. */
export const proofChallenge = (ctx: Ctx, error: string): Record<string, string> => ({
  'www-authenticate': `DPoP error="${error}", algs="${ASYMMETRIC.join(' ')}"`,
  'dpop-nonce': freshNonce(ctx),
})
