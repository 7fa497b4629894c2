import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aParty, aSignedInBrowser, oauthServer } from '../fixture.ts'

test('a revoked access token is worth nothing, and its use is noticed (RFC 7009 §2)', async () => {
  const party = await aParty()
  const { ctx } = await oauthServer()
  const { browser, user } = await aSignedInBrowser()
  const tokens = await party.tokens(browser, { scope: 'openid offline_access' })
  const answer = await party.post('revoke', { token: tokens.access_token })
  assert.equal(answer.status, 200)
  assert.deepEqual(answer.body, {})
  assert.equal((await party.userinfo(tokens.access_token)).status, 401)
  const events = await ctx.db.selectFrom('event').selectAll().where('action', '=', 'suspicious_request').execute()
  assert.ok(events.some(event => (event.user as { pk: number }).pk === user.id))
  assert.equal((await party.refresh(tokens.refresh_token)).status, 200, 'the grant lives on')
})

test('revoking a refresh token ends the whole grant (RFC 7009 §2.1)', async () => {
  const party = await aParty()
  const { browser } = await aSignedInBrowser()
  const tokens = await party.tokens(browser, { scope: 'openid offline_access' })
  await party.post('revoke', { token: tokens.refresh_token, token_type_hint: 'access_token' })
  assert.equal((await party.userinfo(tokens.access_token)).status, 401)
  assert.equal((await party.refresh(tokens.refresh_token)).status, 400)
})

test('unknown and foreign tokens are as good as revoked, and stay as they are (RFC 7009 §2.2)', async () => {
  const [party, other] = [await aParty(), await aParty()]
  const { browser } = await aSignedInBrowser()
  const { access_token: token } = await party.tokens(browser)
  assert.equal((await other.post('revoke', { token })).status, 200)
  assert.equal((await other.post('revoke', { token: 'unknown' })).status, 200)
  assert.equal((await party.userinfo(token)).status, 200)
  const failed = await party.post('revoke', { token, client_secret: 'wrong' }, { basic: false })
  assert.partialDeepStrictEqual(failed, { status: 401, body: { error: 'invalid_client' } })
})
