import { CompactEncrypt, importJWK, type JWK } from 'jose'
import type { Row } from '../../../api/model.ts'
import type { Ctx } from '../../../context.ts'
import { encryptsBy, USUAL_ENC } from '../keys/algorithms.ts'
import { clientKeyList } from './keys.ts'
import type { Client } from './client.ts'
import { OAuthError } from '../errors.ts'

/** How a client wants something encrypted; `alg` null: not at all. */
type Wanted = { alg: string | null; enc: string | null }

const noKey = (): OAuthError => new OAuthError('invalid_request', 'The client has no key to encrypt for')

/** The key of a client to encrypt for; undefined when it has none, or none can be had. */
async function keyFor(ctx: Ctx, client: Client, alg: string): Promise<JWK | undefined> {
  const keys = await clientKeyList(ctx, client).catch((cause: unknown) => {
    ctx.log.info({ client_id: client.client_id, reason: (cause as Error).message }, 'keys of a client cannot be had')
    return []
  })
  return keys.find(encryptsBy(alg))
}

/**
 * Encrypts for one of the client's own keys.
 * @param text claims as JSON, or a JWT (`nested`), which the header then says (RFC 7519 §5.2)
 * @throws OAuthError when the client has no key for it
 */
async function encryptedFor(ctx: Ctx, client: Client, text: string, wanted: Wanted & { alg: string }, nested: boolean): Promise<string> {
  const { alg, enc } = wanted
  const jwk = await keyFor(ctx, client, alg)
  if (!jwk) throw noKey()
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

/** An authorization response as a JWT: signed, and then encrypted where the client asks for that (JARM §2.2). @throws OAuthError when it has no key for it */
export async function sealedResponse(ctx: Ctx, client: Client, claims: Row): Promise<string> {
  const { authorization_encrypted_response_alg: alg, authorization_encrypted_response_enc: enc } = client.metadata
  const jws = await client.responseSigner.sign(claims)
  return alg === null ? jws : encryptedFor(ctx, client, jws, { alg, enc }, true)
}

/** Why no response, not even an error, can be told to the client as it wants it; undefined: it can. To be asked before anything comes of a request. */
export async function responseFault(ctx: Ctx, client: Client, { signed }: { signed: boolean }): Promise<OAuthError | undefined> {
  const { authorization_encrypted_response_alg: alg } = client.metadata
  if (!signed || alg === null || (await keyFor(ctx, client, alg))) return undefined
  return noKey()
}
