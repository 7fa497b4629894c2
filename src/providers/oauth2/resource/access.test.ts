import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeJwt } from 'jose'
import { unique } from '../../../../test/builders.ts'
import { aParty, aSignedInBrowser, oauthServer } from '../fixture.ts'

test('userinfo answers GET, POST with header and POST with body (OIDC Core §5.3.1)', async () => {
  const party = await aParty()
  const { browser } = await aSignedInBrowser()
  const { access_token: token } = await party.tokens(browser, { scope: 'openid profile', nonce: 'n1' })
  const { client } = party.server
  const answers = [
    await party.userinfo(token),
    await client(token).request('POST', '/application/o/userinfo/', {
      payload: '',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    }),
    await party.post('userinfo', { access_token: token }, { basic: false }),
  ]
  for (const answer of answers) {
    assert.equal(answer.status, 200)
    assert.equal(answer.body.sub, decodeJwt(token).sub, '§5.3.2: the same sub')
    assert.equal(answer.body.nonce, 'n1')
    assert.equal(answer.headers['cache-control'], 'no-store')
  }
})

test('userinfo calls the person as the ID token does, whatever mappings say (OIDC Core §5.3.2)', async () => {
  const party = await aParty({ include_claims_in_id_token: false })
  const { admin } = party.server
  const mapping = await admin.post('/api/v3/propertymappings/provider/scope/', {
    name: unique('mapping'),
    scope_name: 'profile',
    expression: 'return {"sub": "somebody else"}',
  })
  await party.change({ property_mappings: [...(party.provider.property_mappings as string[]), mapping.body.pk] })
  const { browser } = await aSignedInBrowser()
  const tokens = await party.tokens(browser, { scope: 'openid profile' })
  assert.equal((await party.userinfo(tokens.access_token)).body.sub, decodeJwt(tokens.id_token).sub)
})

test('userinfo names what is wrong with a token (RFC 6750 §3)', async () => {
  const party = await aParty()
  const { browser } = await aSignedInBrowser()
  const { client } = party.server
  const none = await client().get('/application/o/userinfo/')
  assert.equal(none.status, 401)
  assert.equal(none.headers['www-authenticate'], 'Bearer')
  const wrong = await client('nonsense').get('/application/o/userinfo/')
  assert.equal(wrong.status, 401)
  assert.match(String(wrong.headers['www-authenticate']), /^Bearer error="invalid_token", error_description="/)
  assert.equal(wrong.text, '')
  const { access_token: token } = await party.tokens(browser, { scope: 'email' })
  const few = await party.userinfo(token)
  assert.equal(few.status, 403)
  assert.match(String(few.headers['www-authenticate']), /^Bearer error="insufficient_scope"/)
  const both = await client(token).request('POST', '/application/o/userinfo/', {
    payload: `access_token=${token}`,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  })
  assert.equal(both.status, 400, 'one way to send it (§2)')
  assert.equal((await client().get(`/application/o/userinfo/?access_token=${token}`)).status, 401, 'not in the URL (§5.3)')
})

test('an access token ends at its time, with its session and with its account (R-220)', async () => {
  const party = await aParty({ access_token_validity: 'hours=1' })
  const { ctx, clock } = await oauthServer()
  const one = await aSignedInBrowser()
  const { access_token: first } = await party.tokens(one.browser)
  clock.advance(3_601_000)
  assert.equal((await party.userinfo(first)).status, 401)
  clock.reset()
  const two = await aSignedInBrowser()
  const { access_token: second } = await party.tokens(two.browser)
  await ctx.db
    .updateTable('user')
    .set({ is_active: false })
    .where('id', '=', two.user.id as number)
    .execute()
  assert.equal((await party.userinfo(second)).status, 401)
  const three = await aSignedInBrowser()
  const { access_token: third } = await party.tokens(three.browser)
  await ctx.db.deleteFrom('session').where('session_hash', '=', three.session.session_hash).execute()
  assert.equal((await party.userinfo(third)).status, 401)
})

test('an access token with the API scope acts for its account, others do not', async () => {
  const party = await aParty()
  const { ctx } = await oauthServer()
  const { accessTokenBearer } = await import('./bearer.ts')
  const { browser, user } = await aSignedInBrowser()
  const open = await party.tokens(browser, { scope: 'openid goauthentik.io/api' })
  const shut = await party.tokens(browser, { scope: 'openid' })
  assert.equal(await accessTokenBearer(ctx, open.access_token), user.id)
  assert.equal(await accessTokenBearer(ctx, shut.access_token), undefined)
  assert.equal(await accessTokenBearer(ctx, open.id_token), undefined)
})
