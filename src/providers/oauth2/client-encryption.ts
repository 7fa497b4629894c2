import { CompactEncrypt, importJWK, type JWK } from 'jose'
import type { Row } from '../../api/model.ts'
import type { Ctx } from '../../context.ts'
import { clientKeyList } from './client-keys.ts'
import type { Client } from './client.ts'
import { OAuthError } from './errors.ts'

/** How a client wants something encrypted; `alg` null: not at all. */
type Wanted = { alg: string | null; enc: string | null }

/** OIDC Registration §2: what counts where a client names no encryption of the content. */
export const USUAL_ENC = 'A128CBC-HS256'

/** Whether a key is meant for encrypting by this algorithm, OIDC Core §10.2. */
const fits =
  (alg: string) =>
  ({ kty, use, alg: own, crv }: JWK): boolean =>
    (use === undefined || use === 'enc') &&
    (own === undefined || own === alg) &&
    (alg.startsWith('RSA') ? kty === 'RSA' : kty === 'EC' || (kty === 'OKP' && crv === 'X25519'))

/**
 * Encrypts for one of the client's own keys.
 * @param text claims as JSON, or a JWT (`nested`), which the header then says (RFC 7519 §5.2)
 * @throws OAuthError when the client has no key for it
 */
async function encryptedFor(ctx: Ctx, client: Client, text: string, wanted: Wanted & { alg: string }, nested: boolean): Promise<string> {
  const { alg, enc } = wanted
  const keys = await clientKeyList(ctx, client).catch((cause: unknown) => {
    ctx.log.info({ client_id: client.client_id, reason: (cause as Error).message }, 'keys of a client cannot be had')
    return []
  })
  const jwk = keys.find(fits(alg))
  if (!jwk) throw new OAuthError('invalid_request', 'The client has no key to encrypt for')
  const header = { alg, enc: enc ?? USUAL_ENC, typ: 'JWT', ...(nested && { cty: 'JWT' }), ...(jwk.kid !== undefined && { kid: jwk.kid }) }
  return new CompactEncrypt(new TextEncoder().encode(text)).setProtectedHeader(header).encrypt(await importJWK(jwk, alg))
}

/** An ID token, or a logout token, which is treated alike (OIDC Back-Channel Logout §2.4): signed, and encrypted for the client's key where it asks for that, else for the provider's where there is one. */
export async function sealedIdToken(ctx: Ctx, client: Client, claims: Row, type?: string): Promise<string> {
  const { id_token_encrypted_response_alg: alg, id_token_encrypted_response_enc: enc } = client.metadata
  const jws = await client.signer.sign(claims, type)
  if (alg !== null) return encryptedFor(ctx, client, jws, { alg, enc }, true)
  return client.encrypter ? client.encrypter.encrypt(jws) : jws
}

/**
 * The answer of the UserInfo endpoint as a JWT (OIDC Core §5.3.2): signed, encrypted, or both, as the client asks; undefined: as JSON.
 * @param issuer null for a provider that no application uses
 */
export async function userinfoJwt(ctx: Ctx, client: Client, claims: Row, issuer: string | null): Promise<string | undefined> {
  const { userinfo_encrypted_response_alg: alg, userinfo_encrypted_response_enc: enc } = client.metadata
  const all = { ...claims, iss: issuer, aud: client.client_id }
  const jws = await client.userinfoSigner?.sign(all)
  return alg === null ? jws : encryptedFor(ctx, client, jws ?? JSON.stringify(all), { alg, enc }, jws !== undefined)
}
