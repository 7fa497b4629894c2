import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Row } from '../../../api/model.ts'
import { aGroup, aUser, unique } from '../../../../test/builders.ts'
import type { Visitor } from '../../../../test/visitor.ts'
import { aBrowser, aParty, aSignedInBrowser, oauthServer, REDIRECT_URI, type Party } from '../fixture.ts'

/** What an application that knows GitHub alone does. */
async function signIn(party: Party, browser: Visitor, scope: string): Promise<Row> {
  const query = new URLSearchParams({ client_id: party.clientId, redirect_uri: REDIRECT_URI, scope, state: 's', response_type: 'code' })
  const sent = await browser.get(`/login/oauth/authorize?${query.toString()}`)
  const code = new URL(String(sent.headers.location)).searchParams.get('code')!
  const answer = await party.server.client().request('POST', '/login/oauth/access_token', {
    headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
    payload: new URLSearchParams({
      grant_type: 'authorization_code',
      client_id: party.clientId,
      client_secret: String(party.provider.client_secret),
      code,
      redirect_uri: REDIRECT_URI,
    }).toString(),
  })
  assert.equal(answer.status, 200, answer.text)
  return answer.body as Row
}

const ask = async (path: string, authorization?: string) =>
  (await oauthServer()).client().request('GET', path, { headers: authorization === undefined ? {} : { authorization } })

test('an application that knows GitHub alone learns who somebody is and their groups as teams', async () => {
  const party = await aParty({ scopes: ['openid'] })
  const { ctx, admin } = party.server
  const user = await aUser(ctx, { name: 'Ada Lovelace' })
  const group = await aGroup(ctx, { name: unique('Engine Room') })
  await admin.post(`/api/v3/core/groups/${String(group.group_uuid)}/add_user/`, { pk: user.id })
  const { browser } = await aSignedInBrowser(user)
  const tokens = await signIn(party, browser, 'user:email read:org')
  assert.deepEqual(String(tokens.scope).split(' ').toSorted(), ['read:org', 'user:email'])
  for (const scheme of ['Bearer', 'token']) {
    const { status, body } = await ask('/user', `${scheme} ${String(tokens.access_token)}`)
    assert.equal(status, 200)
    assert.partialDeepStrictEqual(body, { login: user.username, id: user.id, name: 'Ada Lovelace', email: user.email, type: 'User' })
    assert.match(body.created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
    assert.equal(body.two_factor_authentication, true)
  }
  const teams = await ask('/user/teams', `Bearer ${String(tokens.access_token)}`)
  assert.partialDeepStrictEqual(teams.body, [
    { name: group.name, slug: String(group.name).toLowerCase().replaceAll(' ', '-'), organization: { type: 'Organization', id: 1 } },
  ])
  assert.equal(typeof teams.body[0].id, 'number')
})

test('an answer needs a good token with its scope', async () => {
  const party = await aParty({ scopes: ['openid'] })
  const { browser } = await aSignedInBrowser()
  const { access_token: token } = await signIn(party, browser, 'user:email')
  for (const [path, authorization, status] of [
    ['/user', undefined, 401],
    ['/user', 'Bearer nonsense', 401],
    ['/user', 'Basic bm9ib2R5', 401],
    ['/user/teams', `Bearer ${String(token)}`, 403],
  ] as const) {
    const answer = await ask(path, authorization)
    assert.equal(answer.status, status, path)
    assert.equal(typeof answer.body.message, 'string')
  }
  const { access_token: reads } = await signIn(party, browser, 'read:user')
  assert.equal((await ask('/user', `Bearer ${String(reads)}`)).body.email, null)
  const plain = await party.tokens(browser, { scope: 'openid user:email' })
  assert.equal(plain.scope, 'openid', 'GitHub’s scopes are none at the ordinary address')
  assert.equal((await ask('/user', `Bearer ${plain.access_token}`)).status, 403)
})

test('people read what such an application gets, and come back to it from the sign-in page', async () => {
  const party = await aParty({ scopes: ['openid'], consent: 'explicit' })
  const { browser } = await aSignedInBrowser()
  const query = new URLSearchParams({ client_id: party.clientId, redirect_uri: REDIRECT_URI, scope: 'read:org', response_type: 'code' })
  await browser.get(`/login/oauth/authorize?${query.toString()}`)
  const asked = await browser.challenge('default-provider-authorization-explicit-consent', '')
  assert.deepEqual(asked.permissions, [{ id: 'read:org', name: 'Your groups' }])
  const visitor = await aBrowser()
  const sent = await visitor.get(`/login/oauth/authorize?${query.toString()}`)
  const back = new URL(String(sent.headers.location), 'https://id.example.test').searchParams.get('next')
  assert.match(String(back), /^\/login\/oauth\/authorize\?/)
})
