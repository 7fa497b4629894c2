import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeJwt } from 'jose'
import { aParty, aSignedInBrowser, type Party } from '../fixture.ts'
import type { Visitor } from '../../../../test/visitor.ts'

const asked = (claims: unknown) => ({ claims: JSON.stringify(claims) })

async function told(party: Party, browser: Visitor, claims: unknown, scope = 'openid') {
  const tokens = await party.tokens(browser, { ...asked(claims), scope })
  const { body } = await party.userinfo(tokens.access_token)
  return { tokens, id: decodeJwt(tokens.id_token), user: body as Record<string, unknown> }
}

test('claims that are asked for by name are told, each where it was asked for (OIDC Core §5.5)', async () => {
  const party = await aParty()
  const { browser, user } = await aSignedInBrowser()
  const claims = { id_token: { email: { essential: true }, unheard_of: null }, userinfo: { name: null } }
  const { id, user: info, tokens } = await told(party, browser, claims)
  assert.equal(id.email, user.email)
  assert.equal(id.name, undefined)
  assert.equal(info.name, user.name)
  assert.equal(info.email, undefined)
  assert.equal(decodeJwt(tokens.access_token).email, undefined, 'nor does the access token tell it')
  assert.equal(tokens.scope, 'openid')
})

test('a grant remembers what was asked for when it is refreshed', async () => {
  const party = await aParty()
  const { browser, user } = await aSignedInBrowser()
  const { tokens } = await told(party, browser, { id_token: { email: null }, userinfo: { name: null } }, 'openid offline_access')
  const next = (await party.refresh(tokens.refresh_token)).body
  assert.equal(decodeJwt(next.id_token as string).email, user.email)
  assert.equal((await party.userinfo(next.access_token)).body.name, user.name)
})

test('a claim with another value than the wanted one is left out, and no claim of ours can be asked otherwise', async () => {
  const party = await aParty()
  const { browser, user } = await aSignedInBrowser()
  const wishes = {
    email: { value: 'other@example.test' },
    name: { values: ['somebody', user.name] },
    iss: { value: 'https://evil.example.test/' },
    aud: { value: 'other' },
    exp: { value: 9_999_999_999 },
  }
  const { id } = await told(party, browser, { id_token: wishes })
  assert.equal(id.email, undefined)
  assert.equal(id.name, user.name)
  assert.equal(id.iss, party.issuer)
  assert.equal(id.aud, party.clientId)
  assert.ok(id.exp! < 9_999_999_999)
})

test('what the provider has no mapping for is never told', async () => {
  const party = await aParty({ scopes: ['openid'] })
  const { browser } = await aSignedInBrowser()
  const { id, user } = await told(party, browser, { id_token: { email: null }, userinfo: { email: null, groups: null } })
  assert.deepEqual([id.email, user.email, user.groups], [undefined, undefined, undefined])
})

test('a request about one person is not answered for another (OIDC Core §3.1.2.2)', async () => {
  const party = await aParty()
  const [one, other] = [await aSignedInBrowser(), await aSignedInBrowser()]
  const { sub } = decodeJwt((await party.tokens(one.browser)).id_token)
  for (const where of ['id_token', 'userinfo']) {
    const params = asked({ [where]: { sub: { value: sub } } })
    assert.ok(await party.code(one.browser, { ...params, prompt: 'none' }))
    assert.equal((await party.response(other.browser, { ...params, prompt: 'none' })).get('error'), 'login_required')
    assert.match(String((await party.authorize(other.browser, params)).headers.location), /\/if\/flow\//)
  }
})

test('the person is told of the claims before they agree', async () => {
  const party = await aParty({ consent: 'explicit' })
  const { browser } = await aSignedInBrowser()
  const slug = 'default-provider-authorization-explicit-consent'
  await party.authorize(browser, asked({ userinfo: { email: null } }))
  const { permissions } = await browser.challenge(slug, '')
  assert.deepEqual(
    (permissions as { id: string }[]).map(({ id }) => id),
    ['openid', 'email'],
  )
})

test('a parameter that is no such object is refused', async () => {
  const party = await aParty()
  const { browser } = await aSignedInBrowser()
  const many = Object.fromEntries(Array.from({ length: 101 }, (_, n) => [`c${n}`, null]))
  for (const claims of [
    'x',
    '[]',
    '1',
    '{"id_token":1}',
    '{"id_token":{"email":true}}',
    '{"id_token":{"email":{"essential":"yes"}}}',
    '{"userinfo":{"email":{"values":"x"}}}',
    JSON.stringify({ userinfo: many }),
  ])
    assert.equal((await party.response(browser, { claims })).get('error'), 'invalid_request', claims)
  const proto = await party.response(browser, { claims: '{"id_token":{"__proto__":null,"constructor":null}}' })
  assert.equal(decodeJwt((await party.exchange(proto.get('code')!)).body.id_token as string).constructor, Object)
})

test('an ID token alone tells what the scopes give, wherever the provider would tell it otherwise (OIDC Core §5.4)', async () => {
  const party = await aParty({ include_claims_in_id_token: false })
  const { browser, user } = await aSignedInBrowser()
  const alone = await party.response(browser, { response_type: 'id_token', nonce: 'n', scope: 'openid email' })
  assert.equal(decodeJwt(alone.get('id_token')!).email, user.email)
  const beside = await party.response(browser, { response_type: 'id_token token', nonce: 'n', scope: 'openid email' })
  assert.equal(decodeJwt(beside.get('id_token')!).email, undefined)
})
