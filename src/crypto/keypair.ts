import type { KeyObject, webcrypto } from 'node:crypto'
import { createHash, createPrivateKey, X509Certificate } from 'node:crypto'
import { rfc4514 } from './distinguished-name.ts'

/** Types of keys, by their names on the wire. */
export const KEY_TYPES = ['rsa', 'ec', 'dsa', 'ed25519', 'ed448'] as const
export type KeyType = (typeof KEY_TYPES)[number]

/** A PEM text that holds no usable certificate or key; the message is safe to show as the error of a field. */
export class KeypairError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'KeypairError'
  }
}

/** What a certificate says. */
export type Certificate = {
  /** Lower-case hex with colons, as the next. */
  readonly fingerprintSha1: string
  readonly fingerprintSha256: string
  /** RFC 4514: the last name first, as in `OU=Self-signed,O=Signet,CN=host`. */
  readonly subject: string
  readonly notBefore: Date
  readonly notAfter: Date
  /** null when the kind of key is none of these. */
  readonly keyType: KeyType | null
  readonly x509: X509Certificate
}

/** Reads the first certificate of a PEM text. @throws KeypairError */
export function parseCertificate(pem: string): Certificate {
  const x509 = load(pem)
  return {
    fingerprintSha1: x509.fingerprint.toLowerCase(),
    fingerprintSha256: x509.fingerprint256.toLowerCase(),
    subject: rfc4514(x509.subject ?? ''),
    notBefore: x509.validFromDate,
    notAfter: x509.validToDate,
    keyType: keyTypeOf(x509),
    x509,
  }
}

function load(pem: string): X509Certificate {
  if (!pem.includes('-----BEGIN ')) throw new KeypairError('Unable to load certificate.')
  try {
    return new X509Certificate(pem)
  } catch (error) {
    throw new KeypairError('Unable to load certificate.', error)
  }
}

function keyTypeOf(x509: X509Certificate): KeyType | null {
  let type: string | undefined
  try {
    type = x509.publicKey.asymmetricKeyType
  } catch {
    return null // a kind of key that the crypto library cannot read is not an error of the certificate
  }
  return type === 'rsa-pss' ? 'rsa' : (KEY_TYPES.find(known => known === type) ?? null)
}

/** Reads a private key in PEM without encryption (PKCS #8, PKCS #1, SEC 1). @throws KeypairError */
export function loadPrivateKey(pem: string): KeyObject {
  try {
    if (!pem.includes('-----BEGIN ')) throw new TypeError('not PEM')
    return createPrivateKey({ key: pem, format: 'pem' })
  } catch (error) {
    throw new KeypairError('Unable to load private key (possibly encrypted?).', error)
  }
}

/** Whether the certificate is about this key. @throws KeypairError when one of them cannot be read */
export const keyMatches = (certificatePem: string, keyPem: string): boolean => load(certificatePem).checkPrivateKey(loadPrivateKey(keyPem))

/** The `kid` of new keypairs: unpadded base64url of the SHA-512 of the key's PEM text. Store it: it must never change. */
export const keyId = (keyPem: string): string => createHash('sha512').update(keyPem).digest('base64url')

const RSA_ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512']
const EC_ALGORITHMS: Readonly<Record<string, string>> = { prime256v1: 'ES256', secp384r1: 'ES384', secp521r1: 'ES512' }

/**
 * What JWTs can be signed with by a key (RFC 7518 §3.1, RFC 8037, RFC 9864); the first one is used where nobody asks for another. Empty: JWTs do not
 * know this kind of key.
 */
export function signingAlgorithms(key: KeyObject): readonly string[] {
  switch (key.asymmetricKeyType) {
    case 'rsa':
      return RSA_ALGORITHMS
    case 'ec': {
      const alg = EC_ALGORITHMS[key.asymmetricKeyDetails?.namedCurve ?? '']
      return alg === undefined ? [] : [alg]
    }
    case 'ed25519':
      return ['EdDSA', 'Ed25519'] // one algorithm: few clients know its new name yet
    default:
      return []
  }
}

/** A public key as JWKS show it. */
export type PublicJwk = webcrypto.JsonWebKey & { kid: string; x5c: string[]; x5t: string; 'x5t#S256': string }

/**
 * The public half of a keypair (RFC 7517 §4): key parameters, `kid`, and the certificate with its thumbprints.
 * `use` and `alg` are for the caller to add. @throws KeypairError
 */
export function publicJwk(certificatePem: string, kid: string): PublicJwk {
  const x509 = load(certificatePem)
  const thumbprint = (hash: string) => createHash(hash).update(x509.raw).digest('base64url')
  try {
    return {
      ...x509.publicKey.export({ format: 'jwk' }),
      kid,
      x5c: [Buffer.from(x509.raw).toString('base64')],
      x5t: thumbprint('sha1'),
      'x5t#S256': thumbprint('sha256'),
    }
  } catch (error) {
    throw new KeypairError('This kind of key has no JWK form.', error)
  }
}
