import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { exportJWK, generateKeyPair, jwtVerify, SignJWT } from 'jose'
import { unique } from '../../test/builders.ts'
import { server } from '../../test/harness.ts'
import { outgoingOf, useOutgoing } from './outgoing/client.ts'
import { remoteKeyList, remoteKeySet } from './key-set.ts'

/** Answers key sets by their address; who was asked for is noted. */
async function published(t: TestContext, answer: (url: string) => unknown) {
  const { ctx, clock } = await server()
  const usual = outgoingOf(ctx.config)
  t.after(() => useOutgoing(ctx.config, usual))
  const asked: string[] = []
  useOutgoing(ctx.config, async url => {
    asked.push(url)
    const body = new TextEncoder().encode(JSON.stringify(answer(url)))
    return { status: 200, reason: 'OK', headers: {}, body, url, history: [], elapsed: 1 }
  })
  return { ctx, clock, asked }
}

const address = () => `https://keys.example.test/${unique('set')}`
const aKey = (more: object = {}) => ({ kty: 'EC', crv: 'P-256', kid: unique('key'), ...more })

test('of fetched key sets as much is remembered as fits, by their bytes, the newest last to go', async t => {
  const large = { keys: [aKey({ x: 'x'.repeat(200_000) })] }
  const small = { keys: [aKey()] }
  const { ctx, asked } = await published(t, url => (url.includes('small') ? small : large))
  const sets = Array.from({ length: 30 }, address)
  for (const url of sets) await remoteKeyList(ctx, url)
  assert.equal(asked.length, 30)
  for (const url of sets.slice(-15)) await remoteKeyList(ctx, url)
  assert.equal(asked.length, 30, 'those of a moment ago are remembered')
  await remoteKeyList(ctx, sets[0]!)
  assert.equal(asked.length, 31, '6 MB are too much')
  const many = Array.from({ length: 1_000 }, () => `${address()}/small`)
  for (const url of many) await remoteKeyList(ctx, url)
  for (const url of many) await remoteKeyList(ctx, url)
  assert.equal(asked.length, 1_031, 'small ones are remembered by the thousand')
})

test('what is no key is left out of a fetched set, and a set of too many keys is refused (RFC 7517 §5)', async t => {
  const good = aKey()
  const odd = [null, 5, 'key', {}, { kty: 5 }, { kty: 'EC', nested: {} }, { kty: 'EC', x5c: [[]] }]
  const wide = Object.fromEntries(Array.from({ length: 40 }, (_, at) => [`m${at}`, 1]))
  let keys: unknown = [...odd, aKey(wide), good]
  const { ctx } = await published(t, () => ({ keys }))
  assert.deepEqual(await remoteKeyList(ctx, address()), [good])
  keys = Array.from({ length: 101 }, () => ({ kty: 'EC' }))
  await assert.rejects(remoteKeyList(ctx, address()), /more than 100 keys/)
  keys = undefined
  await assert.rejects(remoteKeyList(ctx, address()), /no list of keys/)
})

test('a key of Ed25519 is found by either name of its algorithm (RFC 9864 §2.2), and no other key by another than its own', async t => {
  const kinds = await Promise.all(
    (['EdDSA', 'Ed25519', 'PS256'] as const).map(async alg => {
      const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
      return { privateKey, jwk: { ...(await exportJWK(publicKey)), kid: unique('key'), alg } }
    }),
  )
  const { ctx } = await published(t, () => ({ keys: kinds.map(kind => kind.jwk) }))
  const url = address()
  const [old, full] = kinds
  for (const { privateKey, jwk } of [old!, full!])
    for (const alg of ['EdDSA', 'Ed25519']) {
      const token = await new SignJWT({}).setProtectedHeader({ alg, kid: jwk.kid }).sign(privateKey)
      await jwtVerify(token, remoteKeySet(ctx, url), { algorithms: [alg] })
    }
  assert.equal((await remoteKeyList(ctx, url))[0]!.alg, 'EdDSA', 'the set itself stays as it is')
  const { jwk } = kinds[2]!
  await assert.rejects(async () => remoteKeySet(ctx, url)({ alg: 'RS256', kid: jwk.kid }, { payload: '', signature: '' }))
})

test('79 an address that fails is asked again after ten seconds, not at everybody’s bidding', async t => {
  let keys: unknown = null
  const { ctx, clock, asked } = await published(t, () => ({ keys }))
  const url = address()
  for (let n = 0; n < 5; n++) await assert.rejects(remoteKeyList(ctx, url), /no list of keys/)
  assert.equal(asked.length, 1)
  keys = [aKey()]
  clock.advance(10_001)
  assert.deepEqual(await remoteKeyList(ctx, url), keys)
  clock.reset()
})

test('79 whoever names unknown keys while the address fails takes nobody else’s keys away', async t => {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
  const jwk = { ...(await exportJWK(publicKey)), kid: unique('key') }
  let keys: unknown = [jwk]
  const { ctx, clock, asked } = await published(t, () => ({ keys }))
  const url = address()
  const verify = async (kid: string) => {
    const token = await new SignJWT({}).setProtectedHeader({ alg: 'ES256', kid }).sign(privateKey)
    return jwtVerify(token, remoteKeySet(ctx, url))
  }
  await verify(jwk.kid)
  clock.advance(31_000)
  keys = undefined
  for (let n = 0; n < 3; n++) await assert.rejects(verify('unknown'))
  assert.equal(asked.length, 2)
  await verify(jwk.kid)
  assert.equal(asked.length, 2)
  clock.advance(270_000)
  await assert.rejects(verify(jwk.kid), /no list of keys/, 'what is too old is believed no more')
  clock.reset()
})
