import { createHmac, createSecretKey, hash as digestOf, sign as signWith, X509Certificate, type KeyObject } from 'node:crypto'
import { CompactEncrypt, compactDecrypt, compactVerify } from 'jose'
import type { Row } from '../../../api/model.ts'
import { loadPrivateKey, publicJwk, signingAlgorithms } from '../../../crypto/keypair.ts'
import { toBase64url } from '../../../lib/base64url.ts'
import { hashOf, signingOptions } from './algorithms.ts'
import { OAuthError } from '../errors.ts'
import { isLight, signatures } from './signatures.ts'

/** What signs the tokens of one client. Made once and kept as long as its key is configured. */
export type Signer = {
  alg: string
  /** All that its key could sign by, the usual first; of a shared secret, the one that was asked for. */
  algorithms: readonly string[]
  kid: string | undefined
  /** Compact JWS (RFC 7515 §7.1) of a JSON object. */
  sign: (claims: Row, type?: string) => string | Promise<string>
  /** The claims of a compact JWS that this very key signed with this very algorithm; undefined for anything else. Nothing of them is checked. */
  verify: (token: string) => Promise<Row | undefined>
  /** OIDC Core §3.1.3.6: the left half of the hash that belongs to the algorithm, base64url. */
  leftHash: (text: string) => string
  /** The public half as JWKS show it; undefined for a shared secret. */
  jwk: Row | undefined
}

/** @param input what a JWS signs (RFC 7515 §5.1): base64url and a dot, so that its characters are its bytes */
type Signature = (input: string) => Buffer | Promise<Buffer>

function signatureOf(alg: string, secretOrKey: KeyObject): Signature {
  if (alg.startsWith('HS')) return input => createHmac(hashOf(alg), secretOrKey).update(input).digest()
  const { hash, key } = signingOptions(alg, secretOrKey)
  if (secretOrKey.asymmetricKeyType === 'rsa') {
    const light = isLight(secretOrKey)
    return input => signatures.sign(hash, Buffer.from(input, 'latin1'), key, light)
  }
  // The others are done before a thread would have begun.
  return input => signWith(hash, Buffer.from(input, 'latin1'), key)
}

/** The claims of a compact JWS that this key signed with one of these algorithms; undefined for anything else. */
export async function verifiedClaims(token: string, key: KeyObject, algorithms: string[]): Promise<Row | undefined> {
  try {
    const { payload } = await compactVerify(token, key, { algorithms })
    const claims = JSON.parse(new TextDecoder().decode(payload)) as unknown
    return typeof claims === 'object' && claims !== null && !Array.isArray(claims) ? (claims as Row) : undefined
  } catch {
    // Whatever is wrong with it, it is not ours.
    return undefined
  }
}

function leftHashOf(alg: string, text: string): string {
  const digest = digestOf(hashOf(alg), text, 'buffer')
  return digest.subarray(0, digest.length / 2).toString('base64url')
}

function makeSigner(
  { alg, algorithms, kid, jwk }: Pick<Signer, 'alg' | 'algorithms' | 'kid' | 'jwk'>,
  privateKey: KeyObject,
  verification: KeyObject,
): Signer {
  const signature = signatureOf(alg, privateKey)
  const header = (typ: string) => toBase64url(JSON.stringify({ alg, typ, ...(kid && { kid }) }))
  const ordinary = header('JWT')
  return {
    alg,
    algorithms,
    kid,
    jwk,
    sign(claims, type) {
      const input = `${type === undefined ? ordinary : header(type)}.${toBase64url(JSON.stringify(claims))}`
      const signed = signature(input)
      const whole = (bytes: Buffer) => `${input}.${bytes.toString('base64url')}`
      return signed instanceof Promise ? signed.then(whole) : whole(signed)
    },
    verify: token => verifiedClaims(token, verification, [alg]),
    leftHash: text => leftHashOf(alg, text),
  }
}

/** A signer under the client's secret (OIDC Core §10.1): what clients without a signing key get, or those that ask for it. */
export function sharedSigner(clientSecret: string, alg = 'HS256'): Signer {
  const key = createSecretKey(Buffer.from(clientSecret, 'utf8'))
  return makeSigner({ alg, algorithms: [alg], kid: undefined, jwk: undefined }, key, key)
}

/** A keypair that cannot sign tokens: no private key, or of a kind that JWTs do not know. */
export class UnusableKey extends Error {}

/**
 * The signer of a stored keypair (opened row).
 * @param wanted the algorithm that the client asks for; where the key cannot do it, the key's own counts
 * @throws UnusableKey
 */
export function keypairSigner(keypair: Row, wanted?: string | null): Signer {
  const name = [keypair.kid, keypair.key_data, keypair.certificate_data, wanted ?? ''].join('\n')
  const known = signers.get(name)
  if (known) return known
  const made = newSigner(keypair, wanted)
  if (signers.size >= MOST_SIGNERS) signers.delete(signers.keys().next().value!)
  signers.set(name, made)
  return made
}

// A thousand applications sign with one key: each of them having it opened costs a hundred times the memory.
const signers = new Map<string, Signer>()
const MOST_SIGNERS = 64

function newSigner(keypair: Row, wanted?: string | null): Signer {
  const pem = keypair.key_data as string
  if (pem === '') throw new UnusableKey('The keypair has no private key.')
  const privateKey = loadPrivateKey(pem)
  const algorithms = signingAlgorithms(privateKey)
  const [usual, ...others] = algorithms
  if (usual === undefined) throw new UnusableKey('Tokens cannot be signed with this kind of key.')
  const alg = typeof wanted === 'string' && others.includes(wanted) ? wanted : usual
  const certificate = keypair.certificate_data as string
  const kid = keypair.kid as string
  const jwk = { ...publicJwk(certificate, kid), use: 'sig', alg }
  return makeSigner({ alg, algorithms, kid, jwk }, privateKey, new X509Certificate(certificate).publicKey)
}

/** In the place of a key that must not sign: nothing goes out rather than something that the client does not take. */
export const refusingSigner = (alg: string, why: string): Signer => ({
  alg,
  algorithms: [],
  kid: undefined,
  jwk: undefined,
  sign: async () => {
    throw new OAuthError('server_error', why, { status: 500 })
  },
  verify: async () => undefined,
  leftHash: text => leftHashOf(alg, text),
})

/** Whether a stored keypair (opened row) can sign with an algorithm. */
export const canSign = (keypair: Row, alg: string): boolean =>
  keypair.key_data !== '' && signingAlgorithms(loadPrivateKey(keypair.key_data as string)).includes(alg)

/** Wraps signed tokens so that only their audience can read them. */
export type Encrypter = {
  /** @param header what the header says besides */
  encrypt: (jws: string, header?: Row) => Promise<string>
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
    encrypt: (jws, header) =>
      new CompactEncrypt(new TextEncoder().encode(jws))
        .setProtectedHeader({ alg: KEY_MANAGEMENT, enc: CONTENT_ENCRYPTION, typ: 'JWE', kid, ...header })
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
