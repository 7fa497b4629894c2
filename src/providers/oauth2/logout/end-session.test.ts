import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CompactEncrypt, exportJWK, generateKeyPair, importJWK, type JWK } from 'jose'
import { unique } from '../../../../test/builders.ts'
import type { Row } from '../../../api/model.ts'
import { RSA_KEYPAIR } from '../../../boot.ts'
import {
  aBrowser,
  aParty,
  aSignedInBrowser,
  flowKey,
  keypairKey,
  oauthServer,
  REDIRECT_URI,
  type Party,
  type SignedIn,
} from '../fixture.ts'

const BYE = 'https://app.example.test/bye'
const uris = [
  { matching_mode: 'strict', url: REDIRECT_URI },
  { matching_mode: 'strict', url: BYE, redirect_uri_type: 'logout' },
]

/** A client whose invalidation flow really ends the session. */
const leaving = async (): Promise<Party> => {
  const { ctx } = await oauthServer()
  return aParty({ redirect_uris: uris, invalidation_flow: await flowKey(ctx, 'default-invalidation-flow') })
}

const endSession = (party: Party, { browser }: Pick<SignedIn, 'browser'>, params: Record<string, string>) =>
  browser.get(`/application/o/${party.slug}/end-session/?${new URLSearchParams(params).toString()}`)

const isSignedIn = async (party: Party, { browser }: SignedIn) => (await party.response(browser, { prompt: 'none' })).has('code')

test('with an ID token and a registered address the browser comes back, signed out (RP-Initiated Logout §3)', async () => {
  const party = await leaving()
  const person = await aSignedInBrowser()
  const tokens = await party.tokens(person.browser)
  const state = 'x'.repeat(128)
  const answer = await endSession(party, person, { id_token_hint: tokens.id_token, post_logout_redirect_uri: BYE, state })
  assert.equal(answer.status, 302)
  assert.equal(answer.headers.location, `${BYE}?state=${state}`)
  assert.equal((await party.response(person.browser, { prompt: 'none' })).get('error'), 'login_required')
  assert.equal((await party.userinfo(tokens.access_token)).status, 401)
})

test('without a state none comes back; a POST works as a GET does', async () => {
  const party = await leaving()
  const person = await aSignedInBrowser()
  const { id_token: hint } = await party.tokens(person.browser)
  const answer = await person.browser.request('POST', `/application/o/${party.slug}/end-session/`, {
    form: { id_token_hint: hint, post_logout_redirect_uri: BYE },
  })
  assert.equal(answer.status, 303)
  assert.equal(answer.headers.location, BYE)
})

test('an ID token that has expired is as good as any (§4)', async () => {
  const party = await leaving()
  const { clock } = await oauthServer()
  const person = await aSignedInBrowser()
  const { id_token: hint } = await party.tokens(person.browser)
  clock.advance(7_200_000)
  assert.equal((await endSession(party, person, { id_token_hint: hint, post_logout_redirect_uri: BYE })).headers.location, BYE)
  clock.reset()
})

test('nobody is sent to an address that is not registered for it, or without an ID token of ours (§3)', async () => {
  const party = await leaving()
  const other = await leaving()
  const person = await aSignedInBrowser()
  const { id_token: hint, access_token: access } = await party.tokens(person.browser)
  const { id_token: foreign } = await other.tokens(person.browser)
  const [header, payload] = hint.split('.') as [string, string]
  const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${payload}.`
  const cases: Record<string, string>[] = [
    { post_logout_redirect_uri: BYE },
    { post_logout_redirect_uri: BYE, client_id: party.clientId },
    { id_token_hint: hint, post_logout_redirect_uri: `${BYE}?foo=bar` },
    { id_token_hint: hint, post_logout_redirect_uri: REDIRECT_URI },
    { id_token_hint: hint, post_logout_redirect_uri: BYE, client_id: other.clientId },
    { id_token_hint: foreign, post_logout_redirect_uri: BYE },
    { id_token_hint: none, post_logout_redirect_uri: BYE },
    { id_token_hint: access, post_logout_redirect_uri: BYE },
    { id_token_hint: `${header}.${payload}.AAAA`, post_logout_redirect_uri: BYE },
  ]
  for (const params of cases) {
    const answer = await endSession(party, person, params)
    assert.match(String(answer.headers.location), /^\/if\/flow\//, JSON.stringify(params))
    const visitor = await endSession(party, { browser: await aBrowser() }, params)
    assert.match(String(visitor.headers.location), /^\/if\/flow\//, JSON.stringify(params))
  }
})

test('a client that sends no ID token gets its people back once they agreed, with the state (§2, §3)', async () => {
  const party = await leaving()
  const flow = 'default-invalidation-flow'
  // As OmniAuth and MeshCentral send it.
  for (const more of [{}, { state: 'a state', client_id: party.clientId }] as Record<string, string>[]) {
    const person = await aSignedInBrowser()
    await party.tokens(person.browser)
    const { location } = (await endSession(party, person, { post_logout_redirect_uri: BYE, ...more })).headers
    assert.match(String(location), /^\/if\/flow\//)
    assert.ok(await isSignedIn(party, person), 'nobody is signed out unasked')
    await endSession(party, person, { post_logout_redirect_uri: BYE, ...more })
    const { component, token } = await person.browser.challenge(flow, '')
    assert.equal(component, 'ak-stage-consent')
    const gone = await person.browser.challenge(flow, '', { component, token })
    assert.deepEqual([gone.component, gone.to], ['xak-flow-redirect', more.state === undefined ? BYE : `${BYE}?state=a%20state`])
    assert.equal(await isSignedIn(party, person), false)
  }
})

test('a hint that is none keeps people here, also when they agree', async () => {
  const party = await leaving()
  const person = await aSignedInBrowser()
  await endSession(party, person, { post_logout_redirect_uri: BYE, id_token_hint: 'nothing' })
  const { component, token } = await person.browser.challenge('default-invalidation-flow', '')
  const gone = await person.browser.challenge('default-invalidation-flow', '', { component, token })
  assert.equal(gone.component, 'ak-stage-session-end')
})

test('an address that is not registered for it stands in the audit log beside those that are, once its own ID token brings it', async () => {
  const party = await leaving()
  const { ctx } = party.server
  const person = await aSignedInBrowser()
  const { id_token: hint } = await party.tokens(person.browser)
  const wrong = `${BYE}/`
  await endSession(party, person, { post_logout_redirect_uri: wrong })
  await endSession(party, person, { post_logout_redirect_uri: wrong, id_token_hint: hint })
  const events = (await ctx.db.selectFrom('event').select('context').where('action', '=', 'configuration_error').execute())
    .map(event => event.context as Row)
    .filter(({ provider }) => (provider as Row | undefined)?.pk === party.provider.pk)
  assert.equal(events.length, 1, 'strangers write nothing')
  assert.partialDeepStrictEqual(events[0], { post_logout_redirect_uri: wrong, expected: [BYE] })
})

test('a script address is refused before anything else', async () => {
  const party = await leaving()
  const person = await aSignedInBrowser()
  const answer = await endSession(party, person, { post_logout_redirect_uri: 'javascript:alert(1)' })
  assert.equal(answer.status, 400)
  assert.match(answer.text, /Forbidden URI scheme/)
})

test('without an ID token the person is asked, and signed out when they agree (§6)', async () => {
  const party = await leaving()
  const person = await aSignedInBrowser()
  const answer = await endSession(party, person, {})
  assert.match(String(answer.headers.location), /^\/if\/flow\/default-invalidation-flow\//)
  const asked = await person.browser.challenge('default-invalidation-flow', '')
  assert.equal(asked.component, 'ak-stage-consent')
  assert.match(asked.header_text, /sign out/)
  assert.ok(await isSignedIn(party, person), 'not yet')
  await endSession(party, person, {})
  const again = await person.browser.challenge('default-invalidation-flow', '')
  const wrong = await person.browser.challenge('default-invalidation-flow', '', { component: again.component, token: 'wrong' })
  assert.ok(wrong.response_errors)
  const done = await person.browser.challenge('default-invalidation-flow', '', { component: again.component, token: again.token })
  assert.equal(done.component, 'ak-stage-session-end', JSON.stringify(done))
  assert.ok(!(await isSignedIn(party, person)))
})

test('a token about somebody else does not sign anybody out unasked', async () => {
  const party = await leaving()
  const [one, two] = [await aSignedInBrowser(), await aSignedInBrowser()]
  const { id_token: hint } = await party.tokens(one.browser)
  await endSession(party, two, { id_token_hint: hint, post_logout_redirect_uri: BYE })
  const asked = await two.browser.challenge('default-invalidation-flow', '')
  assert.equal(asked.component, 'ak-stage-consent')
  const other = await aSignedInBrowser(one.user)
  await endSession(party, other, { id_token_hint: hint })
  assert.equal(
    (await other.browser.challenge('default-invalidation-flow', '')).component,
    'ak-stage-consent',
    'another session of the same person',
  )
})

test('a flow that keeps the session ends the tokens of this application', async () => {
  const party = await aParty({ redirect_uris: uris })
  const other = await aParty()
  const person = await aSignedInBrowser()
  const tokens = await party.tokens(person.browser)
  const rest = await other.tokens(person.browser)
  const answer = await endSession(party, person, { id_token_hint: tokens.id_token, post_logout_redirect_uri: BYE })
  assert.equal(answer.headers.location, BYE)
  assert.equal((await party.userinfo(tokens.access_token)).status, 401)
  assert.equal((await other.userinfo(rest.access_token)).status, 200)
  assert.ok(await isSignedIn(party, person))
})

test('a visitor with a valid token goes where the client wants, an unknown application is a 404', async () => {
  const party = await leaving()
  const person = await aSignedInBrowser()
  const { id_token: hint } = await party.tokens(person.browser)
  const browser = await aBrowser()
  assert.equal((await endSession(party, { browser }, { id_token_hint: hint, post_logout_redirect_uri: BYE })).headers.location, BYE)
  const shown = await endSession(party, { browser }, { id_token_hint: hint })
  assert.match(String(shown.headers.location), /^\/if\/flow\//)
  assert.equal((await browser.challenge('default-invalidation-flow', '')).component, 'ak-stage-session-end')
  assert.equal((await browser.get('/application/o/nothing/end-session/')).status, 404)
})

test('the page speaks the first language of ui_locales that it knows (§2)', async () => {
  const party = await leaving()
  const person = await aSignedInBrowser()
  const asked = await endSession(party, person, { ui_locales: 'xx fr-CA de' })
  assert.match(String(asked.headers.location), /^\/if\/flow\/default-invalidation-flow\/\?.*locale=fr/)
  const unknown = await endSession(party, { browser: await aBrowser() }, { ui_locales: 'xx' })
  assert.doesNotMatch(String(unknown.headers.location), /locale/)
})

test('the address after logout may be registered as a pattern', async () => {
  const { ctx } = await oauthServer()
  const party = await aParty({
    redirect_uris: [
      { matching_mode: 'strict', url: REDIRECT_URI },
      { matching_mode: 'regex', url: 'https://[a-z]+\\.example\\.test/bye', redirect_uri_type: 'logout' },
    ],
    invalidation_flow: await flowKey(ctx, 'default-invalidation-flow'),
  })
  for (const [uri, ends] of [
    ['https://one.example.test/bye', true],
    ['https://one.example.test/bye/more', false],
    ['https://evil.test/?https://one.example.test/bye', false],
  ] as const) {
    const person = await aSignedInBrowser()
    const { id_token: hint } = await party.tokens(person.browser)
    const answer = await endSession(party, person, { id_token_hint: hint, post_logout_redirect_uri: uri })
    assert.equal(answer.headers.location === uri, ends, uri)
  }
})

const atRoot = ({ browser }: Pick<SignedIn, 'browser'>, params: Record<string, string>) =>
  browser.get(`/application/o/end-session/?${new URLSearchParams(params).toString()}`)

/** A client of the installation's own issuer, whose invalidation flow really ends the session. */
const sharing = async (values: Row = {}): Promise<Party> => {
  const { ctx } = await oauthServer()
  return aParty({
    issuer_mode: 'global',
    redirect_uris: uris,
    invalidation_flow: await flowKey(ctx, 'default-invalidation-flow'),
    ...values,
  })
}

test('clients that share an issuer share an endpoint: the hint says whom the browser goes back to', async () => {
  const [one, two] = [await sharing(), await sharing({ redirect_uris: uris.slice(0, 1) })]
  const { end_session_endpoint: url } = (await (await aBrowser()).get('/.well-known/openid-configuration')).body
  assert.equal(new URL(url).pathname, '/application/o/end-session/')
  const person = await aSignedInBrowser()
  const { id_token: theirs } = await two.tokens(person.browser)
  const { id_token: hint } = await one.tokens(person.browser)
  const stays = await atRoot(person, { id_token_hint: theirs, post_logout_redirect_uri: BYE })
  assert.match(String(stays.headers.location), /^\/if\/flow\//, 'an address of another client')
  const state = 'läng & lang ?#'
  const gone = await atRoot(person, { id_token_hint: hint, post_logout_redirect_uri: BYE, state })
  assert.equal(gone.headers.location, `${BYE}?state=${encodeURIComponent(state)}`)
  assert.equal(await isSignedIn(one, person), false)
})

test('a hint that is encrypted for a key of ours says whose it is, also where its header does not tell the key', async () => {
  const { ctx, admin } = await oauthServer()
  const keypair = async (): Promise<string> =>
    (await admin.post('/api/v3/crypto/certificatekeypairs/generate/', { common_name: unique('enc'), validity_days: 1 })).body.pk
  const [key, another] = [await keypairKey(ctx, RSA_KEYPAIR), await keypair()]
  const [one, two] = [await sharing({ encryption_key: key }), await sharing({ encryption_key: another })]
  const home = async ({ browser }: SignedIn, hint: string, more: Record<string, string> = {}) =>
    String((await atRoot({ browser }, { id_token_hint: hint, post_logout_redirect_uri: BYE, ...more })).headers.location)
  for (const party of [one, two]) {
    const person = await aSignedInBrowser()
    const { id_token: hint } = await party.tokens(person.browser)
    assert.equal(hint.split('.').length, 5)
    assert.equal(await home(person, hint), BYE)
    assert.equal(await isSignedIn(party, person), false)
    const again = await aSignedInBrowser()
    assert.equal(await home(again, (await party.tokens(again.browser)).id_token, { client_id: party.clientId }), BYE)
  }
  // RP-Initiated Logout §2: opened by the client and encrypted again, for whichever of the keys that this issuer shows.
  const plain = await sharing()
  await sharing({ key: 'rsa' }) // signs with what the first encrypts with, so that the key set has another name for that
  const person = await aSignedInBrowser()
  const jws = (await plain.tokens(person.browser)).id_token
  const { keys } = (await person.browser.get('/.well-known/jwks.json')).body as { keys: JWK[] }
  const encryptedBy = async (jwk: JWK, kid?: string) =>
    new CompactEncrypt(Buffer.from(jws))
      .setProtectedHeader({ alg: 'RSA-OAEP-256', enc: 'A256CBC-HS512', ...(kid !== undefined && { kid }) })
      .encrypt(await importJWK(jwk, 'RSA-OAEP-256'))
  const ours = keys.find(({ use, kid }) => use === 'enc' && kid!.endsWith('-enc'))!
  const stranger = await exportJWK((await generateKeyPair('RSA-OAEP-256', { extractable: true })).publicKey)
  for (const unknown of [await encryptedBy(stranger), await encryptedBy(stranger, ours.kid), await encryptedBy(ours, 'other'), 'a.b.c.d.e'])
    assert.match(await home(person, unknown), /^\/if\/flow\//, 'the person is asked')
  assert.equal(await isSignedIn(plain, person), true)
  assert.equal(await home(person, await encryptedBy(ours, ours.kid)), BYE)
  const last = await aSignedInBrowser()
  const signed = (await plain.tokens(last.browser)).id_token
  const nameless = await new CompactEncrypt(Buffer.from(signed))
    .setProtectedHeader({ alg: 'RSA-OAEP-256', enc: 'A256CBC-HS512' })
    .encrypt(await importJWK(ours, 'RSA-OAEP-256'))
  assert.equal(await home(last, nameless), BYE)
})

test('an encrypted hint about another application or another person signs nobody out unasked', async () => {
  const { ctx } = await oauthServer()
  const key = await keypairKey(ctx, RSA_KEYPAIR)
  const [one, foreign] = [
    await sharing({ encryption_key: key }),
    await aParty({ redirect_uris: uris, encryption_key: key, invalidation_flow: await flowKey(ctx, 'default-invalidation-flow') }),
  ]
  const [person, other] = [await aSignedInBrowser(), await aSignedInBrowser()]
  for (const hint of [(await foreign.tokens(person.browser)).id_token, (await one.tokens(other.browser)).id_token]) {
    await atRoot(person, { id_token_hint: hint, post_logout_redirect_uri: BYE })
    assert.equal(await isSignedIn(one, person), true)
  }
})

test('where nobody says for which client, the person is asked, and the brand’s flow signs them out', async () => {
  await sharing()
  const other = await leaving() // of an issuer of its own
  const person = await aSignedInBrowser()
  const { id_token: foreign } = await other.tokens(person.browser)
  const asking: Record<string, string>[] = [
    {},
    { state: 'a state' },
    { client_id: 'nobody' },
    { id_token_hint: 'nothing' },
    { id_token_hint: foreign, post_logout_redirect_uri: BYE },
  ]
  for (const params of asking) {
    const { location } = (await atRoot(person, params)).headers
    assert.match(String(location), /^\/if\/flow\/default-invalidation-flow\//, JSON.stringify(params))
    const asked = await person.browser.challenge('default-invalidation-flow', '')
    assert.equal(asked.component, 'ak-stage-consent')
    assert.equal(asked.header_text, 'Do you want to sign out?')
    assert.equal(await isSignedIn(other, person), true, 'nobody is signed out unasked')
  }
  await atRoot(person, {})
  const { component, token } = await person.browser.challenge('default-invalidation-flow', '')
  const done = await person.browser.challenge('default-invalidation-flow', '', { component, token })
  assert.equal(done.component, 'ak-stage-session-end')
  assert.equal(await isSignedIn(other, person), false)
  const again = await atRoot(person, {})
  assert.match(String(again.headers.location), /^\/if\/flow\//, 'whoever is not signed in is told so')
})

test('the frame that tells of sign-outs is shared too, and shown by the sites of all these clients', async () => {
  await sharing({ redirect_uris: [{ matching_mode: 'strict', url: 'https://shared.example.test/cb' }] })
  const page = await (await aBrowser()).get('/application/o/check-session/')
  assert.equal(page.status, 200)
  assert.match(String(page.headers['content-security-policy']), /frame-ancestors [^;]*https:\/\/shared\.example\.test/)
  const { admin } = await oauthServer()
  assert.equal((await admin.post('/api/v3/core/applications/', { name: 'x', slug: 'end-session' })).status, 400)
})
