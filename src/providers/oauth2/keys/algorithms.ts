import { constants, type KeyObject, type sign } from 'node:crypto'
import type { JWK } from 'jose'

/** The one algorithm that has two names: that of RFC 8037, which most clients know, and that of RFC 9864, which says the curve too. */
const ED25519 = ['EdDSA', 'Ed25519']

/** Algorithms that sign tokens with a private key, RFC 7518 §3.1, RFC 8037 and RFC 9864 §2.2. */
export const ASYMMETRIC = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', ...ED25519]

/** Algorithms under a shared secret. */
export const SYMMETRIC = ['HS256', 'HS384', 'HS512']

export const SIGNING_ALGORITHMS = [...ASYMMETRIC, ...SYMMETRIC]

/** Whether two names are of one algorithm: what one party calls so another may call otherwise. */
export const isSame = (alg: string, other: string): boolean => alg === other || (ED25519.includes(alg) && ED25519.includes(other))

/** The hash that belongs to an algorithm: of its signature, and of `at_hash` and its kin (OIDC Core §3.1.3.6). */
export const hashOf = (alg: string): string => (ED25519.includes(alg) ? 'sha512' : `sha${alg.slice(2)}`)

/** How long a secret must be for an algorithm under a secret: as long as its hash, RFC 7518 §3.2. Bytes. */
export const secretLength = (alg: string): number => Number(alg.slice(2)) / 8

/** How node:crypto signs with an algorithm: its hash, and the key with the padding or the encoding that JWS wants. */
export function signingOptions(alg: string, key: KeyObject): { hash: string | null; key: Parameters<typeof sign>[2] } {
  if (ED25519.includes(alg)) return { hash: null, key }
  const hash = hashOf(alg)
  if (alg.startsWith('ES')) return { hash, key: { key, dsaEncoding: 'ieee-p1363' } } // RFC 7518 §3.4
  if (alg.startsWith('PS'))
    return { hash, key: { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST } } // §3.5
  return { hash, key }
}

/** Ways to hand a content key to a client, by its public key (RFC 7518 §4.1), and to encrypt the content under it (§5.1). */
export const KEY_MANAGEMENT = ['RSA-OAEP-256', 'RSA-OAEP', 'ECDH-ES', 'ECDH-ES+A128KW', 'ECDH-ES+A256KW'] as const
export const CONTENT_ENCRYPTION = ['A128CBC-HS256', 'A256CBC-HS512', 'A128GCM', 'A256GCM'] as const

/** OIDC Registration §2, JARM §3: what counts where a client names no encryption of the content. */
export const USUAL_ENC = 'A128CBC-HS256'

/** Whether a key is meant for encrypting by this algorithm, OIDC Core §10.2. */
export const encryptsBy =
  (alg: string) =>
  ({ kty, use, alg: own, crv }: JWK): boolean =>
    (use === undefined || use === 'enc') &&
    (own === undefined || own === alg) &&
    (alg.startsWith('RSA') ? kty === 'RSA' : kty === 'EC' || (kty === 'OKP' && crv === 'X25519'))
