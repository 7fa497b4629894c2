import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { createLocalJWKSet, jwtVerify } from 'jose'
import { aToken, aUser } from '../../../../test/builders.ts'
import { aParty, aSignedInBrowser, REDIRECT_URI, type Party } from '../fixture.ts'

const half = (text: string) => createHash('sha256').update(text).digest().subarray(0, 16).toString('base64url')

async function idToken(party: Party, token: string) {
  const { body } = await party.server.client().get(`/application/o/${party.slug}/jwks/`)
  const currentDate = party.server.ctx.now()
  return (await jwtVerify(token, createLocalJWKSet(body), { issuer: party.issuer, audience: party.clientId, currentDate })).payload
}

const NONCE = { nonce: 'n-0S6_WzA2Mj' }

test('each response type brings what it names, in any order of its words, by fragment (OIDC Core §3)', async () => {
  const party = await aParty()
  const { browser } = await aSignedInBrowser()
  const expected: Record<string, string[]> = {
    id_token: ['id_token'],
    'token id_token': ['access_token', 'expires_in', 'id_token', 'scope', 'token_type'],
    'code id_token': ['code', 'id_token'],
    'token code': ['access_token', 'code', 'expires_in', 'scope', 'token_type'],
    'id_token token code': ['access_token', 'code', 'expires_in', 'id_token', 'scope', 'token_type'],
  }
  for (const [type, names] of Object.entries(expected)) {
    const answer = await party.authorize(browser, { response_type: type, ...NONCE })
    const to = new URL(String(answer.headers.location))
    assert.equal(to.origin + to.pathname + to.search, REDIRECT_URI, type)
    const response = new URLSearchParams(to.hash.slice(1))
    assert.deepEqual([...response.keys()].toSorted(), [...names, 'iss', 'session_state', 'state'].toSorted(), type)
    const id = response.get('id_token')
    if (id === null) continue
    const claims = await idToken(party, id)
    assert.equal(claims.nonce, NONCE.nonce)
    assert.equal(claims.s_hash, half('some state'))
    const [token, code] = [response.get('access_token'), response.get('code')]
    assert.equal(claims.at_hash, token === null ? undefined : half(token), type)
    assert.equal(claims.c_hash, code === null ? undefined : half(code), type)
  }
})

test('the code of the hybrid flow is exchanged as ever, with the same person and issuer in both ID tokens', async () => {
  const party = await aParty()
  const { browser, user } = await aSignedInBrowser()
  const response = await party.response(browser, { response_type: 'code id_token token', scope: 'openid email offline_access', ...NONCE })
  const front = await idToken(party, response.get('id_token')!)
  const answer = await party.exchange(response.get('code')!)
  assert.equal(answer.status, 200)
  const back = await idToken(party, answer.body.id_token)
  assert.deepEqual([back.sub, back.iss, back.nonce], [front.sub, front.iss, front.nonce])
  assert.ok(answer.body.refresh_token)
  assert.equal((await party.userinfo(response.get('access_token')!)).body.email, user.email)
})

test('31 a token that came by the browser ends with the session, and 13 with a replayed code of the same grant', async () => {
  const party = await aParty()
  const { browser, session } = await aSignedInBrowser()
  const response = await party.response(browser, { response_type: 'code token', ...NONCE })
  const token = response.get('access_token')!
  await party.exchange(response.get('code')!)
  assert.equal((await party.userinfo(token)).status, 200)
  await party.exchange(response.get('code')!)
  assert.equal((await party.userinfo(token)).status, 401)
  const other = (await party.response(browser, { response_type: 'id_token token', ...NONCE })).get('access_token')!
  await party.server.ctx.db.deleteFrom('session').where('session_hash', '=', session.session_hash).execute()
  assert.equal((await party.userinfo(other)).status, 401)
})

test('what such a request lacks is told by fragment', async () => {
  const party = await aParty()
  const { browser } = await aSignedInBrowser()
  const cases: [Record<string, string | undefined>, string][] = [
    [{ response_type: 'id_token' }, 'invalid_request'],
    [{ response_type: 'code id_token token' }, 'invalid_request'],
    [{ response_type: 'id_token', scope: 'email', ...NONCE }, 'invalid_scope'],
    [{ response_type: 'code id_token', scope: 'email', ...NONCE }, 'invalid_scope'],
    [{ response_type: 'id_token token', response_mode: 'query', ...NONCE }, 'invalid_request'],
    [{ response_type: 'id_token id_token', ...NONCE }, 'unsupported_response_type'],
    [{ response_type: 'token', ...NONCE }, 'unsupported_response_type'],
  ]
  for (const [params, error] of cases) {
    const to = new URL(String((await party.authorize(browser, params)).headers.location))
    const response = new URLSearchParams(to.hash.slice(1))
    assert.equal(response.get('error'), error, JSON.stringify(params))
    assert.equal(response.get('state'), 'some state')
    assert.equal(to.search, '')
  }
})

test('a client without these grants gets no tokens by the browser, and offline access never comes that way', async () => {
  const party = await aParty()
  const { browser } = await aSignedInBrowser()
  const scope = (await party.response(browser, { response_type: 'id_token token', scope: 'openid offline_access', ...NONCE })).get('scope')
  assert.equal(scope, 'openid')
  await party.change({ grant_types: ['authorization_code', 'refresh_token'] })
  for (const type of ['id_token', 'code id_token'])
    assert.equal((await party.response(browser, { response_type: type, ...NONCE })).get('error'), 'unauthorized_client')
  const metadata = (await party.server.client().get(`/application/o/${party.slug}/.well-known/openid-configuration`)).body
  assert.deepEqual(metadata.response_types_supported, ['code'])
})

test('a form can carry tokens too', async () => {
  const party = await aParty()
  const { browser } = await aSignedInBrowser()
  const page = await party.authorize(browser, { response_type: 'code id_token', response_mode: 'form_post', ...NONCE })
  assert.equal(page.status, 200)
  assert.match(page.text, /name="id_token"/)
  assert.match(page.text, /name="code"/)
})

test('an app password signs its account in where the client may use the password grant, the account’s own does not', async () => {
  const party = await aParty()
  const { ctx } = party.server
  const user = await aUser(ctx, { password: 'the account’s own' })
  const key = await aToken(ctx, user, { intent: 'app_password' })
  const ask = (password: string) =>
    party.token({ grant_type: 'password', username: String(user.username), password, scope: 'openid email' })
  const answer = await ask(key)
  assert.equal(answer.status, 200, answer.text)
  assert.equal((await party.userinfo(answer.body.access_token)).body.email, user.email)
  assert.equal((await ask('the account’s own')).body.error, 'invalid_grant')
  const stranger = { grant_type: 'password', username: String(user.username), password: key, client_secret: 'wrong' }
  assert.equal((await party.token(stranger, { basic: false })).body.error, 'invalid_client')
  await party.change({ grant_types: ['authorization_code'] })
  assert.equal((await ask(key)).body.error, 'unauthorized_client')
})
