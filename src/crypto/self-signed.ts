import type { KeyObject } from 'node:crypto'
import { createHash, generateKeyPair, sign } from 'node:crypto'
import { promisify } from 'node:util'
import { parseIp } from '../lib/ip.ts'
import type { RandomBytes } from '../lib/random.ts'
import { systemRandom } from '../lib/random.ts'
import { bits, der, explicit, nothing, octets, oid, sequence, set, time, unsigned, utf8 } from './der.ts'

/** Algorithms of generated keys, by their names on the wire. */
export const KEY_ALGORITHMS = ['rsa', 'ecdsa', 'ed25519', 'ed448'] as const
export type KeyAlgorithm = (typeof KEY_ALGORITHMS)[number]

export type CertificateRequest = {
  /** 1 to 64 characters (X.520). */
  readonly commonName: string
  /** Host names and addresses. */
  readonly alternativeNames?: readonly string[]
  readonly validityDays: number
  /** RSA has 2048 bits, ECDSA is over P-256. */
  readonly algorithm?: KeyAlgorithm
}

/** PEM texts; the key is PKCS #8 without encryption. */
export type GeneratedKeypair = { readonly certificate: string; readonly key: string }

const generate = promisify(generateKeyPair) as unknown as (
  type: string,
  options: object,
) => Promise<{ publicKey: KeyObject; privateKey: KeyObject }>

// `hash` is null where the algorithm brings its own (RFC 8032).
const ALGORITHMS = {
  rsa: { type: 'rsa', options: { modulusLength: 2048 }, hash: 'sha256', id: sequence(oid('1.2.840.113549.1.1.11'), nothing()) },
  ecdsa: { type: 'ec', options: { namedCurve: 'P-256' }, hash: 'sha256', id: sequence(oid('1.2.840.10045.4.3.2')) },
  ed25519: { type: 'ed25519', options: {}, hash: null, id: sequence(oid('1.3.101.112')) },
  ed448: { type: 'ed448', options: {}, hash: null, id: sequence(oid('1.3.101.113')) },
} as const

const DAY = 86_400_000 // ms
const END_OF_TIME = Date.UTC(9999, 11, 31, 23, 59, 59)

/**
 * Makes a key and a certificate signed with it (RFC 5280, version 3), valid from a day before `now`, so that clocks may differ.
 * @throws RangeError for a common name or a validity that no certificate can hold, TypeError for an alternative name that is no ASCII text
 */
export async function generateKeypair(
  { commonName, alternativeNames = [], validityDays, algorithm = 'rsa' }: CertificateRequest,
  { now, random = systemRandom }: { now: () => Date; random?: RandomBytes },
): Promise<GeneratedKeypair> {
  const today = now().getTime()
  const notAfter = new Date(today + validityDays * DAY)
  if (commonName.length < 1 || commonName.length > 64) throw new RangeError('A common name has 1 to 64 characters.')
  if (!(validityDays >= 0 && notAfter.getTime() <= END_OF_TIME)) throw new RangeError('A certificate ends between today and the year 9999.')
  const { type, options, hash, id } = ALGORITHMS[algorithm]
  const { publicKey, privateKey } = await generate(type, options)
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  const names = sequence(attribute('2.5.4.3', commonName), attribute('2.5.4.10', 'Signet'), attribute('2.5.4.11', 'Self-signed'))
  const content = sequence(
    explicit(0, unsigned(Uint8Array.of(2))), // version 3
    unsigned(serialNumber(random)),
    id,
    names,
    sequence(time(new Date(today - DAY)), time(notAfter)),
    names,
    spki,
    explicit(3, sequence(...extensions(spki, alternativeNames))),
  )
  const certificate = sequence(content, id, bits(sign(hash, content, privateKey)))
  return {
    certificate: `-----BEGIN CERTIFICATE-----\n${wrap(Buffer.from(certificate).toString('base64'))}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
  }
}

const wrap = (base64: string) => base64.replace(/.{64}(?=.)/g, '$&\n')

const attribute = (type: string, value: string) => set(sequence(oid(type), utf8(value)))

/** Positive, not zero, at most 20 octets (RFC 5280 §4.1.2.2). */
function serialNumber(random: RandomBytes): Uint8Array {
  const bytes = Uint8Array.from(random(16))
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40
  return bytes
}

function extensions(spki: Uint8Array, alternativeNames: readonly string[]): Uint8Array[] {
  // RFC 7093 §2: the first 160 bits of the SHA-256 of the public key.
  const keyIdentifier = createHash('sha256').update(spki).digest().subarray(0, 20)
  const list = [sequence(oid('2.5.29.14'), octets(octets(keyIdentifier)))]
  if (alternativeNames.length > 0) list.push(sequence(oid('2.5.29.17'), octets(sequence(...alternativeNames.map(generalName)))))
  return list
}

/** iPAddress [7] or dNSName [2] (RFC 5280 §4.2.1.6). */
function generalName(name: string): Uint8Array {
  const ip = parseIp(name)
  if (ip) return der(0x87, ip.bytes)
  if (!/^[\x21-\x7e]{1,253}$/.test(name))
    throw new TypeError(`${JSON.stringify(name)} is no host name; write international names in their ASCII form.`)
  return der(0x82, Buffer.from(name, 'latin1'))
}
