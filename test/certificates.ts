import { createHash, createPrivateKey, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto'
import { bits, der, explicit, octets, oid, sequence, set, time, unsigned, utf8 } from '../src/crypto/der.ts'

/** Certificates of kinds that the product does not make itself: other curves, authorities and what they issue. */

/** PEM texts, and what issuing needs. */
export type Certified = { certificate: string; key: string; privateKey: KeyObject; name: Uint8Array }

type Curve = 'P-256' | 'P-384' | 'P-521'

type Wanted = {
  commonName: string
  /** As an authority: may issue others. */
  authority?: boolean
  curve?: Curve
  /** Bits of an RSA key in the place of one over a curve; an authority has to issue it. */
  rsa?: number
  dns?: string
  uri?: string
  email?: string
  /** In days from now; negative: it is over. */
  days?: number
  /** Names who may not be a client: for servers alone. */
  serverOnly?: boolean
}

const DAY = 86_400_000
const ECDSA_SHA256 = sequence(oid('1.2.840.10045.4.3.2'))
const yes = Uint8Array.of(1, 1, 0xff)

const extension = (id: string, content: Uint8Array, critical = false): Uint8Array =>
  sequence(oid(id), ...(critical ? [yes] : []), octets(content))

/** A certificate under `issuer`, or one that signs itself. */
export function certified(wanted: Wanted, issuer?: Certified): Certified {
  const { commonName, authority = false, curve = 'P-256', rsa, dns, uri, email, days = 30, serverOnly = false } = wanted
  const { publicKey, privateKey } = rsa
    ? generateKeyPairSync('rsa', { modulusLength: rsa })
    : generateKeyPairSync('ec', { namedCurve: curve })
  const name = sequence(
    ...[
      ['2.5.4.10', 'Example'],
      ['2.5.4.3', commonName],
    ].map(([type, value]) => set(sequence(oid(type!), utf8(value!)))),
  )
  const names = [email && der(0x81, Buffer.from(email)), dns && der(0x82, Buffer.from(dns)), uri && der(0x86, Buffer.from(uri))].filter(
    found => found instanceof Uint8Array,
  )
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  const extensions = [
    extension('2.5.29.14', octets(createHash('sha256').update(spki).digest().subarray(0, 20))),
    ...(authority ? [extension('2.5.29.19', sequence(yes), true)] : []),
    ...(names.length > 0 ? [extension('2.5.29.17', sequence(...names))] : []),
    ...(serverOnly ? [extension('2.5.29.37', sequence(oid('1.3.6.1.5.5.7.3.1')))] : []),
  ]
  const now = Date.now()
  const end = now + days * DAY
  const content = sequence(
    explicit(0, unsigned(Uint8Array.of(2))),
    unsigned(Uint8Array.from([0x40, ...randomBytes(8)])),
    ECDSA_SHA256,
    issuer?.name ?? name,
    sequence(time(new Date(Math.min(now, end) - DAY)), time(new Date(end))),
    name,
    spki,
    explicit(3, sequence(...extensions)),
  )
  const signature = sign('sha256', content, issuer?.privateKey ?? privateKey)
  const base64 = Buffer.from(sequence(content, ECDSA_SHA256, bits(signature))).toString('base64')
  return {
    certificate: `-----BEGIN CERTIFICATE-----\n${base64.replaceAll(/.{64}(?=.)/g, '$&\n')}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
    privateKey: createPrivateKey(privateKey.export({ type: 'pkcs8', format: 'pem' })),
    name,
  }
}
