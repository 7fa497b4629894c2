import { decodeJwt } from 'jose'
import type { Row } from '../../api/model.ts'
import type { Ctx } from '../../context.ts'
import { issuerOf } from './addresses.ts'
import type { Client } from './client.ts'

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

/** Which client a hint says it is for, before anything of it is proven; undefined when it cannot be read. */
export function audienceOf(hint: string | undefined): string | undefined {
  if (hint === undefined) return undefined
  try {
    return [decodeJwt(hint).aud].flat()[0]
  } catch {
    return undefined // encrypted, or no JWT
  }
}
