import { createHash, createHmac, createSecretKey, sign as signWith, X509Certificate, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import { CompactEncrypt, compactDecrypt, compactVerify } from 'jose'
import type { Row } from '../../api/model.ts'
import { loadPrivateKey, publicJwk, signingAlgorithm } from '../../crypto/keypair.ts'
import { toBase64url } from '../../lib/base64url.ts'

/** What signs the tokens of one client. Made once and kept as long as its key is configured. */
export type Signer = {
  alg: string
  kid: string | undefined
  /** Compact JWS (RFC 7515 §7.1) of a JSON object. */
  sign: (claims: Row, type?: string) => Promise<string>
  /** The claims of a compact JWS that this very key signed with this very algorithm; undefined for anything else. Nothing of them is checked. */
  verify: (token: string) => Promise<Row | undefined>
  /** OIDC Core §3.1.3.6: the left half of the hash that belongs to the algorithm, base64url. */
  leftHash: (text: string) => string
  /** The public half as JWKS show it; undefined for a shared secret. */
  jwk: Row | undefined
}

const HASHES: Readonly<Record<string, string>> = {
  RS256: 'sha256',
  ES256: 'sha256',
  ES384: 'sha384',
  ES512: 'sha512',
  HS256: 'sha256',
  EdDSA: 'sha512',
}

const signInPool = promisify(signWith) as (hash: string | null, data: Buffer, key: KeyObject) => Promise<Buffer>

type Signature = (input: string) => Buffer | Promise<Buffer>

function signatureOf(alg: string, key: KeyObject): Signature {
  const hash = HASHES[alg]!
  if (alg === 'HS256') return input => createHmac(hash, key).update(input).digest()
  // Half a millisecond of RSA belongs off the event loop; the others are done before a thread would have begun.
  if (alg === 'RS256') return input => signInPool(hash, Buffer.from(input), key)
  if (alg === 'EdDSA') return input => signWith(null, Buffer.from(input), key)
  return input => signWith(hash, Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' }) // RFC 7518 §3.4
}

function makeSigner(alg: string, kid: string | undefined, privateKey: KeyObject, verification: KeyObject, jwk: Row | undefined): Signer {
  const signature = signatureOf(alg, privateKey)
  const header = (typ: string) => toBase64url(JSON.stringify({ alg, typ, ...(kid && { kid }) }))
  const ordinary = header('JWT')
  return {
    alg,
    kid,
    jwk,
    async sign(claims, type) {
      const input = `${type === undefined ? ordinary : header(type)}.${toBase64url(JSON.stringify(claims))}`
      return `${input}.${(await signature(input)).toString('base64url')}`
    },
    async verify(token) {
      try {
        const { payload } = await compactVerify(token, verification, { algorithms: [alg] })
        const claims = JSON.parse(new TextDecoder().decode(payload)) as unknown
        return typeof claims === 'object' && claims !== null && !Array.isArray(claims) ? (claims as Row) : undefined
      } catch {
        // Whatever is wrong with it, it is not ours.
        return undefined
      }
    },
    leftHash(text) {
      const digest = createHash(HASHES[alg]!).update(text, 'ascii').digest()
      return digest.subarray(0, digest.length / 2).toString('base64url')
    },
  }
}

/** HS256 under the client's secret (OIDC Core §10.1): what clients without a signing key get. */
export function sharedSigner(clientSecret: string): Signer {
  const key = createSecretKey(Buffer.from(clientSecret, 'utf8'))
  return makeSigner('HS256', undefined, key, key, undefined)
}

/** A keypair that cannot sign tokens: no private key, or of a kind that JWTs do not know. */
export class UnusableKey extends Error {}

/** The signer of a stored keypair (opened row). @throws UnusableKey */
export function keypairSigner(keypair: Row): Signer {
  const pem = keypair.key_data as string
  if (pem === '') throw new UnusableKey('The keypair has no private key.')
  const privateKey = loadPrivateKey(pem)
  const alg = signingAlgorithm(privateKey)
  if (alg === undefined || HASHES[alg] === undefined || privateKey.asymmetricKeyType === 'ed448')
    throw new UnusableKey('Tokens cannot be signed with this kind of key.')
  const certificate = keypair.certificate_data as string
  const kid = keypair.kid as string
  return makeSigner(alg, kid, privateKey, new X509Certificate(certificate).publicKey, { ...publicJwk(certificate, kid), use: 'sig', alg })
}

/** Wraps signed tokens so that only their audience can read them. */
export type Encrypter = {
  encrypt: (jws: string) => Promise<string>
  /** The JWS inside a compact JWE made for this key; undefined for anything else, also when we do not hold the private half. */
  decrypt: (jwe: string) => Promise<string | undefined>
  jwk: Row
}

const KEY_MANAGEMENT = 'RSA-OAEP-256'
const CONTENT_ENCRYPTION = 'A256CBC-HS512'

/** The encrypter of a stored keypair. @throws UnusableKey when the key is not RSA */
export function keypairEncrypter(keypair: Row): Encrypter {
  const certificate = keypair.certificate_data as string
  const { publicKey } = new X509Certificate(certificate)
  if (publicKey.asymmetricKeyType !== 'rsa') throw new UnusableKey('Tokens are encrypted with RSA keys alone.')
  const kid = keypair.kid as string
  const pem = keypair.key_data as string
  const privateKey = pem === '' ? undefined : loadPrivateKey(pem)
  return {
    jwk: { ...publicJwk(certificate, kid), use: 'enc', alg: KEY_MANAGEMENT, enc: CONTENT_ENCRYPTION },
    encrypt: jws =>
      new CompactEncrypt(new TextEncoder().encode(jws))
        .setProtectedHeader({ alg: KEY_MANAGEMENT, enc: CONTENT_ENCRYPTION, typ: 'JWE', kid })
        .encrypt(publicKey),
    async decrypt(jwe) {
      if (!privateKey) return undefined
      try {
        const { plaintext } = await compactDecrypt(jwe, privateKey, {
          keyManagementAlgorithms: [KEY_MANAGEMENT],
          contentEncryptionAlgorithms: [CONTENT_ENCRYPTION],
        })
        return new TextDecoder().decode(plaintext)
      } catch {
        return undefined
      }
    },
  }
}
