import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { CompactEncrypt, exportJWK, generateKeyPair, importJWK, SignJWT, UnsecuredJWT, type JWTPayload } from 'jose'
import { createObject } from '../../../api/objects.ts'
import type { Row } from '../../../api/model.ts'
import { RSA_KEYPAIR } from '../../../boot.ts'
import { outgoingOf, useOutgoing } from '../../../http/outgoing/client.ts'
import { OutgoingError } from '../../../http/outgoing/error.ts'
import { aUser, unique } from '../../../../test/builders.ts'
import { ClientMetadata } from '../client/metadata.ts'
import { aBrowser, aParty, aSignedInBrowser, keypairKey, pkce, REDIRECT_URI, type Party } from '../fixture.ts'

/** A client that signs its requests: `sign` makes a request object as it would. */
async function aSigner(values: Row = {}, provider: Row = {}) {
  const party = await aParty(provider)
  const { publicKey, privateKey } = await generateKeyPair('ES256')
  const jwk = { ...(await exportJWK(publicKey)), kid: unique('key'), use: 'sig' }
  await createObject(party.server.ctx, ClientMetadata, { provider: party.provider.pk, jwks: { keys: [jwk] }, ...values })
  const { clientId, issuer } = party
  const usual = {
    iss: clientId,
    aud: issuer,
    client_id: clientId,
    response_type: 'code',
    redirect_uri: REDIRECT_URI,
    scope: 'openid email',
    state: 'signed state',
  }
  const sign = (claims: JWTPayload = {}, header: Row = {}, key: Parameters<SignJWT['sign']>[0] = privateKey) => {
    const all = Object.fromEntries(Object.entries({ ...usual, ...claims }).filter(([, value]) => value !== undefined))
    return new SignJWT(all).setProtectedHeader({ alg: 'ES256', kid: jwk.kid, typ: 'oauth-authz-req+jwt', ...header }).sign(key)
  }
  return { party, usual, sign, jwk }
}

const open = (party: Party, params: Record<string, string>) =>
  `/application/o/authorize/?${new URLSearchParams({ client_id: party.clientId, ...params }).toString()}`

type Browser = Awaited<ReturnType<typeof aBrowser>>

/** The response that the browser is sent to the client with; undefined: a page. */
async function responseTo(browser: Browser, party: Party, params: Record<string, string>): Promise<URLSearchParams | undefined> {
  const { headers } = await browser.get(open(party, params))
  return headers.location === undefined ? undefined : new URL(String(headers.location), 'https://id.example.test').searchParams
}

/** Lets the client publish something; what was asked for is noted. */
function published(t: TestContext, party: Party, bodies: Record<string, string>): string[] {
  const { config } = party.server.deps
  const usual = outgoingOf(config)
  t.after(() => useOutgoing(config, usual))
  const asked: string[] = []
  useOutgoing(config, async (url, options) => {
    asked.push(url)
    assert.equal(options?.redirects, 0, 'another address is not one of the client')
    if (bodies[url] === undefined) throw new OutgoingError('refused', 'not reachable from here')
    const body = new TextEncoder().encode(bodies[url])
    return { status: 200, reason: 'OK', headers: {}, body, url, history: [], elapsed: 1 }
  })
  return asked
}

test('a signed request object is what counts, and nothing that the browser adds (RFC 9101 §6.3)', async () => {
  const { party, sign } = await aSigner()
  const { browser } = await aSignedInBrowser()
  const added = { redirect_uri: 'https://evil.example.test/', state: 'other', scope: 'openid offline_access', nonce: 'added' }
  const response = await responseTo(browser, party, { request: await sign({ max_age: 3600 }), ...added })
  assert.equal(response?.get('state'), 'signed state')
  const { body } = await party.exchange(response?.get('code') ?? '')
  assert.equal(body.scope, 'openid email')
  const metadata = (await party.server.client().get(`/application/o/${party.slug}/.well-known/openid-configuration`)).body
  assert.equal(metadata.request_parameter_supported, true)
  assert.ok(metadata.request_object_signing_alg_values_supported.includes('ES256'))
  assert.ok(!metadata.request_object_signing_alg_values_supported.includes('none'))
})

test('22 request objects with another key, algorithm, issuer, audience or kind, over, or signed by nobody, are refused', async () => {
  const { party, sign, usual, jwk } = await aSigner()
  const { browser } = await aSignedInBrowser()
  const { privateKey: other } = await generateKeyPair('ES256')
  const { privateKey: rsa } = await generateKeyPair('RS256')
  const secret = new TextEncoder().encode(String(party.provider.client_secret))
  const publicText = new TextEncoder().encode(JSON.stringify(jwk))
  const past = Math.floor(party.server.deps.now().getTime() / 1000) - 60
  const forged: Record<string, string> = {
    'another key': await sign({}, {}, other),
    'another algorithm': await sign({}, { alg: 'RS256' }, rsa),
    'the secret of the client': await sign({}, { alg: 'HS256' }, secret),
    'the public key as a secret': await sign({}, { alg: 'HS256' }, publicText),
    'a key that is named by a path': await sign({}, { kid: '../../etc/passwd' }, other),
    'another issuer': await sign({ iss: 'somebody' }),
    'another audience': await sign({ aud: 'https://elsewhere.example.test/' }),
    'another client': await sign({ client_id: 'somebody' }),
    'no client': await sign({ client_id: undefined }),
    'a client assertion': await sign({ sub: usual.client_id }),
    'another kind of token': await sign({}, { typ: 'dpop+jwt' }),
    over: await sign({ exp: past }),
    'not yet good': await sign({ nbf: past + 600 }),
    'an object within': await sign({ request: 'x.y.z' }),
    changed: (await sign()).replace(/\.[^.]+\./, `.${Buffer.from(JSON.stringify({ ...usual, scope: 'openid' })).toString('base64url')}.`),
    nonsense: 'x.y.z',
  }
  for (const [what, request] of Object.entries(forged)) {
    const response = await responseTo(browser, party, { request, redirect_uri: REDIRECT_URI, state: 'outer' })
    assert.equal(response?.get('error'), 'invalid_request_object', what)
    assert.equal(response?.get('state'), 'outer', what)
    assert.equal(await responseTo(browser, party, { request, redirect_uri: 'https://evil.example.test/' }), undefined, what)
  }
  for (const unsigned of [new UnsecuredJWT(usual).encode(), (await sign()).replace(/^[^.]+/, 'eyJhbGciOiJub25lIn0')]) {
    const response = await responseTo(browser, party, { request: unsigned, redirect_uri: REDIRECT_URI })
    assert.equal(response?.get('error'), 'request_not_supported')
  }
})

test('22 an encrypted request object must be signed all the same, and a bad one says nothing more', async () => {
  const { ctx } = (await aParty()).server
  const { party, sign, usual } = await aSigner({}, { encryption_key: await keypairKey(ctx, RSA_KEYPAIR) })
  const { browser } = await aSignedInBrowser()
  const keys = (await party.server.client().get(`/application/o/${party.slug}/jwks/`)).body.keys as Row[]
  const key = keys.find(({ use }) => use === 'enc')!
  const encrypt = async (text: string) =>
    new CompactEncrypt(new TextEncoder().encode(text))
      .setProtectedHeader({ alg: 'RSA-OAEP-256', enc: 'A256CBC-HS512', cty: 'JWT' })
      .encrypt(await importJWK(key, 'RSA-OAEP-256'))
  const ask = async (text: string) => responseTo(browser, party, { request: await encrypt(text), redirect_uri: REDIRECT_URI })
  assert.ok((await ask(await sign()))?.get('code'))
  assert.equal((await ask(new UnsecuredJWT(usual).encode()))?.get('error'), 'request_not_supported')
  assert.equal((await ask(JSON.stringify(usual)))?.get('error'), 'invalid_request_object')
  const foreign = await responseTo(browser, party, { request: 'a.b.c.d.e', redirect_uri: REDIRECT_URI })
  assert.equal(foreign?.get('error'), 'invalid_request_object')
})

test('who has to sign in comes back to the same request, also when the object is over by then', async () => {
  const { party, sign } = await aSigner()
  const { ctx, clock, deps } = party.server
  const user = await aUser(ctx, { password: 'a good password' })
  const browser = await aBrowser()
  const exp = Math.floor(deps.now().getTime() / 1000) + 60
  const request = await sign({ exp, claims: { id_token: { name: null } } })
  const sent = await browser.get(open(party, { request }))
  const page = new URL(String(sent.headers.location), 'https://id.example.test')
  for (const part of request.split('.')) assert.ok(!page.href.includes(part.slice(0, 12)), 'the object itself stays out of addresses')
  clock.advance(120_000)
  const done = await browser.signInWith('default-authentication-flow', page.search.slice(1), String(user.username), 'a good password')
  const { elsewhere } = await browser.follow(done.to)
  assert.equal(elsewhere?.searchParams.get('state'), 'signed state')
  assert.equal((await party.exchange(elsewhere.searchParams.get('code')!)).status, 200)
  const again = await browser.get(page.searchParams.get('next')!)
  assert.equal(again.status, 400, 'it was granted')
})

test('a client that must sign its requests gets nothing without, nor by sending them ahead', async () => {
  const { party, sign } = await aSigner({ require_signed_request_object: true })
  const { browser } = await aSignedInBrowser()
  assert.equal((await party.response(browser)).get('error'), 'invalid_request')
  assert.equal((await party.post('par', { redirect_uri: REDIRECT_URI, response_type: 'code', scope: 'openid' })).status, 400)
  assert.ok((await responseTo(browser, party, { request: await sign() }))?.get('code'))
  const { challenge, verifier } = pkce()
  const pushed = await party.post('par', { request: await sign({ code_challenge: challenge, code_challenge_method: 'S256' }) })
  assert.equal(pushed.status, 201, pushed.text)
  const response = await responseTo(browser, party, { request_uri: pushed.body.request_uri })
  assert.equal((await party.exchange(response?.get('code') ?? '', { code_verifier: verifier })).status, 200)
})

test('a request object may be signed under the secret by a client that is registered so (OIDC Core §6.1)', async () => {
  const { party, sign } = await aSigner({ request_object_signing_alg: 'HS256', jwks: {} })
  const { browser } = await aSignedInBrowser()
  const secret = new TextEncoder().encode(String(party.provider.client_secret))
  assert.ok((await responseTo(browser, party, { request: await sign({}, { alg: 'HS256', kid: undefined }, secret) }))?.get('code'))
  const other = await responseTo(browser, party, { request: await sign(), redirect_uri: REDIRECT_URI })
  assert.equal(other?.get('error'), 'invalid_request_object')
})

test('79 a request object is fetched from a registered address alone, by the guarded client, and may be unsigned there (OIDC Core §6.2)', async t => {
  const uri = `https://app.example.test/requests/${unique('r')}`
  const { party, sign, usual } = await aSigner({ request_uris: [uri, 'https://app.example.test/other'] })
  const { browser } = await aSignedInBrowser()
  const object = await sign()
  const bodies: Record<string, string> = { [uri]: object }
  const asked = published(t, party, bodies)
  const ask = (request_uri: string) => responseTo(browser, party, { request_uri, redirect_uri: REDIRECT_URI })
  assert.ok((await ask(uri))?.get('code'))
  assert.ok((await ask(`${uri}#${'x'.repeat(43)}`))?.get('code'), 'a fragment is for caches')
  assert.equal((await ask('https://app.example.test/other'))?.get('error'), 'invalid_request_uri', 'unreachable')
  const before = asked.length
  for (const other of ['https://evil.example.test/', `${uri}/more`, `${uri}?x=1`, 'http://169.254.169.254/', 'file:///etc/passwd'])
    assert.equal((await ask(other))?.get('error'), 'invalid_request_uri', other)
  assert.equal(asked.length, before, 'nothing else is asked for')
  const both = await responseTo(browser, party, { request_uri: uri, request: object, redirect_uri: REDIRECT_URI })
  assert.equal(both?.get('error'), 'invalid_request')
  bodies[uri] = new UnsecuredJWT(usual).encode()
  assert.equal((await ask(uri))?.get('state'), 'signed state', 'its address vouches for it')
  assert.ok((await ask(uri))?.get('code'))
})

test('22 a request object of a client that keeps FAPI 2.0 is for the issuer, and for a time (Message Signing §5.3.1)', async () => {
  const { party, sign } = await aSigner({ security_profile: 'fapi2', tls_client_certificate_bound_access_tokens: true })
  const now = Math.floor(party.server.ctx.now().getTime() / 1000)
  const window = { nbf: now, exp: now + 60 }
  const { challenge } = pkce()
  const push = async (claims: JWTPayload) =>
    (await party.post('par', { request: await sign({ code_challenge: challenge, code_challenge_method: 'S256', ...claims }) })).status
  const { issuer } = party
  const cases: [JWTPayload, number][] = [
    [window, 201],
    [{ ...window, aud: undefined }, 400],
    [{ ...window, aud: 'https://id.example.test/application/o/authorize/' }, 400],
    [{ ...window, aud: [issuer, 'https://elsewhere.example/'] }, 201],
    [{ exp: now + 60 }, 400],
    [{ nbf: now }, 400],
    [{ nbf: now - 3_700, exp: now + 60 }, 400],
    [{ nbf: now, exp: now + 3_700 }, 400],
  ]
  for (const [claims, status] of cases) assert.equal(await push(claims), status, JSON.stringify(claims))
})

test('22 a client that chose an algorithm takes no unsigned object, wherever it comes from', async t => {
  const uri = `https://app.example.test/requests/${unique('r')}`
  const { party, usual } = await aSigner({ request_uris: [uri], request_object_signing_alg: 'ES256' })
  const { browser } = await aSignedInBrowser()
  published(t, party, { [uri]: new UnsecuredJWT(usual).encode() })
  const response = await responseTo(browser, party, { request_uri: uri, redirect_uri: REDIRECT_URI })
  assert.equal(response?.get('error'), 'invalid_request_object')
})

test('an administrator is told of requirements that nothing could satisfy', async () => {
  const party = await aParty()
  const { admin } = party.server
  const send = async (values: Row) => (await admin.post('/api/v3/signet/oauth2_clients/', { provider: party.provider.pk, ...values })).body
  assert.ok((await send({ require_signed_request_object: true })).require_signed_request_object)
  assert.ok((await send({ request_object_signing_alg: 'ES256' })).request_object_signing_alg)
  assert.ok((await send({ request_object_signing_alg: 'none' })).request_object_signing_alg)
  assert.ok((await send({ request_uris: ['http://app.example.test/'] })).request_uris)
  assert.ok((await send({ initiate_login_uri: 'http://app.example.test/' })).initiate_login_uri)
  assert.equal((await send({ default_max_age: 60 })).default_max_age, 60)
})

test('a large request passes over the sign-in page by a short address', async () => {
  const party = await aParty()
  const browser = await aBrowser()
  const claims = JSON.stringify({
    userinfo: Object.fromEntries(Array.from({ length: 90 }, (_, n) => [`a_claim_with_a_long_name_${n}`, null])),
  })
  const form = Object.fromEntries(new URLSearchParams(party.query({ claims, state: 'x'.repeat(4_000) })))
  const answer = await browser.request('POST', '/application/o/authorize/', { form })
  assert.equal(answer.status, 303)
  assert.ok(String(answer.headers.location).length < 2_000)
  assert.ok(String(answer.headers.location).includes('request_uri'))
})
