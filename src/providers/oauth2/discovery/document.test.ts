import assert from 'node:assert/strict'
import { test } from 'node:test'
import { unique } from '../../../../test/builders.ts'
import { aParty, oauthServer, REDIRECT_URI } from '../fixture.ts'

const get = async (path: string, headers: Record<string, string> = {}) => (await oauthServer()).client().request('GET', path, { headers })

test('whoever has a discovery document or a key set is told so, until it changes (RFC 9110 §13.1.2)', async () => {
  const party = await aParty({ issuer_mode: 'global' })
  const own = `/application/o/${party.slug}`
  const paths = [
    `${own}/.well-known/openid-configuration`,
    `/.well-known/oauth-authorization-server${own}`,
    `${own}/jwks/`,
    '/.well-known/openid-configuration',
    '/.well-known/jwks.json',
  ]
  const before = new Map<string, string>()
  for (const path of paths) {
    const whole = await get(path)
    assert.equal(whole.status, 200, path)
    assert.equal(whole.headers['cache-control'], 'no-cache')
    const tag = String(whole.headers.etag)
    assert.match(tag, /^"[\w-]{27}"$/)
    assert.equal((await get(path)).headers.etag, tag, 'the same for the same')
    for (const known of [tag, `W/${tag}`, `"other", W/"another" ,${tag}`, '*']) {
      const same = await get(path, { 'if-none-match': known })
      assert.equal(same.status, 304, `${path} ${known}`)
      assert.equal(same.text, '')
      assert.equal(same.headers.etag, tag)
      assert.equal(same.headers['cache-control'], 'no-cache')
      // What stands beside a 304 replaces what was kept, RFC 9111 §3.2.
      assert.match(String(same.headers['content-type']), /^application\/json/)
      assert.equal(same.headers['content-length'], undefined)
    }
    for (const known of ['"other"', tag.slice(1, -1), '', '"*"'])
      assert.equal((await get(path, { 'if-none-match': known })).status, 200, known)
    before.set(path, tag)
  }
  // What nobody else has, since the addresses at the root tell of all clients that share the issuer.
  const { admin } = party.server
  const key = await admin.post('/api/v3/crypto/certificatekeypairs/generate/', {
    common_name: unique('key'),
    validity_days: 1,
    alg: 'ecdsa',
  })
  const scope = { name: unique('scope'), scope_name: unique('scope'), expression: 'return {}' }
  const mapping = await admin.post('/api/v3/propertymappings/provider/scope/', scope)
  const mappings = party.provider.property_mappings as string[]
  await party.change({ signing_key: key.body.pk, property_mappings: [...mappings, mapping.body.pk] })
  for (const path of paths) assert.equal((await get(path, { 'if-none-match': before.get(path)! })).status, 200, path)
})

test('pages of other origins may read that nothing has changed', async () => {
  const party = await aParty()
  const { origin } = new URL(REDIRECT_URI)
  const path = `/application/o/${party.slug}/.well-known/openid-configuration`
  const { headers } = await get(path)
  const same = await get(path, { origin, 'if-none-match': String(headers.etag) })
  assert.equal(same.status, 304)
  assert.equal(same.headers['access-control-allow-origin'], origin)
  assert.equal(same.headers.vary, 'Origin')
  const keys = `/application/o/${party.slug}/jwks/`
  const known = await get(keys, { 'if-none-match': String((await get(keys)).headers.etag) })
  assert.deepEqual([known.status, known.headers['access-control-allow-origin']], [304, '*'])
})

test('an address of its own has a document of its own, and a validator of its own', async () => {
  const party = await aParty()
  const path = `/application/o/${party.slug}/.well-known/openid-configuration`
  const [here, there] = [await get(path), await get(path, { host: 'other.example.test' })]
  assert.notEqual(here.body.issuer, there.body.issuer)
  assert.notEqual(here.headers.etag, there.headers.etag)
})
