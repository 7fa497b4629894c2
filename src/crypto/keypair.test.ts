import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync, sign, verify, X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import { importJWK, SignJWT, jwtVerify } from 'jose'
import { oid, time, unsigned } from './der.ts'
import { rfc4514 } from './distinguished-name.ts'
import { keyId, keyMatches, loadPrivateKey, parseCertificate, publicJwk, signingAlgorithms } from './keypair.ts'
import type { KeyAlgorithm } from './self-signed.ts'
import { generateKeypair } from './self-signed.ts'

const now = () => new Date('2026-03-01T12:00:00Z')
const make = (algorithm?: KeyAlgorithm, rest: object = {}) =>
  generateKeypair({ commonName: 'id.example', validityDays: 365, algorithm, ...rest }, { now })

test('generated keypairs of every algorithm are sound', async () => {
  for (const [algorithm, keyType] of [
    ['rsa', 'rsa'],
    ['ecdsa', 'ec'],
    ['ed25519', 'ed25519'],
    ['ed448', 'ed448'],
  ] as const) {
    const pair = await make(algorithm, { alternativeNames: ['id.example', '*.id.example', '10.0.0.1', '2001:db8::1'] })
    const parsed = parseCertificate(pair.certificate)
    assert.equal(parsed.keyType, keyType)
    assert.equal(parsed.subject, 'OU=Self-signed,O=Signet,CN=id.example')
    assert.equal(parsed.notBefore.toISOString(), '2026-02-28T12:00:00.000Z')
    assert.equal(parsed.notAfter.toISOString(), '2027-03-01T12:00:00.000Z')
    assert.equal(parsed.x509.subjectAltName, 'DNS:id.example, DNS:*.id.example, IP Address:10.0.0.1, IP Address:2001:DB8:0:0:0:0:0:1')
    assert.match(parsed.fingerprintSha256, /^(?:[0-9a-f]{2}:){31}[0-9a-f]{2}$/)
    assert.match(parsed.fingerprintSha1, /^(?:[0-9a-f]{2}:){19}[0-9a-f]{2}$/)
    assert.ok(parsed.x509.verify(parsed.x509.publicKey))
    assert.ok(parsed.x509.checkIssued(parsed.x509))
    assert.ok(keyMatches(pair.certificate, pair.key))
    const key = loadPrivateKey(pair.key)
    assert.ok(verify(null, Buffer.from('x'), createPublicKey(key), sign(null, Buffer.from('x'), key)))
  }
})

test('without a choice a key is RSA with 2048 bits', async () => {
  assert.equal(loadPrivateKey((await make()).key).asymmetricKeyDetails?.modulusLength, 2048)
})

test('a certificate of another key does not match', async () => {
  const [one, two] = await Promise.all([make('ecdsa'), make('ecdsa')])
  assert.equal(keyMatches(one.certificate, two.key), false)
  assert.notEqual(new X509Certificate(one.certificate).serialNumber, new X509Certificate(two.certificate).serialNumber)
})

test('requests that no certificate can hold are refused', async () => {
  for (const rest of [
    { commonName: '' },
    { commonName: 'x'.repeat(65) },
    { validityDays: -1 },
    { validityDays: Number.NaN },
    { validityDays: 9e6 },
  ]) {
    await assert.rejects(make('ecdsa', rest), RangeError, JSON.stringify(rest))
  }
  for (const name of ['', 'exämple', 'a b', 'a\0b']) await assert.rejects(make('ecdsa', { alternativeNames: [name] }), TypeError, name)
  const far = parseCertificate((await make('ecdsa', { validityDays: 36_500 })).certificate)
  assert.equal(far.notAfter.toISOString(), '2126-02-05T12:00:00.000Z') // behind 2049 the other type of time is used
})

test('the random source makes the serial number: positive, at most 20 octets', async () => {
  for (const [byte, serial] of [
    [0, `40${'00'.repeat(15)}`],
    [255, `7F${'FF'.repeat(15)}`],
  ] as const) {
    const pair = await generateKeypair(
      { commonName: 'x', validityDays: 1, algorithm: 'ecdsa' },
      { now, random: size => new Uint8Array(size).fill(byte) },
    )
    assert.equal(new X509Certificate(pair.certificate).serialNumber, serial)
  }
})

test('what is no certificate or key is refused with the text for the form', () => {
  const encrypted = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' },
  })
  for (const pem of ['', 'x', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n', encrypted.publicKey]) {
    assert.throws(() => parseCertificate(pem), { name: 'KeypairError', message: 'Unable to load certificate.' })
  }
  for (const pem of [
    '',
    'x',
    '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n',
    encrypted.privateKey,
    encrypted.publicKey,
  ]) {
    assert.throws(() => loadPrivateKey(pem), { name: 'KeypairError', message: 'Unable to load private key (possibly encrypted?).' })
  }
})

test('a token signed with the key verifies with its JWK', async () => {
  for (const [algorithm, alg] of [
    ['rsa', 'RS256'],
    ['ecdsa', 'ES256'],
    ['ed25519', 'EdDSA'],
  ] as const) {
    const pair = await make(algorithm)
    const key = loadPrivateKey(pair.key)
    assert.equal(signingAlgorithms(key)[0], alg)
    const kid = keyId(pair.key)
    assert.match(kid, /^[\w-]{86}$/)
    const jwk = publicJwk(pair.certificate, kid)
    assert.equal(jwk.d, undefined)
    assert.equal(jwk.kid, kid)
    const parsed = parseCertificate(pair.certificate)
    assert.equal(Buffer.from(jwk['x5t#S256'], 'base64url').toString('hex'), parsed.fingerprintSha256.replaceAll(':', ''))
    assert.equal(Buffer.from(jwk.x5t, 'base64url').toString('hex'), parsed.fingerprintSha1.replaceAll(':', ''))
    assert.ok(new X509Certificate(Buffer.from(jwk.x5c[0] ?? '', 'base64')).raw.equals(parsed.x509.raw))
    const token = await new SignJWT({}).setProtectedHeader({ alg, kid }).sign(key)
    await jwtVerify(token, await importJWK({ ...jwk, alg }))
    if (algorithm === 'ed25519') assert.deepEqual(signingAlgorithms(key), ['EdDSA', 'Ed25519'])
  }
})

test('curves have their algorithms, others have none', () => {
  const algorithmOf = (type: string, options: object) =>
    signingAlgorithms(
      (generateKeyPairSync as (t: string, o: object) => { privateKey: ReturnType<typeof loadPrivateKey> })(type, options).privateKey,
    )[0]
  assert.equal(algorithmOf('ec', { namedCurve: 'P-384' }), 'ES384')
  assert.equal(algorithmOf('ec', { namedCurve: 'P-521' }), 'ES512')
  assert.equal(algorithmOf('ec', { namedCurve: 'secp256k1' }), undefined)
  assert.equal(algorithmOf('x25519', {}), undefined)
  assert.equal(algorithmOf('rsa-pss', { modulusLength: 2048 }), undefined)
})

test('names are written as RFC 4514 writes them', () => {
  const cases: [string, string][] = [
    ['C=DE\nO=Example\\, Inc.\nCN=x', 'CN=x,O=Example\\, Inc.,C=DE'],
    ['CN=a + OU=b\nO=c', 'O=c,CN=a+OU=b'],
    ['emailAddress=a@b.example', '1.2.840.113549.1.9.1=a@b.example'],
    ['1.2.3=#0401', '1.2.3=#0401'],
    ['CN=', 'CN='],
    ['', ''],
  ]
  for (const [lines, name] of cases) assert.equal(rfc4514(lines), name)
})

test('special characters of a common name survive', async () => {
  const pair = await make('ecdsa', { commonName: 'a,b+"ü"=c' })
  assert.equal(parseCertificate(pair.certificate).subject, 'OU=Self-signed,O=Signet,CN=a\\,b\\+\\"ü\\"=c')
})

test('DER: lengths, numbers, identifiers and times (X.690)', () => {
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
  assert.equal(hex(unsigned(Uint8Array.of(0, 0, 127))), '02017f')
  assert.equal(hex(unsigned(Uint8Array.of(128))), '02020080')
  assert.equal(hex(unsigned(new Uint8Array())), '020100')
  assert.equal(hex(unsigned(new Uint8Array(200).fill(1))).slice(0, 6), '0281c8')
  assert.equal(hex(unsigned(new Uint8Array(300).fill(1))).slice(0, 8), '0282012c')
  assert.equal(hex(oid('1.2.840.113549.1.1.11')), '06092a864886f70d01010b')
  assert.equal(Buffer.from(time(new Date('2049-12-31T23:59:59Z'))).toString('latin1'), '\x17\x0d491231235959Z')
  assert.equal(Buffer.from(time(new Date('2050-01-01T00:00:00Z'))).toString('latin1'), '\x18\x0f20500101000000Z')
})
