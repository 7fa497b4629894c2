import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeJwt } from 'jose'
import { aParty, aSignedInBrowser } from '../fixture.ts'

test('introspection tells a client about its own tokens (RFC 7662 §2.2)', async () => {
  const party = await aParty()
  const { browser } = await aSignedInBrowser()
  const tokens = await party.tokens(browser, { scope: 'openid email offline_access' })
  for (const token of [tokens.access_token, tokens.refresh_token]) {
    const answer = await party.post('introspect', { token })
    assert.equal(answer.status, 200)
    assert.partialDeepStrictEqual(answer.body, {
      active: true,
      scope: 'openid email offline_access',
      client_id: party.clientId,
      sub: decodeJwt(tokens.id_token).sub!,
      iss: party.issuer,
    })
  }
})

test('introspection says nothing of tokens that are foreign, unknown or over, nor to clients that prove nothing', async () => {
  const [party, other, open] = [await aParty(), await aParty(), await aParty({ client_type: 'public' })]
  const { browser } = await aSignedInBrowser()
  const tokens = await party.tokens(browser, { scope: 'openid offline_access' })
  const silent = [
    await other.post('introspect', { token: tokens.access_token }),
    await other.post('introspect', { token: tokens.refresh_token }),
    await open.post('introspect', { token: tokens.access_token }),
    await party.post('introspect', { token: tokens.access_token, client_secret: 'wrong' }, { basic: false }),
    await party.post('introspect', { token: 'unknown' }),
    await party.post('introspect', {}),
    await party.post('introspect', { token: tokens.id_token }),
  ]
  for (const answer of silent) {
    assert.equal(answer.status, 200)
    assert.deepEqual(answer.body, { active: false })
  }
  await party.refresh(tokens.refresh_token)
  assert.deepEqual((await party.post('introspect', { token: tokens.refresh_token })).body, { active: false }, 'replaced')
})

test('a provider shows its tokens to those it trusts', async () => {
  const trusted = await aParty()
  const party = await aParty({ jwt_federation_providers: [trusted.provider.pk] })
  const { browser } = await aSignedInBrowser()
  const { access_token: token } = await party.tokens(browser)
  assert.equal((await trusted.post('introspect', { token })).body.active, true)
})
