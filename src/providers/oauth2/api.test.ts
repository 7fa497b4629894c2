import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aUser } from '../../../test/builders.ts'
import { aParty, aSignedInBrowser, oauthServer } from './fixture.ts'

test('set-up addresses and a preview come through the API (§16)', async () => {
  const party = await aParty()
  const { admin } = party.server
  const path = `/api/v3/providers/oauth2/${String(party.provider.pk)}`
  const urls = await admin.get(`${path}/setup_urls/`)
  assert.deepEqual(Object.keys(urls.body), [
    'issuer',
    'authorize',
    'token',
    'user_info',
    'provider_info',
    'logout',
    'jwks',
    'dcr_registration',
  ])
  assert.equal(urls.body.issuer, party.issuer)
  const { ctx } = await oauthServer()
  const user = await aUser(ctx)
  const preview = await admin.get(`${path}/preview_user/?for_user=${String(user.id)}`)
  assert.partialDeepStrictEqual(preview.body.preview, { email: user.email as string, aud: party.clientId, iss: party.issuer })
  assert.deepEqual((await admin.get(`${path}/preview_user/?for_user=999999999`)).body, { for_user: 'User not found' })
  assert.deepEqual((await admin.get(`${path}/preview_user/?for_user=x`)).body, { for_user: 'input must be numerical' })
})

test('people see their own grants, and take them back (§16)', async () => {
  const party = await aParty()
  const { ctx, client, admin } = await oauthServer()
  const { aToken } = await import('../../../test/builders.ts')
  const { browser, user } = await aSignedInBrowser()
  const tokens = await party.tokens(browser, { scope: 'openid offline_access' })
  const own = client(await aToken(ctx, user))
  for (const kind of ['authorization_codes', 'access_tokens', 'refresh_tokens']) {
    const list = await own.get(`/api/v3/oauth2/${kind}/`)
    assert.equal(list.status, 200, list.text)
    assert.equal(list.body.pagination.count, 1)
    const [grant] = list.body.results
    assert.partialDeepStrictEqual(grant, {
      is_expired: false,
      scope: ['openid', 'offline_access'],
      provider: { pk: party.provider.pk as number, meta_model_name: 'authentik_providers_oauth2.oauth2provider' },
      user: { pk: user.id as number },
    })
    assert.ok(!JSON.stringify(grant).includes('hash'))
    const stranger = client(await aToken(ctx, await aUser(ctx)))
    assert.equal((await stranger.get(`/api/v3/oauth2/${kind}/`)).body.pagination.count, 0)
    assert.equal((await stranger.get(`/api/v3/oauth2/${kind}/${grant.pk}/`)).status, 404)
    assert.equal((await stranger.delete(`/api/v3/oauth2/${kind}/${grant.pk}/`)).status, 404)
    assert.equal((await admin.get(`/api/v3/oauth2/${kind}/?provider=${String(party.provider.pk)}`)).body.pagination.count, 1)
    assert.equal((await own.delete(`/api/v3/oauth2/${kind}/${grant.pk}/`)).status, 204)
  }
  assert.equal((await party.userinfo(tokens.access_token)).status, 401)
  assert.equal((await party.refresh(tokens.refresh_token)).status, 400)
})
