import type { JWK, JWTVerifyGetKey } from 'jose'
import type { Ctx } from '../../../context.ts'
import { localKeySet, remoteKeyList, remoteKeySet } from '../../../http/key-set.ts'
import type { Client } from './client.ts'

/** The public keys of a client: the set it was registered with, or the one at its address. Undefined when it has neither. */
export function clientKeys(ctx: Ctx, client: Client): JWTVerifyGetKey | undefined {
  const { jwks, jwks_uri: url } = client.metadata
  if (Array.isArray(jwks.keys)) return localKeySet(jwks.keys)
  return url === '' ? undefined : remoteKeySet(ctx, url)
}

/** All public keys of a client, as they are registered or published. */
export async function clientKeyList(ctx: Ctx, client: Client): Promise<readonly JWK[]> {
  const { jwks, jwks_uri: url } = client.metadata
  if (Array.isArray(jwks.keys)) return jwks.keys
  return url === '' ? [] : remoteKeyList(ctx, url)
}
