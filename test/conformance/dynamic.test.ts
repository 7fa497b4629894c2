/** Dynamic OP: `oidcc-dynamic-certification-test-plan`, response type code, private_key_jwt, clients that register themselves. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { createLocalJWKSet, jwtVerify, SignJWT, UnsecuredJWT } from 'jose'
import type { Row } from '../../src/api/model.ts'
import { generate } from '../../src/crypto/model.ts'
import { unique } from '../builders.ts'
import { HOST } from '../harness.ts'
import { aPerson, provider, REDIRECT_URI } from './driver.ts'
import { soundKeys } from './key-set.ts'
import { soundMembers } from './members.ts'
import { aKey, aRegisteredClient, asked, host, publishing, type Registered } from './registered.ts'

test('oidcc-idtoken-rs256: a client that asks for RS256 gets it', async () => {
  const client = await aRegisteredClient({ id_token_signed_response_alg: 'RS256' })
  assert.equal((await client.signIn()).header.alg, 'RS256')
})

test('oidcc-idtoken-unsigned: no ID token goes unsigned, and none is offered', async () => {
  const { parent } = await host()
  assert.ok(!((await parent.metadata()).id_token_signing_alg_values_supported as string[]).includes('none'))
  const { jwk } = await aKey()
  assert.equal((await asked({ jwks: { keys: [jwk] }, id_token_signed_response_alg: 'none' })).body.error, 'invalid_client_metadata')
})

test('oidcc-userinfo-rs256: a client that asks for it gets UserInfo as a signed JWT', async () => {
  const client = await aRegisteredClient({ userinfo_signed_response_alg: 'RS256' })
  const { tokens, claims } = await client.signIn()
  const { server } = client.party
  // It asks for JSON here too: what is registered counts, and not what a request would rather have.
  const headers = { authorization: `Bearer ${tokens.access_token}`, accept: 'application/json', 'accept-charset': 'utf-8' }
  const answer = await server.client().request('GET', await client.party.endpoint('userinfo'), { headers })
  assert.equal(answer.status, 200, answer.text)
  assert.match(String(answer.headers['content-type']), /^application\/jwt/)
  const keys = createLocalJWKSet((await client.party.server.client().get(await client.party.endpoint('jwks_uri'))).body)
  const { payload } = await jwtVerify(answer.text, keys, {
    issuer: client.party.issuer,
    audience: client.party.clientId,
    algorithms: ['RS256'],
  })
  assert.equal(payload.sub, claims.sub)
  assert.ok(!('nonce' in payload)) // `EnsureUserInfoDoesNotContainNonce`
})

/** What a request with this address ends with: a page, since nobody knows where else to go. */
async function shown(client: Registered, redirect_uri: string | undefined): Promise<void> {
  const { person } = await host()
  const { page } = await client.party.ask(person, { redirect_uri })
  assert.equal(page?.status, 400)
}

test('oidcc-ensure-redirect-uri-in-authorization-request: a request without redirect_uri is shown to the person', async () => {
  await shown(await aRegisteredClient({ redirect_uris: [REDIRECT_URI, 'https://elsewhere.example.test/cb'] }), undefined)
})

const WITH_QUERY = `${REDIRECT_URI}?foo=bar`

test('oidcc-redirect-uri-query-OK: the query of a registered address stays', async () => {
  const client = await aRegisteredClient({ redirect_uris: [WITH_QUERY] })
  const { parameters } = await client.signIn({}, { redirectUri: WITH_QUERY })
  assert.equal(parameters.get('foo'), 'bar')
})

test('oidcc-redirect-uri-query-mismatch: another query is refused', async () => {
  await shown(await aRegisteredClient({ redirect_uris: [WITH_QUERY] }), `${REDIRECT_URI}?bar=foo`)
})

test('oidcc-redirect-uri-query-added: so is one where none was registered', async () => {
  await shown(await aRegisteredClient(), WITH_QUERY)
})

test('oidcc-redirect-uri-regfrag: an address with a fragment is not registered', async () => {
  const { jwk } = await aKey()
  const answer = await asked({ jwks: { keys: [jwk] }, redirect_uris: [`${REDIRECT_URI}#foobar`] })
  assert.equal(answer.status, 400)
  assert.equal(answer.body.error, 'invalid_redirect_uri')
})

test('oidcc-discovery-endpoint-verification: the metadata say what clients need to register themselves', async () => {
  const { parent } = await host()
  const metadata = await parent.metadata()
  soundMembers(metadata)
  assert.equal(metadata.issuer, parent.issuer)
  for (const name of ['authorization', 'token', 'userinfo', 'registration']) assert.match(String(metadata[`${name}_endpoint`]), /^https:/)
  assert.match(String(metadata.jwks_uri), /^https:/)
  const lists = {
    scopes_supported: ['openid'],
    response_types_supported: ['code', 'id_token', 'id_token token'],
    subject_types_supported: ['public', 'pairwise'],
    id_token_signing_alg_values_supported: ['RS256'],
    grant_types_supported: ['authorization_code', 'implicit'],
    token_endpoint_auth_methods_supported: ['private_key_jwt'],
    claims_supported: ['sub'],
  }
  for (const [name, values] of Object.entries(lists))
    for (const value of values) assert.ok((metadata[name] as string[]).includes(value), `${name} ${value}`)
  const { keys } = (await parent.server.client().get(await parent.endpoint('jwks_uri'))).body as { keys: Row[] }
  soundKeys(keys)
  for (const name of ['userinfo', 'request_object'].map(kind => `${kind}_signing_alg_values_supported`))
    assert.ok((metadata[name] as string[]).includes('RS256'), name)
})

test('oidcc-server: a client that registered itself signs its registrant in, by a key that has no name', async () => {
  const key = await aKey()
  delete key.jwk.kid
  const client = await aRegisteredClient({}, key)
  const { tokens, claims } = await client.signIn()
  assert.equal((await client.party.userClaims(tokens.access_token)).sub, claims.sub)
})

test('UnregisterDynamicallyRegisteredClient: a client takes itself back, and is nobody then (RFC 7592 §2.3)', async () => {
  const client = await aRegisteredClient()
  const { server } = client.party
  const mine = server.client(String(client.metadata.registration_access_token))
  const path = new URL(String(client.metadata.registration_client_uri)).pathname
  assert.equal((await mine.get(path)).status, 200)
  const gone = await mine.delete(path)
  assert.deepEqual([gone.status, gone.text], [204, ''])
  assert.equal((await mine.get(path)).status, 401)
  assert.equal((await client.token({ grant_type: 'client_credentials' })).body.error, 'invalid_client')
})

/** What the sign-in page of somebody new shows of an application. */
async function signInPage(client: Registered): Promise<string> {
  const { browser } = await aPerson()
  const path = await client.party.endpoint('authorization')
  const { location } = (await browser.get(`${path}?${client.party.query({ nonce: 'n' })}`)).headers
  const { pathname, search } = new URL(String(location), `https://${HOST}`)
  const page = await browser.get(pathname + search)
  assert.equal(page.status, 200)
  return page.text.split('<script type="application/json"')[0]! // what stands there for people
}

// The addresses are like the suite's own: the last is another host's.
for (const [name, shown, address] of [
  ['logo_uri', 'src', 'https://app.example.test/images/openid.png'],
  ['policy_uri', 'href', 'https://app.example.test/login.html'],
  ['tos_uri', 'href', 'https://elsewhere.example.test'],
] as const)
  test(`oidcc-registration-${name.replace('_', '-')}: the sign-in page shows it, and the client finds it in its registration`, async () => {
    const client = await aRegisteredClient({ [name]: address })
    assert.equal(client.metadata[name], address)
    assert.ok((await signInPage(client)).includes(`${shown}="${address}"`))
    await client.signIn()
  })

test('oidcc-registration-jwks-uri: keys may stand at an address of the client', async t => {
  const key = await aKey()
  const jwks_uri = `https://app.example.test/${unique('keys')}`
  await publishing(t, url => (url === jwks_uri ? JSON.stringify({ keys: [key.jwk] }) : undefined))
  await (await aRegisteredClient({ jwks_uri }, key)).signIn()
})

// One for both modules: what stands at an address of the suite changes from one to the next.
const address = 'https://sector.example.test/redirect_uris.json'

test('oidcc-registration-sector-uri: a sector that lists the addresses of the client is believed', async t => {
  await publishing(t, url => (url === address ? JSON.stringify([REDIRECT_URI]) : undefined))
  const client = await aRegisteredClient({ sector_identifier_uri: address, subject_type: 'pairwise' })
  const { claims } = await client.signIn()
  assert.notEqual(claims.sub, (await (await aRegisteredClient()).signIn()).claims.sub)
})

test('oidcc-registration-sector-bad: one that does not is refused', async t => {
  const { jwk } = await aKey()
  await publishing(t, () => JSON.stringify(['https://elsewhere.example.test/cb']))
  for (const metadata of [{}, { subject_type: 'pairwise' }]) {
    const answer = await asked({ jwks: { keys: [jwk] }, sector_identifier_uri: address, ...metadata })
    assert.equal(answer.status, 400)
    assert.match(String(answer.headers['content-type']), /^application\/json/)
    assert.equal(answer.body.error, 'invalid_client_metadata')
  }
})

test('oidcc-server-rotate-keys: a new key stands beside the old one, and signs', async () => {
  const { parent } = await host()
  const { ctx } = (await provider()).server
  const client = await aRegisteredClient()
  const before = await client.signIn()
  const usual = parent.provider.signing_key
  const known = async () => (await parent.server.client().get(await parent.endpoint('jwks_uri'))).body as { keys: Row[] }
  const { keys: had } = await known()
  const pair = await generate(ctx, { name: unique('pair'), validityDays: 30, algorithm: 'rsa' })
  await parent.change({ signing_key: pair.kp_uuid })
  const after = await client.signIn()
  assert.notEqual(after.header.kid, before.header.kid)
  const { keys } = await known()
  const [old, fresh] = [before, after].map(({ header }) => keys.find(key => key.kid === header.kid))
  // `VerifyNewJwksStillHasOldSigningKey` looks for it as it was, `VerifyNewJwksHasNewSigningKey` for one that nobody saw before.
  assert.deepEqual(
    old,
    had.find(key => key.kid === before.header.kid),
  )
  assert.ok(fresh && !had.some(key => key.kid === fresh.kid || key.n === fresh.n))
  await client.party.idToken(before.tokens.id_token, { nonce: before.claims.nonce as string })
  await parent.change({ signing_key: usual })
})

test('oidcc-refresh-token-rp-key-rotation: a client that changes its key goes on with the new one', async t => {
  const { clock } = (await provider()).server
  const first = await aKey()
  let keys = [first.jwk]
  const jwks_uri = `https://app.example.test/${unique('keys')}`
  await publishing(t, url => (url === jwks_uri ? JSON.stringify({ keys }) : undefined))
  const client = await aRegisteredClient({ jwks_uri, grant_types: ['authorization_code', 'refresh_token'] }, first)
  const { tokens } = await client.signIn({ scope: 'openid offline_access', prompt: 'consent' })
  client.key = await aKey()
  keys = [client.key.jwk]
  clock.advance(31_000)
  const refreshed = await client.token({ grant_type: 'refresh_token', refresh_token: tokens.refresh_token as string })
  assert.equal(refreshed.status, 200, refreshed.text)
})

/** A client whose requests stand at an address of its own; what it publishes there. */
async function requesting(metadata: Row) {
  const address = `https://app.example.test/${unique('request')}`
  // `CreateRandomRequestUriWithFragment`: the fragment is no hash of what will stand there, since nobody knows that yet.
  const uri = `${address}#${createHash('sha256').update(address).digest('base64url')}`
  const client = await aRegisteredClient({ request_uris: [uri], ...metadata })
  const claims = (more: Row = {}) => ({
    client_id: client.metadata.client_id,
    iss: client.metadata.client_id,
    aud: client.party.issuer,
    response_type: 'code',
    redirect_uri: REDIRECT_URI,
    scope: 'openid',
    ...more,
  })
  return { address, uri, client, claims }
}

/** A sign-in by a request object: what stands in it is what counts. */
async function byObject(
  t: Parameters<typeof publishing>[0],
  metadata: Row,
  written: (claims: Row, client: Registered) => Promise<string> | string,
) {
  const { address, uri, client, claims } = await requesting(metadata)
  const [state, nonce] = [unique('state'), unique('nonce')]
  const object = await written(claims({ state, nonce }), client)
  await publishing(t, url => (url === address ? object : undefined))
  const { person } = await host()
  const query = {
    request_uri: uri,
    response_type: 'code',
    scope: 'openid',
    state: undefined,
    nonce: undefined,
  }
  const { callback, page } = await client.party.ask(person, query)
  assert.ok(callback, String(page?.text))
  assert.equal(callback.parameters.get('state'), state)
  const form = { grant_type: 'authorization_code', code: callback.parameters.get('code')!, redirect_uri: REDIRECT_URI }
  const { body, text } = await client.token(form)
  assert.ok(body.id_token, text)
  await client.party.idToken(body.id_token, { nonce })
}

test('oidcc-request-uri-unsigned: a request stands at an address that the client registered', async t => {
  const unsigned = ({ iss: _, aud: __, ...claims }: Row) => new UnsecuredJWT(claims).encode()
  for (const metadata of [{}, { request_object_signing_alg: 'none' }]) await byObject(t, metadata, unsigned)
})

const signed = (claims: Row, { key }: Registered) =>
  new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: key.jwk.kid! }).sign(key.privateKey)

test('oidcc-request-uri-signed-rs256: signed by the client', async t => {
  await byObject(t, { request_object_signing_alg: 'RS256' }, signed)
})

test('oidcc-ensure-request-object-with-redirect-uri: an address in a request object counts, and one that is not registered is refused', async t => {
  await byObject(t, {}, signed)
  const { address, uri, client, claims } = await requesting({})
  const object = await signed(claims({ redirect_uri: `${REDIRECT_URI}/other` }), client)
  await publishing(t, url => (url === address ? object : undefined))
  const { page } = await client.party.ask((await host()).person, { request_uri: uri })
  assert.equal(page?.status, 400)
})

test('oidcc-refresh-token: a refresh token is bound to its client', async () => {
  const grants = { grant_types: ['authorization_code', 'refresh_token'] }
  const [client, other] = [await aRegisteredClient(grants), await aRegisteredClient(grants)]
  const { tokens, claims } = await client.signIn({ scope: 'openid offline_access', prompt: 'consent' })
  const form = { grant_type: 'refresh_token', refresh_token: tokens.refresh_token as string }
  assert.equal((await other.token(form)).body.error, 'invalid_grant')
  const { body, status } = await client.token(form)
  assert.equal(status, 200)
  const again = await client.party.idToken(body.id_token)
  assert.deepEqual([again.sub, again.aud, again.auth_time], [claims.sub, claims.aud, claims.auth_time])
})

test('oidcc-ensure-client-assertion-with-iss-aud-succeeds: an assertion may be for the issuer', async () => {
  const client = await aRegisteredClient()
  await client.signIn({}, { claims: { aud: client.party.issuer } })
})
