import assert from 'node:assert/strict'
import { test } from 'node:test'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT } from 'jose'
import { hashToken } from '../../../crypto/secrets.ts'
import { unique } from '../../../../test/builders.ts'
import { aBrowser, aParty, aSignedInBrowser, pkce, REDIRECT_URI, type Party } from '../fixture.ts'

const { challenge } = pkce()
const request = {
  response_type: 'code',
  redirect_uri: REDIRECT_URI,
  scope: 'openid',
  code_challenge: challenge,
  code_challenge_method: 'S256',
}
const push = (party: Party, form: Record<string, string> = {}, from = '203.0.113.7') =>
  party.post('par', { ...request, ...form }, { headers: { 'x-forwarded-for': from } })

/** Parameters that nobody knows, of so many characters in all. */
const filler = (length: number) => Object.fromEntries(Array.from({ length: length / 1000 }, (_, n) => [`unknown${n}`, 'x'.repeat(1000)]))

/** Lets requests of a client wait, without the endpoint. */
async function waiting(party: Party, count: number, network: string, life = 300_000): Promise<void> {
  const { ctx } = party.server
  const expires = new Date(ctx.now().getTime() + life)
  const row = { provider: party.provider.pk as number, parameters: '', expires, network }
  const rows = Array.from({ length: count }, () => ({ ...row, uri_hash: unique('hash') }))
  while (rows.length > 0) await ctx.db.insertInto('oauth2_pushed_request').values(rows.splice(0, 500)).execute()
}

test('46 of a client without a secret two hundred requests wait from one network, and there is room again when they are over', async () => {
  const party = await aParty({ client_type: 'public' })
  const { ctx } = party.server
  const began = ctx.now()
  await waiting(party, 180, '203.0.113.7/32')
  const answers = []
  for (let n = 0; n < 3; n++) answers.push(...(await Promise.all(Array.from({ length: 10 }, () => push(party)))))
  assert.equal(answers.filter(({ status }) => status === 201).length, 20)
  const { status, body, headers } = await push(party)
  assert.equal(status, 429)
  assert.equal(body.error, 'temporarily_unavailable')
  const [left, took] = [Number(headers['retry-after']), (ctx.now().getTime() - began.getTime()) / 1000]
  assert.ok(left <= 300 && left >= 300 - took, `${left} s are left after ${took} s`)
  assert.equal((await push(party, {}, '203.0.113.8')).status, 201, 'others are not held up')
  assert.equal((await push(await aParty({ client_type: 'public' }))).status, 201, 'nor are other clients')
  party.server.clock.advance(300_001)
  assert.equal((await push(party)).status, 201)
})

test('46 what finds no room leaves nothing behind, not even the proof of a key that it came with', async () => {
  const party = await aParty({ client_type: 'public' })
  const { ctx } = party.server
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
  const jwk = await exportJWK(publicKey)
  const thumbprint = await calculateJwkThumbprint(jwk)
  const proven = async (jti: string) => {
    const proof = await new SignJWT({ htm: 'POST', htu: 'https://id.example.test/application/o/par/', jti })
      .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk })
      .setIssuedAt(ctx.now())
      .sign(privateKey)
    return party.post('par', request, { headers: { 'x-forwarded-for': '203.0.113.7', dpop: proof } })
  }
  const seen = async (jti: string) => {
    const rows = await ctx.db
      .selectFrom('oauth2_seen')
      .select('seen_hash')
      .where('seen_hash', '=', hashToken(`dpop ${thumbprint} ${jti}`))
      .execute()
    return rows.length
  }
  await waiting(party, 199, '203.0.113.7/32')
  const [last, tooMany] = [unique('jti'), unique('jti')]
  assert.equal((await proven(last)).status, 201)
  assert.equal(await seen(last), 1)
  assert.equal((await proven(tooMany)).status, 429)
  assert.equal(await seen(tooMany), 0)
  await ctx.db
    .deleteFrom('oauth2_pushed_request')
    .where('provider', '=', party.provider.pk as number)
    .execute()
  const once = unique('jti')
  const answers = await Promise.all(Array.from({ length: 10 }, () => proven(once)))
  assert.equal(answers.filter(({ status }) => status === 201).length, 1)
  assert.ok(answers.every(({ status, body }) => status === 201 || body.error === 'invalid_dpop_proof'))
  const kept = await ctx.db
    .selectFrom('oauth2_pushed_request')
    .select('uri_hash')
    .where('provider', '=', party.provider.pk as number)
    .execute()
  assert.equal(kept.length, 1)
})

test('46 whoever has a network of IPv6 addresses is counted as one', async () => {
  const party = await aParty({ client_type: 'public' })
  await waiting(party, 199, '2001:db8:1:2::/64')
  assert.equal((await push(party, {}, '2001:db8:1:2::5')).status, 201)
  assert.equal((await push(party, {}, '2001:db8:1:2:ffff::6')).status, 429)
  assert.equal((await push(party, {}, '2001:db8:1:3::6')).status, 201)
})

test('46 from all networks together ten thousand requests of a client wait, and as many of one that proves itself', async () => {
  for (const [type, network] of [
    ['public', '198.51.100.1/32'],
    ['confidential', ''],
  ] as const) {
    const party = await aParty({ client_type: type })
    await waiting(party, 9_999, network)
    assert.equal((await push(party)).status, 201, type)
    assert.equal((await push(party)).status, 429, type)
  }
})

test('46 strangers who let requests wait do not hold up a client that proves itself', async () => {
  const party = await aParty()
  await waiting(party, 10_000, '198.51.100.1/32')
  assert.equal((await push(party)).status, 201)
})

test('46 a request that has been granted waits no more', async () => {
  const party = await aParty({ client_type: 'public' })
  await waiting(party, 199, '203.0.113.7/32')
  const { browser } = await aSignedInBrowser()
  for (let n = 0; n < 3; n++) {
    const pushed = await push(party)
    assert.equal(pushed.status, 201, pushed.text)
    const query = new URLSearchParams({ client_id: party.clientId, request_uri: pushed.body.request_uri }).toString()
    const { headers } = await browser.get(`/application/o/authorize/?${query}`)
    assert.ok(new URL(String(headers.location)).searchParams.has('code'))
  }
})

test('46 long requests of browsers are kept for two hundred people of one network, then the client hears why not', async () => {
  const party = await aParty()
  const long = { ...request, ...filler(5_000) }
  const first = await party.authorize(await aBrowser(), long)
  assert.match(String(first.headers.location), /\/if\/flow\//)
  const { network } = await party.server.ctx.db
    .selectFrom('oauth2_pushed_request')
    .select('network')
    .where('provider', '=', party.provider.pk as number)
    .executeTakeFirstOrThrow()
  await waiting(party, 199, network)
  const response = await party.response(await aBrowser(), long)
  assert.equal(response.get('error'), 'temporarily_unavailable')
  assert.equal(response.get('state'), 'some state')
  assert.match(String((await party.authorize(await aBrowser(), request)).headers.location), /\/if\/flow\//, 'what is short needs no room')
})

test('46 what nobody proved to be of a client is kept up to 32 KiB, and no request is read beyond 64 (RFC 9126 §2.3)', async () => {
  const [open, proven] = [await aParty({ client_type: 'public' }), await aParty()]
  const long = filler(33_000)
  assert.partialDeepStrictEqual(await push(open, long), { status: 413, body: { error: 'invalid_request' } })
  assert.equal((await push(proven, long)).status, 201)
  assert.partialDeepStrictEqual(await push(proven, filler(70_000)), { status: 413, body: { error: 'invalid_request' } })
})
