import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeJwt } from 'jose'
import { aParty, aSignedInBrowser, oauthServer } from '../fixture.ts'

const invalid = (error: string, status = 400) => ({ status, body: { error } })

test('there is a refresh token only with offline_access (OIDC Core §11, R-219)', async () => {
  const party = await aParty()
  const { browser } = await aSignedInBrowser()
  assert.equal((await party.tokens(browser, { scope: 'openid email' })).refresh_token, undefined)
  assert.match((await party.tokens(browser, { scope: 'openid offline_access' })).refresh_token, /^[A-Za-z0-9]{128}$/)
})

test('a refresh token is replaced at each use, and the new tokens work', async () => {
  const party = await aParty()
  const { clock } = await oauthServer()
  const { browser } = await aSignedInBrowser()
  const first = await party.tokens(browser, { scope: 'openid email offline_access', nonce: 'n1' })
  clock.advance(2_000)
  const answer = await party.refresh(first.refresh_token)
  assert.equal(answer.status, 200)
  assert.notEqual(answer.body.refresh_token, first.refresh_token)
  const [before, after] = [decodeJwt(first.id_token), decodeJwt(answer.body.id_token as string)]
  for (const name of ['iss', 'sub', 'aud', 'auth_time', 'sid']) assert.deepEqual(after[name], before[name], `${name} (OIDC Core §12.2)`)
  assert.ok(after.iat! > before.iat!)
  assert.equal(after.nonce, undefined)
  assert.equal((await party.userinfo(answer.body.access_token)).status, 200)
  assert.equal((await party.refresh(answer.body.refresh_token)).status, 200)
})

test('with a threshold a refresh token is kept until little of its life is left', async () => {
  const party = await aParty({ refresh_token_validity: 'days=10', refresh_token_threshold: 'days=2' })
  const { clock } = await oauthServer()
  const { browser } = await aSignedInBrowser(undefined, { lifetime: 86_400_000 * 30 })
  const { refresh_token: token } = await party.tokens(browser, { scope: 'openid offline_access' })
  for (let use = 0; use < 2; use++) {
    const answer = await party.refresh(token)
    assert.equal(answer.status, 200)
    assert.equal(answer.body.refresh_token, undefined)
  }
  clock.advance(86_400_000 * 9)
  const late = await party.refresh(token)
  assert.match(late.body.refresh_token, /^[A-Za-z0-9]{128}$/)
  assert.partialDeepStrictEqual(await party.refresh(token), invalid('invalid_grant'))
  clock.reset()
})

test('of a client without a secret a refresh token that nothing binds is replaced with every use, threshold or not (RFC 9700 §4.14.2)', async () => {
  const party = await aParty({ client_type: 'public', refresh_token_validity: 'days=10', refresh_token_threshold: 'days=2' })
  const { browser } = await aSignedInBrowser()
  const { refresh_token: first } = await party.tokens(browser, { scope: 'openid offline_access' })
  const { body: second } = await party.refresh(first)
  assert.match(second.refresh_token, /^[A-Za-z0-9]{128}$/)
  assert.equal((await party.refresh(second.refresh_token)).status, 200)
  assert.partialDeepStrictEqual(await party.refresh(first), invalid('invalid_grant'))
  assert.equal((await party.userinfo(second.access_token)).status, 401, 'one that comes again ends its family')
})

test('a refresh can narrow the access token, never widen it (RFC 6749 §6)', async () => {
  const party = await aParty()
  const { browser } = await aSignedInBrowser()
  const { refresh_token: token } = await party.tokens(browser, { scope: 'openid email offline_access' })
  assert.partialDeepStrictEqual(await party.refresh(token, { scope: 'openid profile' }), invalid('invalid_scope'))
  const narrow = await party.refresh(token, { scope: 'openid' })
  assert.equal(narrow.body.scope, 'openid')
  assert.equal((await party.refresh(narrow.body.refresh_token)).body.scope, 'openid email offline_access')
})

test('a refresh token with offline_access outlives the session, and its new tokens too (R-219)', async () => {
  const party = await aParty()
  const { ctx } = await oauthServer()
  const { browser, session } = await aSignedInBrowser()
  const tokens = await party.tokens(browser, { scope: 'openid offline_access' })
  await ctx.db.deleteFrom('session').where('session_hash', '=', session.session_hash).execute()
  assert.equal((await party.userinfo(tokens.access_token)).status, 401, 'the access token of the session has ended')
  const fresh = await party.refresh(tokens.refresh_token)
  assert.equal(fresh.status, 200)
  assert.equal((await party.userinfo(fresh.body.access_token)).status, 200)
})
