/** Abuse cases of the OAuth 2 endpoints as web servers, by their numbers. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { createObject } from '../../src/api/objects.ts'
import { ClientMetadata } from '../../src/providers/oauth2/client/metadata.ts'
import { aParty, aSignedInBrowser, mounted, oauthServer, REDIRECT_URI } from '../../src/providers/oauth2/fixture.ts'
import { unique } from '../builders.ts'
import { clientOf, type Answer } from '../harness.ts'

test('22 what was made for another server is not made for this one because a Host header says so', async () => {
  const { deps, ctx, admin } = await oauthServer()
  const app = await mounted({ ...deps, config: { ...deps.config, public_url: 'https://id.example.test' } })
  const { privateKey, publicKey } = await generateKeyPair('ES256')
  const jwk = { ...(await exportJWK(publicKey)), kid: unique('key') }
  const party = await aParty()
  const proving = { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [jwk] } }
  await createObject(ctx, ClientMetadata, { provider: party.provider.pk, ...proving })
  await admin.post('/api/v3/core/brands/', { domain: 'brand.example.test' })
  const bound = await aParty()
  const post = (path: string, host: string, form: Record<string, string>, headers: Record<string, string> = {}) =>
    clientOf(app).request('POST', path, {
      payload: new URLSearchParams(form).toString(),
      headers: { 'content-type': 'application/x-www-form-urlencoded', host, ...headers },
    })
  const ask = (host: string, form: Record<string, string>, headers: Record<string, string> = {}) =>
    post('/application/o/token/', host, { grant_type: 'client_credentials', ...form }, headers)
  const asserting = async (aud: string) => ({
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: await new SignJWT({ jti: unique('jti') })
      .setProtectedHeader({ alg: 'ES256', kid: jwk.kid })
      .setIssuer(party.clientId)
      .setSubject(party.clientId)
      .setAudience(aud)
      .setIssuedAt(ctx.now())
      .setExpirationTime(new Date(ctx.now().getTime() + 60_000))
      .sign(privateKey),
  })
  const proof = (htu: string) =>
    new SignJWT({ jti: unique('jti'), htm: 'POST', htu })
      .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: { kty: jwk.kty!, crv: jwk.crv!, x: jwk.x!, y: jwk.y! } })
      .setIssuedAt(ctx.now())
      .sign(privateKey)
  const requestObject = (aud: string) =>
    new SignJWT({ client_id: party.clientId, response_type: 'code', redirect_uri: REDIRECT_URI, scope: 'openid' })
      .setProtectedHeader({ alg: 'ES256', kid: jwk.kid, typ: 'oauth-authz-req+jwt' })
      .setIssuer(party.clientId)
      .setAudience(aud)
      .sign(privateKey)
  const secret = { client_id: bound.clientId, client_secret: String(bound.provider.client_secret) }
  const { token: path, issuer } = { token: '/application/o/token/', issuer: `/application/o/${party.slug}/` }
  const outcomes: [asked: string, meant: string, good: boolean][] = [
    ['id.example.test', 'id.example.test', true],
    ['evil.test', 'evil.test', false],
    ['id.example.test.evil.test', 'id.example.test.evil.test', false],
    ['evil.test', 'id.example.test', true],
    ['eu.brand.example.test', 'eu.brand.example.test', true],
    ['id.example.test', 'eu.brand.example.test', false],
  ]
  for (const [asked, meant, good] of outcomes) {
    for (const at of [path, issuer])
      assert.equal((await ask(asked, await asserting(`https://${meant}${at}`))).status, good ? 200 : 400, `${asked} ${meant} ${at}`)
    const answer = await ask(asked, secret, { dpop: await proof(`https://${meant}${path}`) })
    assert.equal(answer.status, good ? 200 : 400, `${asked} ${meant}`)
    const here = asked.endsWith('evil.test') ? 'id.example.test' : asked
    const pushed = await post('/application/o/par/', asked, {
      ...(await asserting(`https://${here}${issuer}`)),
      request: await requestObject(`https://${meant}${issuer}`),
    })
    assert.deepEqual([pushed.status, pushed.body.error], good ? [201, undefined] : [400, 'invalid_request_object'], `${asked} ${meant}`)
  }
  await app.close()
})

test('68 requests that two servers would read differently are refused', async () => {
  const { deps } = await oauthServer()
  const app = await mounted(deps)
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as { port: number }
  const body = 'grant_type=client_credentials'
  const shapes = [
    `Content-Length: ${body.length}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n`,
    `Transfer-Encoding: chunked, identity\r\n\r\n${body}`,
    `Transfer-Encoding: xchunked\r\n\r\n${body}`,
    `Content-Length: ${body.length}\r\nContent-Length: 4\r\n\r\n${body}`,
    `Content-Length: +${body.length}\r\n\r\n${body}`,
    `Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n`,
  ]
  for (const shape of shapes) {
    const answer = await raw(
      port,
      `POST /application/o/token/ HTTP/1.1\r\nHost: id.example.test\r\nContent-Type: application/x-www-form-urlencoded\r\n${shape}`,
    )
    assert.match(answer, /^HTTP\/1\.1 400 /, JSON.stringify(shape))
    assert.equal(answer.split('HTTP/1.1 ').length, 2, 'one answer, and the connection ends')
  }
  await app.close()
})

/** Sends bytes and reads until the server closes. */
const raw = (port: number, bytes: string): Promise<string> =>
  new Promise((resolve, reject) => {
    let answer = ''
    const socket = connect(port, '127.0.0.1', () => void socket.write(bytes))
    socket
      .setEncoding('latin1')
      .on('data', chunk => (answer += chunk))
      .on('close', () => resolve(answer))
      .on('error', reject)
  })

test('74 secrets are compared in a time that tells nothing', async () => {
  // The comparison hashes both sides under a random key, so length and common beginnings cannot show; here is that nothing shorter passes.
  const party = await aParty()
  const secret = String(party.provider.client_secret)
  for (const wrong of [secret.slice(0, -1), `${secret}x`, secret.toLowerCase(), '']) {
    const answer = await party.token({ grant_type: 'refresh_token', refresh_token: 'x', client_secret: wrong }, { basic: false })
    assert.partialDeepStrictEqual(answer, { status: 400, body: { error: 'invalid_client' } })
  }
})

test('76 only registered origins may read, and what a token says of itself has no part in that', async () => {
  const party = await aParty()
  const { browser } = await aSignedInBrowser()
  const { access_token: token } = await party.tokens(browser)
  const origin = new URL(REDIRECT_URI).origin
  const headers = async (of: Promise<Answer>) => (await of).headers['access-control-allow-origin']
  assert.equal(await headers(party.server.client(token).get('/application/o/userinfo/', { origin })), origin)
  const evil = 'https://evil.test'
  for (const other of [evil, 'null', `${origin}.evil.test`, origin.toUpperCase(), `${origin}:8443`]) {
    assert.equal(await headers(party.server.client(token).get('/application/o/userinfo/', { origin: other })), undefined, other)
    assert.equal(await headers(party.token({ grant_type: 'client_credentials' }, { headers: { origin: other } })), undefined, other)
  }
  // CVE-2026-37977: a token that nobody signed named the client whose origins were let in.
  const [head, body] = [
    '{"alg":"none"}',
    JSON.stringify({ azp: party.clientId, client_id: party.clientId, aud: party.clientId, origin: evil }),
  ]
  const forged = `${Buffer.from(head).toString('base64url')}.${Buffer.from(body).toString('base64url')}.`
  for (const bad of ['nonsense', forged]) {
    const ask = (origin: string) => party.server.client(bad).get('/application/o/userinfo/', { origin })
    assert.equal(await headers(ask(evil)), undefined)
    assert.equal(await headers(ask(origin)), origin) // the refusal alone, and it says nothing
    assert.equal((await ask(origin)).text, '')
  }
})

test('15 whoever holds tokens that are over does not fill the audit log with them', async () => {
  const party = await aParty()
  const { browser, user } = await aSignedInBrowser()
  const tokens = await party.tokens(browser, { scope: 'openid offline_access' })
  await party.post('revoke', { token: tokens.refresh_token })
  const events = async () =>
    (await party.server.admin.get(`/api/v3/events/events/?action=suspicious_request&username=${String(user.username)}`)).body.pagination
      .count
  await party.refresh(tokens.refresh_token)
  assert.equal(await events(), 1)
  for (let times = 0; times < 10; times++) {
    assert.equal((await party.userinfo(tokens.access_token)).status, 401)
    assert.equal((await party.refresh(tokens.refresh_token)).status, 400)
  }
  assert.equal(await events(), 5)
})

test('70 no cache keeps what the API answers: there are secrets and tokens among it', async () => {
  const party = await aParty()
  const { admin, client } = party.server
  for (const answer of [
    await admin.get(`/api/v3/providers/oauth2/${String(party.provider.pk)}/`),
    await admin.get('/api/v3/core/tokens/'),
    await client().get('/api/v3/core/tokens/'),
    await admin.get('/api/v3/nowhere/'),
  ])
    assert.equal(answer.headers['cache-control'], 'no-store', answer.text)
})
