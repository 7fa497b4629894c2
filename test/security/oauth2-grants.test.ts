/** Abuse cases of codes, their verifiers and refresh tokens, by their numbers. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createObject } from '../../src/api/objects.ts'
import { ClientMetadata } from '../../src/providers/oauth2/client/metadata.ts'
import { aParty, aSignedInBrowser, oauthServer, pkce, type SignedIn } from '../../src/providers/oauth2/fixture.ts'
import { aGroup, aUser } from '../builders.ts'
import type { Answer } from '../harness.ts'
import { invalidGrant } from '../oauth2.ts'

test('11 a code with a challenge is worth nothing without its verifier', async () => {
  const party = await aParty()
  const { browser } = await aSignedInBrowser()
  const { challenge, verifier } = pkce()
  const code = await party.code(browser, { code_challenge: challenge, code_challenge_method: 'S256' })
  assert.partialDeepStrictEqual(await party.exchange(code), invalidGrant)
  assert.partialDeepStrictEqual(await party.exchange(code, { code_verifier: pkce().verifier }), invalidGrant)
  assert.partialDeepStrictEqual(await party.exchange(code, { code_verifier: challenge }), invalidGrant)
  assert.equal((await party.exchange(code, { code_verifier: verifier })).status, 200)
})

test('12 a verifier for a code without a challenge is refused, and public clients must send one', async () => {
  const party = await aParty()
  const open = await aParty({ client_type: 'public' })
  const { browser } = await aSignedInBrowser()
  assert.partialDeepStrictEqual(await party.exchange(await party.code(browser), { code_verifier: pkce().verifier }), invalidGrant)
  assert.equal((await open.response(browser)).get('error'), 'invalid_request')
})

test('12 a client that is held to PKCE gets no code without S256', async () => {
  const party = await aParty()
  await createObject(party.server.ctx, ClientMetadata, { provider: party.provider.pk, require_pkce: true })
  const { browser } = await aSignedInBrowser()
  const { challenge, verifier } = pkce()
  for (const weak of [{}, { code_challenge: verifier }, { code_challenge: verifier, code_challenge_method: 'plain' }])
    assert.equal((await party.response(browser, weak)).get('error'), 'invalid_request', JSON.stringify(weak))
  assert.ok(await party.code(browser, { code_challenge: challenge, code_challenge_method: 'S256' }))
})

test('13 a code works once in a race of fifty, and coming again it revokes what it bought', async () => {
  const party = await aParty()
  const { browser } = await aSignedInBrowser()
  const code = await party.code(browser, { scope: 'openid offline_access' })
  const answers = await Promise.all(Array.from({ length: 50 }, () => party.exchange(code)))
  const won = answers.filter(answer => answer.status === 200)
  assert.equal(won.length, 1)
  for (const answer of answers) if (answer.status !== 200) assert.partialDeepStrictEqual(answer, invalidGrant)
  assert.equal((await party.userinfo(won[0]!.body.access_token)).status, 401)
  assert.partialDeepStrictEqual(await party.refresh(won[0]!.body.refresh_token), invalidGrant)
})

test('13 a code that comes again after its time revokes what it bought all the same', async () => {
  const party = await aParty()
  const { clock } = await oauthServer()
  const { browser } = await aSignedInBrowser()
  const code = await party.code(browser, { scope: 'openid offline_access' })
  const { body } = await party.exchange(code)
  clock.advance(90_000)
  assert.equal((await party.userinfo(body.access_token)).status, 200)
  assert.partialDeepStrictEqual(await party.exchange(code), invalidGrant)
  assert.equal((await party.userinfo(body.access_token)).status, 401)
  assert.partialDeepStrictEqual(await party.refresh(body.refresh_token), invalidGrant)
})

test('14 a code and a refresh token belong to the client they were issued to', async () => {
  const [party, thief, open] = [await aParty(), await aParty(), await aParty({ client_type: 'public' })]
  const { browser } = await aSignedInBrowser()
  const code = await party.code(browser, { scope: 'openid offline_access' })
  for (const other of [thief, open]) assert.partialDeepStrictEqual(await other.exchange(code), invalidGrant)
  const { body } = await party.exchange(code)
  for (const other of [thief, open]) assert.partialDeepStrictEqual(await other.refresh(body.refresh_token), invalidGrant)
  assert.equal((await party.refresh(body.refresh_token)).status, 200, 'foreign attempts harm nobody')
})

test('15 a refresh token works once in a race of fifty, and its reuse ends the family', async () => {
  const party = await aParty()
  const { browser } = await aSignedInBrowser()
  const first = await party.tokens(browser, { scope: 'openid offline_access' })
  const answers = await Promise.all(Array.from({ length: 50 }, () => party.refresh(first.refresh_token)))
  const won = answers.filter(answer => answer.status === 200)
  assert.equal(won.length, 1)
  assert.partialDeepStrictEqual(await party.refresh(won[0]!.body.refresh_token), invalidGrant)
  for (const token of [first.access_token, won[0]!.body.access_token]) assert.equal((await party.userinfo(token)).status, 401)
})

test('15 reuse of an old refresh token ends also what a rotation at the same time makes', async () => {
  const party = await aParty()
  for (let round = 0; round < 10; round++) {
    const { browser } = await aSignedInBrowser()
    const first = await party.tokens(browser, { scope: 'openid offline_access' })
    const second = await party.refresh(first.refresh_token)
    const [stolen, rotated] = await Promise.all([party.refresh(first.refresh_token), party.refresh(second.body.refresh_token)])
    assert.partialDeepStrictEqual(stolen, invalidGrant)
    if (rotated.status === 200) {
      assert.partialDeepStrictEqual(await party.refresh(rotated.body.refresh_token), invalidGrant)
      assert.equal((await party.userinfo(rotated.body.access_token)).status, 401)
    }
  }
})

test('15 reuse is noticed whatever else is wrong with the request, and after the token’s time', async () => {
  const party = await aParty({ refresh_token_validity: 'hours=1' })
  const { clock } = await oauthServer()
  const ways: Record<string, (token: string) => Promise<Answer>> = {
    'for a scope that it never had': token => party.refresh(token, { scope: 'openid email' }),
    'when it is over': token => {
      clock.advance(1_800_000)
      return party.refresh(token)
    },
  }
  for (const [way, reuse] of Object.entries(ways)) {
    const { browser } = await aSignedInBrowser()
    const first = await party.tokens(browser, { scope: 'openid offline_access' })
    clock.advance(1_800_000)
    const { body: second } = await party.refresh(first.refresh_token)
    assert.equal((await reuse(first.refresh_token)).status, 400, way)
    assert.equal((await party.userinfo(second.access_token)).status, 401, way)
    assert.partialDeepStrictEqual(await party.refresh(second.refresh_token), invalidGrant, way)
  }
})

test('15 a refresh token that is kept buys nothing once it is revoked, at the very moment', async () => {
  const party = await aParty({ refresh_token_threshold: 'hours=1' })
  const { browser } = await aSignedInBrowser()
  for (let round = 0; round < 10; round++) {
    const { refresh_token: token } = await party.tokens(browser, { scope: 'openid offline_access' })
    const [refreshed, revoked] = await Promise.all([party.refresh(token), party.post('revoke', { token })])
    assert.equal(revoked.status, 200)
    assert.partialDeepStrictEqual(await party.refresh(token), invalidGrant)
    if (refreshed.status === 200) assert.equal((await party.userinfo(refreshed.body.access_token)).status, 401)
  }
})

test('16 a refresh token that is over is refused, and nobody is suspected for it', async () => {
  const party = await aParty({ refresh_token_validity: 'minutes=5' })
  const { clock } = await oauthServer()
  const { browser } = await aSignedInBrowser()
  const tokens = await party.tokens(browser, { scope: 'openid offline_access' })
  clock.advance(300_000)
  assert.partialDeepStrictEqual(await party.refresh(tokens.refresh_token), invalidGrant)
  assert.equal((await party.userinfo(tokens.access_token)).status, 200)
})

test('16 a refresh asks again: account, group, application, scope', async () => {
  const { ctx, admin } = await oauthServer()
  const start = async () => {
    const party = await aParty()
    const group = await aGroup(ctx)
    await admin.post('/api/v3/policies/bindings/', { target: party.application.pk, group: group.group_uuid, order: 0 })
    const user = await aUser(ctx, { groups: [group.group_uuid] })
    const { browser } = await aSignedInBrowser(user)
    return { party, group, user, tokens: await party.tokens(browser, { scope: 'openid email offline_access' }) }
  }
  const changes: Record<string, (of: Awaited<ReturnType<typeof start>>) => Promise<unknown>> = {
    'a disabled account': ({ user }) => admin.patch(`/api/v3/core/users/${String(user.id)}/`, { is_active: false }),
    'removal from the bound group': ({ group, user }) =>
      admin.post(`/api/v3/core/groups/${String(group.group_uuid)}/remove_user/`, { pk: user.id }),
    'an application that is gone': ({ party }) => admin.delete(`/api/v3/core/applications/${party.slug}/`),
    'offline_access taken from the provider': ({ party }) =>
      party.change({ property_mappings: [] }).then(() => ctx.db.deleteFrom('session').execute()),
    'a grant type taken from the provider': ({ party }) => party.change({ grant_types: ['authorization_code'] }),
  }
  for (const [label, change] of Object.entries(changes)) {
    const of = await start()
    await change(of)
    assert.equal((await of.party.refresh(of.tokens.refresh_token)).status, 400, label)
  }
  const { party, tokens } = await start()
  const left = (party.provider.property_mappings as string[]).slice()
  const email = await ctx.db
    .selectFrom('property_mapping')
    .select('pm_uuid')
    .where('managed', '=', 'goauthentik.io/providers/oauth2/scope-email')
    .executeTakeFirstOrThrow()
  await party.change({ property_mappings: left.filter(key => key !== email.pm_uuid) })
  assert.equal((await party.refresh(tokens.refresh_token)).body.scope, 'openid offline_access')
})

test('16 a consent that was withdrawn ends the refresh and codes', async () => {
  const party = await aParty({ consent: 'explicit' })
  const { browser, user } = await aSignedInBrowser()
  const slug = 'default-provider-authorization-explicit-consent'
  await party.authorize(browser, { scope: 'openid offline_access' })
  const asked = await browser.challenge(slug, '')
  const done = await browser.challenge(slug, '', { component: asked.component, token: asked.token })
  const { body } = await party.exchange(new URL(done.to).searchParams.get('code')!)
  const next = await party.refresh(body.refresh_token)
  assert.equal(next.status, 200)
  const [consent] = (await browser.get('/api/v3/core/user_consent/')).body.results
  assert.deepEqual([consent.user.pk, consent.application.slug], [user.id, party.slug])
  const unspent = await party.code(browser, { scope: 'openid offline_access' })
  assert.equal((await browser.request('DELETE', `/api/v3/core/user_consent/${consent.pk}/`)).status, 204)
  assert.partialDeepStrictEqual(await party.exchange(unspent), invalidGrant, 'nor is a code any good that waits to be spent')
  assert.partialDeepStrictEqual(await party.refresh(next.body.refresh_token), invalidGrant)
})

test('16 a consent that was given anew and then withdrawn ends what the one before it bought as well', async () => {
  const { clock } = await oauthServer()
  const party = await aParty({ consent: 'explicit', refresh_token_validity: 'days=90' })
  const { user } = await aSignedInBrowser()
  const consented = async () => {
    const { browser } = await aSignedInBrowser(user)
    const slug = 'default-provider-authorization-explicit-consent'
    await party.authorize(browser, { scope: 'openid offline_access' })
    const asked = await browser.challenge(slug, '')
    assert.equal(asked.component, 'ak-stage-consent')
    const done = await browser.challenge(slug, '', { component: asked.component, token: asked.token })
    return { browser, body: (await party.exchange(new URL(done.to).searchParams.get('code')!)).body }
  }
  const before = await consented()
  clock.advance(29 * 86_400_000)
  const { body: kept } = await party.refresh(before.body.refresh_token)
  assert.ok(kept.refresh_token, 'what ran out by itself is not withdrawn')
  const again = await consented()
  const [consent] = (await again.browser.get('/api/v3/core/user_consent/')).body.results
  assert.equal((await again.browser.request('DELETE', `/api/v3/core/user_consent/${consent.pk}/`)).status, 204)
  for (const tokens of [kept, again.body]) {
    assert.partialDeepStrictEqual(await party.refresh(tokens.refresh_token), invalidGrant)
    assert.equal((await party.userinfo(tokens.access_token)).status, 401)
  }
})

test('16 a grant without offline access ends with its session', async () => {
  const { ctx } = await oauthServer()
  const party = await aParty()
  const { browser, session } = await aSignedInBrowser()
  const tokens = await party.tokens(browser, { scope: 'openid offline_access' })
  await ctx.db
    .updateTable('oauth2_refresh_token')
    .set({ scope: JSON.stringify(['openid']) })
    .where('provider', '=', party.provider.pk as number)
    .execute()
  const next = await party.refresh(tokens.refresh_token)
  assert.equal(next.status, 200)
  const introspected = async () => (await party.post('introspect', { token: next.body.refresh_token })).body.active
  assert.equal(await introspected(), true)
  await ctx.db.deleteFrom('session').where('session_hash', '=', session.session_hash).execute()
  assert.equal(await introspected(), false)
  assert.partialDeepStrictEqual(await party.refresh(next.body.refresh_token), invalidGrant)
})

test('16 a session that is taken away ends the refresh that came of it, also with offline access; a sign-out does not', async () => {
  const { admin } = await oauthServer()
  const party = await aParty()
  const path = '/api/v3/core/authenticated_sessions/'
  const ways: Record<string, (of: SignedIn) => Promise<unknown>> = {
    'one session': ({ session }) => admin.delete(`${path}${session.uuid}/`),
    'all of a person': ({ user }) => admin.delete(`${path}bulk_delete/?user_pks=${String(user.id)}`),
    'the account’s use': ({ user }) => admin.patch(`/api/v3/core/users/${String(user.id)}/`, { is_active: false }),
  }
  for (const [way, take] of Object.entries(ways)) {
    const signed = await aSignedInBrowser()
    const first = await party.tokens(signed.browser, { scope: 'openid offline_access' })
    const { body: next } = await party.refresh(first.refresh_token)
    await take(signed)
    assert.partialDeepStrictEqual(await party.refresh(next.refresh_token), invalidGrant, way)
    assert.equal((await party.userinfo(next.access_token)).status, 401, way)
    await admin.patch(`/api/v3/core/users/${String(signed.user.id)}/`, { is_active: true })
    assert.partialDeepStrictEqual(await party.refresh(next.refresh_token), invalidGrant, `${way}: for good`)
  }
  const { browser } = await aSignedInBrowser()
  const kept = await party.tokens(browser, { scope: 'openid offline_access' })
  await browser.challenge('default-invalidation-flow', '')
  assert.equal((await party.refresh(kept.refresh_token)).status, 200)
})
