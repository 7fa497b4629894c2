import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeJwt } from 'jose'
import { aGroup, aUser, unique } from '../../../../../test/builders.ts'
import { expire } from '../../../../../test/oauth2.ts'
import type { Row } from '../../../../api/model.ts'
import { hashToken } from '../../../../crypto/secrets.ts'
import { aParty, aSignedInBrowser, oauthServer, type Party, type SignedIn } from '../../fixture.ts'

const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
const ACCESS = 'urn:ietf:params:oauth:token-type:access_token'

/** A client that may exchange tokens of some, for some. */
async function anExchanger(subjects: Party[], audiences: Party[], values: Row = {}): Promise<Party> {
  const party = await aParty({ grant_types: ['client_credentials', 'authorization_code', EXCHANGE], ...values })
  const made = await party.server.admin.post('/api/v3/signet/oauth2_clients/', {
    provider: party.provider.pk,
    token_exchange_subjects: subjects.map(subject => subject.provider.pk),
    token_exchange_audiences: audiences.map(audience => audience.provider.pk),
  })
  assert.equal(made.status, 201, made.text)
  return made.body && party
}

const exchange = (party: Party, subject: string, more: Record<string, string | undefined> = {}) =>
  party.token({ grant_type: EXCHANGE, subject_token: subject, subject_token_type: ACCESS, ...more })

test('a client exchanges a token for one of another audience, which says who acts (RFC 8693 §2)', async () => {
  const [front, back] = [await aParty(), await aParty({ key: 'rsa' })]
  const middle = await anExchanger([front], [back])
  const { browser, user } = await aSignedInBrowser()
  const { access_token: subject } = await front.tokens(browser, { scope: 'openid email profile offline_access' })
  const answer = await exchange(middle, subject, { audience: back.clientId, scope: 'openid email' })
  assert.equal(answer.status, 200, answer.text)
  assert.equal(answer.headers['cache-control'], 'no-store')
  assert.partialDeepStrictEqual(answer.body, { issued_token_type: ACCESS, token_type: 'Bearer', scope: 'openid email' })
  assert.equal(answer.body.refresh_token ?? answer.body.id_token, undefined)
  const claims = decodeJwt(answer.body.access_token)
  assert.partialDeepStrictEqual(claims, {
    iss: back.issuer,
    aud: back.clientId,
    azp: middle.clientId,
    scope: 'openid email',
    act: { sub: middle.clientId, client_id: middle.clientId },
  })
  assert.ok((claims.exp ?? 0) <= (decodeJwt(subject).exp ?? 0))
  assert.equal((await back.userinfo(answer.body.access_token)).body.email, user.email)
  const seen = (await back.post('introspect', { token: answer.body.access_token })).body
  assert.partialDeepStrictEqual(seen, { active: true, act: { client_id: middle.clientId } })
  assert.equal((await front.post('introspect', { token: answer.body.access_token })).body.active, false, '20 another audience')
  await front.post('revoke', { token: subject })
  assert.partialDeepStrictEqual(await exchange(middle, subject, { audience: back.clientId }), { body: { error: 'invalid_request' } })
})

test('26 nobody exchanges what was not explicitly allowed', async () => {
  const [front, back, other] = [await aParty(), await aParty(), await aParty()]
  const middle = await anExchanger([front], [back])
  const { browser } = await aSignedInBrowser()
  const { access_token: subject, id_token: idToken } = await front.tokens(browser, { scope: 'openid email' })
  const { access_token: foreign } = await other.tokens(browser)
  const refused: [string, string, Record<string, string | undefined>, string][] = [
    ['a token of a client that it was not told of', foreign, { audience: back.clientId }, 'invalid_request'],
    ['an audience that it was not told of', subject, { audience: other.clientId }, 'invalid_target'],
    ['the audience that the token came from', subject, { audience: front.clientId }, 'invalid_target'],
    ['an audience that is none', subject, { audience: 'nobody' }, 'invalid_target'],
    ['an address', subject, { resource: 'https://api.example.test/' }, 'invalid_target'],
    ['more than the subject may', subject, { audience: back.clientId, scope: 'openid profile' }, 'invalid_scope'],
    ['an ID token', idToken, { audience: back.clientId }, 'invalid_request'],
    ['an ID token that says so', idToken, { subject_token_type: 'urn:ietf:params:oauth:token-type:id_token' }, 'invalid_request'],
    ['nonsense', 'nonsense', {}, 'invalid_request'],
    ['no type', subject, { subject_token_type: undefined }, 'invalid_request'],
    ['a refresh token', subject, { requested_token_type: 'urn:ietf:params:oauth:token-type:refresh_token' }, 'invalid_request'],
    ['an actor without a token', subject, { actor_token_type: ACCESS }, 'invalid_request'],
    ['an actor of another client', subject, { actor_token: foreign, actor_token_type: ACCESS }, 'invalid_request'],
  ]
  for (const [what, token, more, error] of refused) {
    const answer = await exchange(middle, token, more)
    assert.equal(answer.body.error, error, what)
    assert.equal(answer.status, 400, what)
  }
  assert.equal((await exchange(other, foreign)).body.error, 'unauthorized_client', 'the grant is nobody’s by default')
  const open = await aParty({ client_type: 'public', grant_types: ['authorization_code', EXCHANGE] })
  assert.equal((await exchange(open, foreign)).body.error, 'unauthorized_client')
  assert.equal(
    (
      await middle.token(
        { grant_type: EXCHANGE, subject_token: subject, subject_token_type: ACCESS, client_id: middle.clientId, client_secret: 'wrong' },
        { basic: false },
      )
    ).body.error,
    'invalid_client',
  )
  const own = await exchange(middle, subject, { scope: 'openid' })
  assert.equal(decodeJwt(own.body.access_token).aud, middle.clientId, 'for itself, where no audience is named')
})

test('26 a person is let act for another only where the token of that other says so, and a chain of actors is told', async () => {
  const { admin } = await oauthServer()
  const named = unique('may-act')
  const mapping = await admin.post('/api/v3/propertymappings/provider/scope/', {
    name: named,
    scope_name: named,
    expression:
      'return {"may_act": {"sub": request.user.attributes.get("delegate", "nobody")}} if "delegate" in request.user.attributes else {}',
  })
  const front = await aParty()
  await front.change({ property_mappings: [...(front.provider.property_mappings as string[]), mapping.body.pk] })
  const back = await aParty()
  const last = await aParty()
  const middle = await anExchanger([front], [back])
  const helper = await aSignedInBrowser()
  const actor = await middle.tokens(helper.browser, { scope: 'openid' })
  const actorSub = decodeJwt(actor.access_token).sub!
  const { ctx } = middle.server
  const tokenOf = async (attributes: Row) =>
    (await front.tokens((await aSignedInBrowser(await aUser(ctx, { attributes }))).browser, { scope: `openid ${named}` })).access_token
  const as = { actor_token: actor.access_token, actor_token_type: ACCESS, audience: back.clientId }
  assert.equal((await exchange(middle, await tokenOf({}), as)).body.error, 'invalid_request')
  assert.equal((await exchange(middle, await tokenOf({ delegate: 'somebody else' }), as)).body.error, 'invalid_request')
  assert.equal(
    (await exchange(middle, await tokenOf({ delegate: actorSub }), { audience: back.clientId })).body.error,
    'invalid_request',
    'the client alone is not the one who is named',
  )
  const given = await exchange(middle, await tokenOf({ delegate: actorSub }), as)
  assert.equal(given.status, 200, given.text)
  assert.partialDeepStrictEqual(decodeJwt(given.body.access_token), {
    act: { sub: actorSub, client_id: middle.clientId, iss: middle.issuer },
  })
  // A machine that the client signed in acts for whoever the client may.
  const machine = (await middle.token({ grant_type: 'client_credentials', scope: 'openid' })).body.access_token
  const plain = await exchange(middle, await tokenOf({}), { ...as, actor_token: machine })
  assert.equal(plain.status, 200, plain.text)
  const next = await anExchanger([back], [last])
  const chained = await exchange(next, plain.body.access_token, { audience: last.clientId })
  assert.partialDeepStrictEqual(decodeJwt(chained.body.access_token).act, { sub: next.clientId, act: { client_id: middle.clientId } })
})

test('75 an exchange never outlives what it was made of, however often it is made', async () => {
  const middle = await anExchanger([], [])
  const { clock } = middle.server
  const { browser } = await aSignedInBrowser()
  let { access_token: token } = await middle.tokens(browser)
  const end = decodeJwt(token).exp!
  for (let turn = 0; turn < 3; turn++) {
    clock.advance(600_000)
    const { body } = await exchange(middle, token)
    assert.ok(decodeJwt(body.access_token).exp! <= end)
    assert.ok(body.expires_in <= 3_600 - (turn + 1) * 600)
    token = body.access_token
  }
  clock.advance(1_900_000)
  assert.equal((await exchange(middle, token)).body.error, 'invalid_request')
  clock.reset()
})

test('26 scopes are those that the subject token has and the target offers, and each fact of who may act must fit', async () => {
  const [front, back] = [await aParty(), await aParty({ scopes: ['openid', 'profile', 'offline_access'] })]
  const middle = await anExchanger([front], [back])
  const { browser } = await aSignedInBrowser()
  const { access_token: subject } = await front.tokens(browser, { scope: 'openid email profile offline_access' })
  assert.equal((await exchange(middle, subject, { audience: back.clientId })).body.scope, 'openid profile')
  for (const scope of ['openid email', 'openid offline_access'])
    assert.equal((await exchange(middle, subject, { audience: back.clientId, scope })).body.error, 'invalid_scope', scope)
  const { ctx } = middle.server
  for (const [named, status] of [
    [{ sub: middle.clientId }, 200],
    [{ sub: middle.clientId, client_id: 'another' }, 400],
    [{}, 400],
    ['anybody', 400],
  ] as const) {
    await ctx.db
      .updateTable('oauth2_access_token')
      .set({ claims: JSON.stringify({ ...decodeJwt(subject), may_act: named }) })
      .where('token_hash', '=', hashToken(subject))
      .execute()
    assert.equal((await exchange(middle, subject, { audience: back.clientId })).status, status, JSON.stringify(named))
  }
})

test('26 what a token was exchanged for ends with its session, and with the grant that it came of', async () => {
  const [front, back] = [await aParty(), await aParty()]
  const middle = await anExchanger([front], [back])
  const ways: Record<string, (person: SignedIn, refresh: string) => Promise<unknown>> = {
    'a session that is over': expire,
    'a refresh token that was revoked': (_, token) => front.post('revoke', { token }),
  }
  for (const [way, end] of Object.entries(ways)) {
    const person = await aSignedInBrowser()
    const { access_token: subject, refresh_token: refresh } = await front.tokens(person.browser, { scope: 'openid offline_access' })
    const { body } = await exchange(middle, subject, { audience: back.clientId })
    assert.equal((await back.userinfo(body.access_token)).status, 200)
    await end(person, refresh)
    assert.equal((await back.userinfo(body.access_token)).status, 401, way)
    assert.equal((await exchange(middle, subject, { audience: back.clientId })).body.error, 'invalid_request', way)
  }
})

test('26 an exchange gives out no unbound token for an application whose tokens are bound', async () => {
  const [front, back] = [await aParty(), await aParty()]
  const middle = await anExchanger([front], [back])
  await middle.server.admin.post('/api/v3/signet/oauth2_clients/', { provider: back.provider.pk, dpop_bound_access_tokens: true })
  const { browser } = await aSignedInBrowser()
  const { access_token: subject } = await front.tokens(browser)
  assert.equal((await exchange(middle, subject, { audience: back.clientId })).body.error_description, 'A DPoP proof is required')
  assert.equal((await exchange(middle, subject)).status, 200)
})

test('26 the policies of both applications are asked, and the token ends with the session and the account', async () => {
  const [front, back] = [await aParty(), await aParty()]
  const middle = await anExchanger([front], [back])
  const { ctx, admin } = middle.server
  for (const gated of [middle, back]) {
    const group = await aGroup(ctx)
    const { browser, user } = await aSignedInBrowser()
    const { access_token: subject } = await front.tokens(browser)
    const bound = await admin.post('/api/v3/policies/bindings/', { target: gated.application.pk, group: group.group_uuid, order: 0 })
    assert.equal((await exchange(middle, subject, { audience: back.clientId })).body.error, 'invalid_grant')
    await admin.post(`/api/v3/core/groups/${String(group.group_uuid)}/add_user/`, { pk: user.id })
    const { body } = await exchange(middle, subject, { audience: back.clientId })
    assert.equal((await back.userinfo(body.access_token)).status, 200)
    await admin.delete(`/api/v3/policies/bindings/${bound.body.pk}/`)
    await admin.patch(`/api/v3/core/users/${String(user.id)}/`, { is_active: false })
    assert.equal((await back.userinfo(body.access_token)).status, 401)
    assert.equal((await exchange(middle, subject, { audience: back.clientId })).status, 400)
  }
  const metadata = (await middle.server.client().get(`/application/o/${middle.slug}/.well-known/openid-configuration`)).body
  assert.ok(metadata.grant_types_supported.includes(EXCHANGE))
})
