import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { calculateJwkThumbprint, decodeJwt, exportJWK, generateKeyPair, SignJWT } from 'jose'
import { unique } from '../../../../test/builders.ts'
import { createObject } from '../../../api/objects.ts'
import type { Row } from '../../../api/model.ts'
import { ClientMetadata } from '../client/metadata.ts'
import { purgeExpired } from '../purge.ts'
import { aParty, aSignedInBrowser, pkce, REDIRECT_URI, type Party } from '../fixture.ts'

const HERE = 'https://id.example.test/application/o'

/** A client's key, and the proofs that it makes. */
async function aHolder(party: Party) {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
  const jwk = await exportJWK(publicKey)
  const proof = (claims: Row, header: Row = {}, key = privateKey) => {
    const all = { jti: unique('jti'), htm: 'POST', iat: Math.floor(party.server.ctx.now().getTime() / 1000), ...claims }
    return new SignJWT(Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)))
      .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk, ...header })
      .sign(key)
  }
  return { proof, jwk, thumbprint: await calculateJwkThumbprint(jwk), privateJwk: await exportJWK(privateKey) }
}

const machine = { grant_type: 'client_credentials', scope: 'openid profile' }
const ath = (token: string) => createHash('sha256').update(token).digest('base64url')

test('a token that is given out with a proof is bound to its key (RFC 9449 §5 to §7)', async () => {
  const party = await aParty()
  const holder = await aHolder(party)
  const answer = await party.token(machine, { headers: { dpop: await holder.proof({ htu: `${HERE}/token/` }) } })
  assert.equal(answer.status, 200, answer.text)
  assert.equal(answer.body.token_type, 'DPoP')
  const token = answer.body.access_token as string
  assert.deepEqual(decodeJwt(token).cnf, { jkt: holder.thumbprint })
  const introspected = (await party.post('introspect', { token })).body
  assert.partialDeepStrictEqual(introspected, { active: true, token_type: 'DPoP', cnf: { jkt: holder.thumbprint } })

  const ask = (headers: Record<string, string>) => party.server.client().request('GET', '/application/o/userinfo/', { headers })
  const proof = await holder.proof({ htm: 'GET', htu: `${HERE}/userinfo/`, ath: ath(token) })
  assert.equal((await ask({ authorization: `DPoP ${token}`, dpop: proof })).status, 200)
  const stranger = await aHolder(party)
  const refused: Record<string, Record<string, string>> = {
    'as a bearer token': { authorization: `Bearer ${token}` },
    'without a proof': { authorization: `DPoP ${token}` },
    'with the proof of before': { authorization: `DPoP ${token}`, dpop: proof },
    'with another key': {
      authorization: `DPoP ${token}`,
      dpop: await stranger.proof({ htm: 'GET', htu: `${HERE}/userinfo/`, ath: ath(token) }),
    },
    'with a proof for another token': {
      authorization: `DPoP ${token}`,
      dpop: await holder.proof({ htm: 'GET', htu: `${HERE}/userinfo/`, ath: ath('other') }),
    },
    'with a proof for no token': { authorization: `DPoP ${token}`, dpop: await holder.proof({ htm: 'GET', htu: `${HERE}/userinfo/` }) },
  }
  for (const [what, headers] of Object.entries(refused)) assert.equal((await ask(headers)).status, 401, what)
})

test('22 a proof that is not quite right is refused', async () => {
  const party = await aParty()
  const holder = await aHolder(party)
  const htu = `${HERE}/token/`
  const now = Math.floor(party.server.ctx.now().getTime() / 1000)
  const other = await aHolder(party)
  const bad = {
    'for another method': await holder.proof({ htu, htm: 'GET' }),
    'for another address': await holder.proof({ htu: `${HERE}/introspect/` }),
    'for another host': await holder.proof({ htu: 'https://elsewhere.example/application/o/token/' }),
    old: await holder.proof({ htu, iat: now - 120 }),
    'of the future': await holder.proof({ htu, iat: now + 120 }),
    'without a name': await holder.proof({ htu, jti: undefined }),
    'with an empty name': await holder.proof({ htu, jti: '' }),
    'with a name that is no text': await holder.proof({ htu, jti: 5 }),
    'of another type': await holder.proof({ htu }, { typ: 'JWT' }),
    'without a key': await holder.proof({ htu }, { jwk: undefined }),
    'with the key of another': await holder.proof({ htu }, { jwk: other.jwk }),
    'with its private key in it': await holder.proof({ htu }, { jwk: holder.privateJwk }),
    'no proof': 'nonsense',
    two: `${await holder.proof({ htu })}, ${await holder.proof({ htu })}`,
  }
  for (const [what, dpop] of Object.entries(bad)) {
    const answer = await party.token(machine, { headers: { dpop } })
    assert.equal(answer.body.error, 'invalid_dpop_proof', what)
    assert.equal(answer.status, 400, what)
  }
})

test('23 a proof is good once, whoever shows it at the same moment, and also when what is over was purged', async () => {
  const party = await aParty()
  const holder = await aHolder(party)
  party.server.clock.hold() // a proof is asked for again in its last seconds
  for (const ahead of [0, 50]) {
    const iat = Math.floor(party.server.ctx.now().getTime() / 1000) + ahead // clocks differ
    const dpop = await holder.proof({ htu: `${HERE}/token/`, iat })
    const answers = await Promise.all(Array.from({ length: 50 }, () => party.token(machine, { headers: { dpop } })))
    assert.equal(answers.filter(answer => answer.status === 200).length, 1)
    party.server.clock.advance((ahead + 55) * 1000)
    await purgeExpired(party.server.ctx)
    assert.equal((await party.token(machine, { headers: { dpop } })).body.error_description, 'The DPoP proof was used before')
  }
})

test('a nonce is ours and fresh, or the client is told which to use (RFC 9449 §8)', async () => {
  const party = await aParty()
  const holder = await aHolder(party)
  const htu = `${HERE}/token/`
  const answer = await party.token(machine, { headers: { dpop: await holder.proof({ htu, nonce: 'made up' }) } })
  assert.equal(answer.body.error, 'use_dpop_nonce')
  const nonce = answer.headers['dpop-nonce']
  assert.equal((await party.token(machine, { headers: { dpop: await holder.proof({ htu, nonce }) } })).status, 200)
  party.server.clock.advance(301_000)
  const late = await party.token(machine, { headers: { dpop: await holder.proof({ htu, nonce }) } })
  assert.equal(late.body.error, 'use_dpop_nonce')
})

test('a code can be bound to a key when it is asked for (RFC 9449 §10)', async () => {
  const party = await aParty()
  const holder = await aHolder(party)
  const { browser } = await aSignedInBrowser()
  const code = await party.code(browser, { dpop_jkt: holder.thumbprint })
  assert.equal((await party.exchange(code)).body.error, 'invalid_grant')
  const form = { grant_type: 'authorization_code', code, redirect_uri: REDIRECT_URI }
  assert.equal((await party.token(form, { headers: { dpop: await holder.proof({ htu: `${HERE}/token/` }) } })).status, 200)
})

test('a request that is sent ahead with a proof buys a code of its key alone (RFC 9449 §10.1)', async () => {
  const party = await aParty()
  const [holder, other] = [await aHolder(party), await aHolder(party)]
  const { browser } = await aSignedInBrowser()
  const push = async (form: Record<string, string>) =>
    party.post(
      'par',
      { response_type: 'code', redirect_uri: REDIRECT_URI, scope: 'openid', ...form },
      { headers: { dpop: await holder.proof({ htu: `${HERE}/par/` }) } },
    )
  assert.equal((await push({ dpop_jkt: other.thumbprint })).body.error, 'invalid_dpop_proof')
  const { request_uri: uri } = (await push({})).body
  const query = new URLSearchParams({ client_id: party.clientId, request_uri: uri, dpop_jkt: other.thumbprint })
  const { headers } = await browser.get(`/application/o/authorize/?${query.toString()}`)
  const code = new URL(String(headers.location)).searchParams.get('code')!
  const form = { grant_type: 'authorization_code', code, redirect_uri: REDIRECT_URI }
  const exchange = async (who: typeof holder) => party.token(form, { headers: { dpop: await who.proof({ htu: `${HERE}/token/` }) } })
  assert.equal((await party.token(form)).body.error, 'invalid_grant')
  assert.equal((await exchange(other)).body.error, 'invalid_grant')
  assert.equal((await exchange(holder)).status, 200)
})

test('the refresh token of a public client is bound to the key, that of a confidential one to the client', async () => {
  for (const type of ['public', 'confidential']) {
    const party = await aParty({ client_type: type })
    const holder = await aHolder(party)
    const { browser } = await aSignedInBrowser()
    const { verifier, challenge } = pkce()
    const code = await party.code(browser, { scope: 'openid offline_access', code_challenge: challenge, code_challenge_method: 'S256' })
    const proof = async () => ({ headers: { dpop: await holder.proof({ htu: `${HERE}/token/` }) } })
    const form = { grant_type: 'authorization_code', code, redirect_uri: REDIRECT_URI, code_verifier: verifier }
    const { refresh_token: refresh } = (await party.token(form, await proof())).body
    const again = { grant_type: 'refresh_token', refresh_token: refresh }
    if (type === 'public') assert.equal((await party.token(again)).body.error, 'invalid_grant')
    const refreshed = await party.token(again, await proof())
    assert.equal(refreshed.body.token_type, 'DPoP', type)
  }
})

test('a client that is registered for bound tokens gets no others, and one for PKCE no code without it', async () => {
  const party = await aParty()
  const metadata = { provider: party.provider.pk, dpop_bound_access_tokens: true, require_pkce: true }
  await createObject(party.server.ctx, ClientMetadata, metadata)
  assert.equal((await party.token(machine)).body.error, 'invalid_request')
  const { browser } = await aSignedInBrowser()
  assert.equal((await party.response(browser)).get('error'), 'invalid_request')
  const plain = { code_challenge: pkce().challenge, code_challenge_method: 'plain' }
  assert.equal((await party.response(browser, plain)).get('error'), 'invalid_request')
  assert.ok((await party.response(browser, { ...plain, code_challenge_method: 'S256' })).get('code'))
})

test('a client that is told to brings a nonce of ours in its proofs, and is given the next one (RFC 9449 §8)', async () => {
  const party = await aParty()
  await createObject(party.server.ctx, ClientMetadata, { provider: party.provider.pk, dpop_nonce_required: true })
  const holder = await aHolder(party)
  const htu = `${HERE}/token/`
  const without = await party.token(machine, { headers: { dpop: await holder.proof({ htu }) } })
  assert.partialDeepStrictEqual(without, { status: 400, body: { error: 'use_dpop_nonce' } })
  const nonce = String(without.headers['dpop-nonce'])
  const given = await party.token(machine, { headers: { dpop: await holder.proof({ htu, nonce }) } })
  assert.equal(given.status, 200, given.text)
  assert.ok(given.headers['dpop-nonce'])
  const wrong = await party.token(machine, { headers: { dpop: await holder.proof({ htu, nonce: 'made up' }) } })
  assert.equal(wrong.body.error, 'use_dpop_nonce')
  const token = given.body.access_token as string
  const proof = await holder.proof({ htm: 'GET', htu: `${HERE}/userinfo/`, ath: ath(token), nonce: 'made up' })
  const headers = { authorization: `DPoP ${token}`, dpop: proof }
  const refused = await party.server.client().request('GET', '/application/o/userinfo/', { headers })
  assert.match(String(refused.headers['www-authenticate']), /^DPoP error="use_dpop_nonce"/)
})

test('no bound token comes by the browser', async () => {
  const party = await aParty()
  await createObject(party.server.ctx, ClientMetadata, { provider: party.provider.pk, dpop_bound_access_tokens: true })
  const { browser } = await aSignedInBrowser()
  assert.equal((await party.response(browser, { response_type: 'id_token token', nonce: 'n' })).get('error'), 'unauthorized_client')
  assert.ok((await party.response(browser, { response_type: 'code id_token', nonce: 'n' })).get('id_token'))
})
