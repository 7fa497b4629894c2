/** What the suite wants of every key set: `ValidateServerJWKs`, `CheckServerKeysIsValid`, `EnsureServerJwksDoesNotContainPrivateOrSymmetricKeys`. */
import assert from 'node:assert/strict'
import { createPublicKey, X509Certificate } from 'node:crypto'
import type { Row } from '../../src/api/model.ts'

/** Members that a key must have beside `kty`, RFC 7518 §6 and RFC 8037 §2. */
const MEMBERS: Readonly<Record<string, readonly string[]>> = { RSA: ['n', 'e'], EC: ['crv', 'x', 'y'], OKP: ['crv', 'x'] }
const SECRET = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']

/**
 * The keys are public and whole, written without padding, what their certificates say, and strong enough; each has a name of its own, also one that
 * stands there twice because it signs and encrypts (`CheckDistinctKeyIdValueInServerJWKs`).
 */
export function soundKeys(keys: readonly Row[]): void {
  assert.equal(new Set(keys.map(({ kid }) => kid)).size, keys.length)
  for (const key of keys) {
    const members = MEMBERS[String(key.kty)]
    assert.ok(members, `${String(key.kty)} is a kind of public key`)
    for (const name of SECRET) assert.ok(!(name in key), name)
    for (const name of members) assert.match(String(key[name]), /^[\w-]+$/, name)
    assert.match(String(key.kid), /^[\u0021-\u007e]+$/)
    assert.ok(key.use === 'sig' || key.use === 'enc', String(key.use))
    const own = createPublicKey({ key, format: 'jwk' })
    if (key.kty === 'RSA') assert.ok(own.asymmetricKeyDetails!.modulusLength! >= 2048)
    if (key.kty === 'EC') assert.equal(String(key.x).length, String(key.y).length, 'coordinates fill the curve (RFC 7518 §6.2.1.2)')
    const [certificate] = (key.x5c ?? []) as string[]
    if (certificate !== undefined) assert.ok(own.equals(new X509Certificate(Buffer.from(certificate, 'base64')).publicKey))
  }
}
