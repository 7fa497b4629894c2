import { decodeJwt, decodeProtectedHeader } from 'jose'
import type { Row } from '../../../api/model.ts'
import type { Ctx } from '../../../context.ts'
import { issuerOf } from '../addresses.ts'
import type { Client } from '../client/client.ts'
import { FOR_ENCRYPTING } from '../client/parts.ts'
import type { Encrypter } from '../keys/signer.ts'

/**
 * The claims of an ID token that we issued to this client: signature by its very key and algorithm or the one before, issuer, audience. One that
 * has expired is as good as any (OIDC RP-Initiated Logout §2, OIDC Core §3.1.2.1). undefined for everything else.
 */
export async function readIdTokenHint(ctx: Ctx, client: Client, hint: string): Promise<Row | undefined> {
  const jws = hint.split('.').length === 5 ? await client.encrypter?.decrypt(hint) : hint
  const claims = jws === undefined ? undefined : await client.recognises(jws)
  if (!claims || claims.iss !== issuerOf(ctx, client)) return undefined
  // An access token is signed with the same key; it is not an ID token.
  if ('azp' in claims && 'uid' in claims) return undefined
  return [claims.aud].flat().includes(client.client_id) ? claims : undefined
}

/** Keys that are tried where a hint does not say which one it was encrypted for: each try is an operation of RSA, and anybody may ask. */
const MOST_TRIED = 4

/**
 * A hint as it was signed: itself, or what is inside where it was encrypted for a key of ours (RP-Initiated Logout §2); undefined: for none of these.
 * @param clients whose keys it may have been encrypted for, the likeliest first
 */
export async function openedHint(hint: string, clients: readonly Client[]): Promise<string | undefined> {
  if (hint.split('.').length !== 5) return hint
  const keys = new Map<unknown, Encrypter>()
  for (const { encrypter } of clients) {
    if (!encrypter || keys.has(encrypter.jwk.kid)) continue
    keys.set(encrypter.jwk.kid, encrypter)
    keys.set(`${String(encrypter.jwk.kid)}${FOR_ENCRYPTING}`, encrypter) // as the key set calls one that signs too
  }
  const kid = kidOf(hint)
  const tried = kid === undefined ? [...new Set(keys.values())].slice(0, MOST_TRIED) : [keys.get(kid)]
  for (const encrypter of tried) {
    const jws = await encrypter?.decrypt(hint)
    if (jws !== undefined) return jws
  }
  return undefined
}

function kidOf(jwe: string): unknown {
  try {
    return decodeProtectedHeader(jwe).kid
  } catch {
    return undefined // no JWE: no key opens it
  }
}

/** Which client a hint says it is for, before anything of it is proven; undefined when it cannot be read. */
export function audienceOf(hint: string | undefined): string | undefined {
  if (hint === undefined) return undefined
  try {
    return [decodeJwt(hint).aud].flat()[0]
  } catch {
    return undefined // encrypted, or no JWT
  }
}
