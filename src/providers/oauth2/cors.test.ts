import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aParty, aSignedInBrowser, REDIRECT_URI } from './fixture.ts'

test('a page of a registered origin may read answers, others may not (Fetch §3.2)', async () => {
  const party = await aParty()
  const other = await aParty({ redirect_uris: [{ matching_mode: 'strict', url: 'https://other.example.test/cb' }] })
  const { browser } = await aSignedInBrowser()
  const { access_token: token } = await party.tokens(browser)
  const origin = new URL(REDIRECT_URI).origin
  const { client } = party.server
  const discovery = `/application/o/${party.slug}/.well-known/openid-configuration`
  const allowed = [
    await client(token).get('/application/o/userinfo/', { origin }),
    await client().get(discovery, { origin }),
    await party.token({ grant_type: 'client_credentials' }, { headers: { origin } }),
    await party.token({ grant_type: 'authorization_code' }, { headers: { origin } }),
    // Refusals whose client is not known: else the page could not tell that its token has ended.
    await client('nonsense').get('/application/o/userinfo/', { origin }),
    await party.token({ grant_type: 'client_credentials', client_id: 'nobody' }, { basic: false, headers: { origin } }),
    await client().request('OPTIONS', '/application/o/token/', {
      headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' },
    }),
  ]
  for (const answer of allowed) assert.equal(answer.headers['access-control-allow-origin'], origin)
  for (const answer of allowed.slice(0, -1)) assert.match(String(answer.headers['access-control-expose-headers']), /DPoP-Nonce/)
  assert.equal(allowed.at(-1)!.headers['access-control-allow-headers'], 'authorization')
  const refused = [
    await client(token).get('/application/o/userinfo/', { origin: 'https://other.example.test' }),
    await client().get(discovery, { origin: 'https://evil.test' }),
    await client().get(discovery, { origin: 'null' }),
    await other.token({ grant_type: 'client_credentials' }, { headers: { origin } }),
    await client('nonsense').get('/application/o/userinfo/', { origin: 'https://evil.test' }),
    await client().request('OPTIONS', '/application/o/token/', {
      headers: { origin: 'https://evil.test', 'access-control-request-method': 'POST' },
    }),
  ]
  for (const answer of refused) assert.equal(answer.headers['access-control-allow-origin'], undefined)
})
