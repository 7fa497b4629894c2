/** Keys of both sides, made once: those of RSA take their time. */
import assert from 'node:assert/strict'
import { exportJWK, generateKeyPair, type CryptoKey, type JWK } from 'jose'
import { generate } from '../../src/crypto/model.ts'
import { unique } from '../builders.ts'
import { certified, type Certified } from '../certificates.ts'
import { provider } from './driver.ts'

export type Key = { privateKey: CryptoKey; jwk: JWK }

async function aKey(alg: string): Promise<Key> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  return { privateKey, jwk: { ...(await exportJWK(publicKey)), kid: unique('key'), use: 'sig' } }
}

const keys = new Map<string, Promise<Key>>()

/** A key that is made once: those of RSA take their time. */
export function keyOf(alg: string, whose: string): Promise<Key> {
  const name = `${alg} ${whose}`
  const made = keys.get(name) ?? aKey(alg)
  keys.set(name, made)
  return made
}

let sealing: Promise<Key> | undefined
/** The key that responses are encrypted for. */
export const sealingKey = () => (sealing ??= aKey('RSA-OAEP-256').then(key => ({ ...key, jwk: { ...key.jwk, use: 'enc' } })))

const serverKeys = new Map<string, Promise<string>>()
/** A keypair of the provider that signs by an algorithm. */
export function serverKey(alg: 'ES256' | 'PS256' | 'EdDSA'): Promise<string> {
  const made = async () => {
    const { ctx } = (await provider()).server
    const algorithm = { ES256: 'ecdsa', PS256: 'rsa', EdDSA: 'ed25519' } as const
    return String((await generate(ctx, { name: unique('pair'), validityDays: 30, algorithm: algorithm[alg] })).kp_uuid)
  }
  const known = serverKeys.get(alg) ?? made()
  serverKeys.set(alg, known)
  return known
}

let authority: Promise<Certified & { pk: string }> | undefined
/** Who issues the certificates of clients that are known by their names. */
export const anAuthority = () =>
  (authority ??= (async () => {
    const made = certified({ commonName: unique('authority'), authority: true })
    const { admin } = (await provider()).server
    const stored = await admin.post('/api/v3/crypto/certificatekeypairs/', {
      name: unique('authority'),
      certificate_data: made.certificate,
    })
    assert.equal(stored.status, 201, stored.text)
    return { ...made, pk: stored.body.pk as string }
  })())
