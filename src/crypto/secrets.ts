import { createCipheriv, createDecipheriv, createHash, createHmac, hash, hkdfSync } from 'node:crypto'
import { fromBase64url } from '../lib/base64url.ts'
import type { RandomBytes } from '../lib/random.ts'
import { systemRandom } from '../lib/random.ts'

/** A sealed text that was changed, cut, or sealed under another secret key. */
export class SealError extends Error {
  constructor(cause?: unknown) {
    super('A stored secret cannot be opened: it was changed, or the secret key is another one.', { cause })
    this.name = 'SealError'
  }
}

/** What is made of the secret key; every purpose has a key of its own, so that none can be used for another. */
export type Secrets = {
  /** Encrypts a text that has to be shown again (AES-256-GCM): `v1.<nonce, ciphertext, tag in base64url>`. Two seals of a text differ. */
  readonly seal: (text: string) => string
  /** The text of `seal`. @throws SealError */
  readonly open: (sealed: string) => string
  /** HMAC-SHA-256 under the key of this purpose, base64url. */
  readonly hmac: (purpose: string, data: string | Uint8Array) => string
  /** 32 bytes for this purpose. */
  readonly key: (purpose: string) => Uint8Array
  /**
   * Key of the session cookie's JWT (HS256): the lower-case hex SHA-512 of the secret key, as 128 ASCII bytes.
   * The form is fixed by the wire; nothing else may be signed with it.
   */
  readonly sessionKey: Uint8Array
}

const VERSION = 'v1.'
const NONCE = 12
const TAG = 16

/** Derives everything from the secret key (HKDF-SHA-256, RFC 5869). */
export function makeSecrets(secretKey: string, random: RandomBytes = systemRandom): Secrets {
  const keys = new Map<string, Uint8Array>()
  const key = (purpose: string): Uint8Array => {
    const known = keys.get(purpose)
    if (known) return known
    const made = new Uint8Array(hkdfSync('sha256', secretKey, '', `signet ${purpose}`, 32))
    keys.set(purpose, made)
    return made
  }
  // The version is authenticated too, so that a text of one version cannot be read as one of another.
  const additional = Buffer.from(VERSION)

  return {
    seal(text) {
      const nonce = random(NONCE)
      const cipher = createCipheriv('aes-256-gcm', key('seal'), nonce).setAAD(additional)
      const body = Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()])
      return VERSION + body.toString('base64url')
    },
    open(sealed) {
      const body = sealed.startsWith(VERSION) ? fromBase64url(sealed.slice(VERSION.length)) : undefined
      if (!body || body.length < NONCE + TAG) throw new SealError()
      try {
        const decipher = createDecipheriv('aes-256-gcm', key('seal'), body.subarray(0, NONCE), { authTagLength: TAG })
          .setAAD(additional)
          .setAuthTag(body.subarray(-TAG))
        return Buffer.concat([decipher.update(body.subarray(NONCE, -TAG)), decipher.final()]).toString('utf8')
      } catch (error) {
        throw new SealError(error)
      }
    },
    hmac: (purpose, data) => createHmac('sha256', key(purpose)).update(data).digest('base64url'),
    key: purpose => Uint8Array.from(key(purpose)),
    sessionKey: new TextEncoder().encode(createHash('sha512').update(secretKey).digest('hex')),
  }
}

/** How tokens, session ids and codes are stored: SHA-256, base64url. Fit for random texts alone, never for passwords. */
export const hashToken = (token: string): string => hash('sha256', token, 'base64url')
