import { createHash, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto'
import { HOST } from './harness.ts'

/**
 * An authenticator in software, with the browser around it: makes credentials and assertions as WebAuthn 3 describes them, and every
 * part of them can be made wrong.
 */

type Cbor = number | string | Uint8Array | Map<number | string, Cbor>

const head = (major: number, length: number): Buffer => {
  if (length < 24) return Buffer.from([(major << 5) | length])
  if (length < 0x100) return Buffer.from([(major << 5) | 24, length])
  return Buffer.from([(major << 5) | 25, length >> 8, length & 0xff])
}

/** The little of CBOR (RFC 8949) that attestations are made of. */
function cbor(value: Cbor): Buffer {
  if (typeof value === 'number') return value < 0 ? head(1, -1 - value) : head(0, value)
  if (typeof value === 'string') return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)])
  if (value instanceof Uint8Array) return Buffer.concat([head(2, value.length), value])
  return Buffer.concat([head(5, value.size), ...[...value].flatMap(([key, inner]) => [cbor(key), cbor(inner)])])
}

const sha256 = (data: Uint8Array | string): Buffer => createHash('sha256').update(data).digest()
const base64url = (data: Uint8Array): string => Buffer.from(data).toString('base64url')

/** The public key in the form of COSE (RFC 9053 §2.1), ES256. */
function coseKey(key: KeyObject): Buffer {
  const { x, y } = key.export({ format: 'jwk' })
  return cbor(
    new Map<number, Cbor>([
      [1, 2],
      [3, -7],
      [-1, 1],
      [-2, Buffer.from(x!, 'base64url')],
      [-3, Buffer.from(y!, 'base64url')],
    ]),
  )
}

/** How an answer differs from a right one. */
export type Deviation = {
  origin?: string
  rpId?: string
  challenge?: string
  type?: string
  /** The person was there (a touch). */ present?: boolean
  /** The person proved who they are (PIN, fingerprint). */ verified?: boolean
  counter?: number
  /** Null leaves it out. */ userHandle?: string | null
  attachment?: 'platform' | 'cross-platform' | null
  discoverable?: boolean
  format?: 'none' | 'packed'
  /** Turns one bit of the signature. */ damaged?: boolean
  signedBy?: KeyObject
}

const AAGUID = '01020304-0506-0708-0102-030405060708'

export class Authenticator {
  readonly credentialId: Uint8Array
  readonly #keys = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  readonly #aaguid: string
  readonly #origin: string
  /** Null: this authenticator does not count. */
  counter: number | null
  userHandle: string | undefined

  constructor({
    aaguid = AAGUID,
    counter = null,
    origin = `https://${HOST}`,
    credentialId = randomBytes(32),
  }: { aaguid?: string; counter?: number | null; origin?: string; credentialId?: Uint8Array } = {}) {
    this.credentialId = credentialId
    this.#aaguid = aaguid
    this.counter = counter
    this.#origin = origin
  }

  get id(): string {
    return base64url(this.credentialId)
  }

  /** The public key in COSE, as servers keep it. */
  get publicKey(): string {
    return base64url(coseKey(this.#keys.publicKey))
  }

  #clientData(type: string, challenge: string, deviation: Deviation): Buffer {
    const data = {
      type: deviation.type ?? type,
      challenge: deviation.challenge ?? challenge,
      origin: deviation.origin ?? this.#origin,
      crossOrigin: false,
    }
    return Buffer.from(JSON.stringify(data))
  }

  #authenticatorData(rpId: string, deviation: Deviation, attested?: Buffer): Buffer {
    const { present = true, verified = true } = deviation
    const counter = Buffer.alloc(4)
    if (this.counter !== null) this.counter += 1
    counter.writeUInt32BE(deviation.counter ?? this.counter ?? 0)
    const flags = (present ? 0x01 : 0) | (verified ? 0x04 : 0) | (attested ? 0x40 : 0)
    return Buffer.concat([sha256(deviation.rpId ?? rpId), Buffer.from([flags]), counter, attested ?? Buffer.alloc(0)])
  }

  /** Answers `navigator.credentials.create()`, as `PublicKeyCredential.toJSON()` writes it. */
  create(options: Record<string, any>, deviation: Deviation = {}): Record<string, any> {
    this.userHandle = options.user.id as string
    const clientData = this.#clientData('webauthn.create', options.challenge as string, deviation)
    const length = Buffer.alloc(2)
    length.writeUInt16BE(this.credentialId.length)
    const attested = Buffer.concat([
      Buffer.from(this.#aaguid.replaceAll('-', ''), 'hex'),
      length,
      this.credentialId,
      coseKey(this.#keys.publicKey),
    ])
    const authData = this.#authenticatorData(options.rp.id as string, deviation, attested)
    const format = deviation.format ?? 'none'
    // Packed self attestation (WebAuthn 3 §8.2): the credential's own key signs.
    const signature = sign('sha256', Buffer.concat([authData, sha256(clientData)]), deviation.signedBy ?? this.#keys.privateKey)
    if (deviation.damaged) signature[signature.length - 1]! ^= 1
    const statement = new Map<string, Cbor>(
      format === 'none'
        ? []
        : [
            ['alg', -7],
            ['sig', signature],
          ],
    )
    const attestation = cbor(
      new Map<string, Cbor>([
        ['fmt', format],
        ['attStmt', statement],
        ['authData', authData],
      ]),
    )
    const { attachment = 'platform', discoverable = true } = deviation
    return {
      id: this.id,
      rawId: this.id,
      type: 'public-key',
      ...(attachment && { authenticatorAttachment: attachment }),
      clientExtensionResults: { credProps: { rk: discoverable } },
      response: { clientDataJSON: base64url(clientData), attestationObject: base64url(attestation), transports: ['internal', 'hybrid'] },
    }
  }

  /** Answers `navigator.credentials.get()`. */
  get(options: Record<string, any>, deviation: Deviation = {}): Record<string, any> {
    const clientData = this.#clientData('webauthn.get', options.challenge as string, deviation)
    const authData = this.#authenticatorData(options.rpId as string, deviation)
    const signature = sign('sha256', Buffer.concat([authData, sha256(clientData)]), deviation.signedBy ?? this.#keys.privateKey)
    if (deviation.damaged) signature[signature.length - 1]! ^= 1
    const handle = deviation.userHandle === undefined ? this.userHandle : deviation.userHandle
    return {
      id: this.id,
      rawId: this.id,
      type: 'public-key',
      clientExtensionResults: {},
      response: {
        clientDataJSON: base64url(clientData),
        authenticatorData: base64url(authData),
        signature: base64url(signature),
        ...(handle != null && { userHandle: handle }),
      },
    }
  }
}
