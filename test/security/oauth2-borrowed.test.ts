/** Abuse cases of what one request hands to another, and of names that are read wrongly, by their numbers. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { certified } from '../certificates.ts'
import { unique } from '../builders.ts'
import { clientOf } from '../harness.ts'
import { aParty, aSignedInBrowser, mounted, oauthServer, type Party } from '../../src/providers/oauth2/fixture.ts'

/** A policy that whoever opens the application has to pass. */
async function bound({ server, application }: Party, expression: string): Promise<void> {
  const policy = await server.admin.post('/api/v3/policies/expression/', { name: unique('policy'), expression })
  assert.equal(policy.status, 201, policy.text)
  const binding = { policy: policy.body.pk, target: application.pk, order: 0 }
  assert.equal((await server.admin.post('/api/v3/policies/bindings/', binding)).status, 201)
}

const machine = { grant_type: 'client_credentials', scope: 'openid' }

test('18 what a policy writes into the scopes that it is told of is not granted', async () => {
  const party = await aParty({ scopes: ['openid', 'offline_access'] })
  await bound(party, 'request.context["oauth_scopes"].append("goauthentik.io/api")\nreturn True')
  const { browser } = await aSignedInBrowser()
  const tokens = await party.tokens(browser, { scope: 'openid offline_access' })
  assert.equal(tokens.scope, 'openid offline_access')
  assert.equal((await party.refresh(tokens.refresh_token)).body.scope, 'openid offline_access')
  assert.equal((await party.token(machine)).body.scope, 'openid')
  assert.equal((await party.server.client(tokens.access_token).get('/api/v3/core/users/me/')).status, 403)
})

test('30 what an expression leaves on an application or a provider is not there for the next request', async () => {
  const party = await aParty({ scopes: ['openid'] })
  await bound(party, 'before = getattr(request.obj, "backend", None)\nrequest.obj.backend = "of the one before"\nreturn before is None')
  for (const _ of [1, 2]) assert.equal((await party.token(machine)).status, 400, 'an application has no such thing')
  const account = await aParty({ scopes: ['openid'] })
  await bound(account, 'before = getattr(request.user, "backend", None)\nrequest.user.backend = "mine"\nreturn before is None')
  for (const _ of [1, 2]) assert.equal((await account.token(machine)).status, 200)
})

test('22 a name inside of another name of a certificate is none of its own (CVE-2021-44532)', async () => {
  const { deps, admin } = await oauthServer()
  const header = 'ssl-client-cert'
  const app = await mounted({ ...deps, config: { ...deps.config, web: { ...deps.config.web, client_certificate_header: header } } })
  const authority = certified({ commonName: unique('authority'), authority: true })
  const stored = await admin.post('/api/v3/crypto/certificatekeypairs/', {
    name: unique('authority'),
    certificate_data: authority.certificate,
  })
  const party = await aParty()
  const method = { token_endpoint_auth_method: 'tls_client_auth', tls_client_auth_ca: stored.body.pk }
  const metadata = { provider: party.provider.pk, ...method, tls_client_auth_san_dns: 'victim.example.test' }
  assert.equal((await admin.post('/api/v3/signet/oauth2_clients/', metadata)).status, 201)
  const ask = (certificate: string) =>
    clientOf(app).request('POST', '/application/o/token/', {
      payload: new URLSearchParams({ ...machine, client_id: party.clientId }).toString(),
      headers: { 'content-type': 'application/x-www-form-urlencoded', [header]: encodeURIComponent(certificate) },
    })
  const inside = ['urn:x, DNS:victim.example.test, urn:y', 'urn:x", DNS:victim.example.test, "urn:y', 'urn:x\\", DNS:victim.example.test']
  for (const uri of inside) {
    const { certificate } = certified({ commonName: 'x', uri }, authority)
    assert.equal((await ask(certificate)).body.error, 'invalid_client', uri)
  }
  const right = certified({ commonName: 'x', email: 'a, b@example.test', dns: 'victim.example.test' }, authority)
  assert.equal((await ask(right.certificate)).status, 200)
  await app.close()
})

/** Proofs of possession (RFC 9449) by a fresh key. */
async function aProver() {
  const { ctx } = await oauthServer()
  const { privateKey, publicKey } = await generateKeyPair('ES256')
  const jwk = await exportJWK(publicKey)
  return (claims: Record<string, unknown>) =>
    new SignJWT({ jti: unique('jti'), ...claims })
      .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk })
      .setIssuedAt(ctx.now())
      .sign(privateKey)
}

test('23 a proof for a token that nobody gave out leaves nothing behind', async () => {
  const { ctx, client } = await oauthServer()
  const prove = await aProver()
  const seen = async () => (await ctx.db.selectFrom('oauth2_seen').select('seen_hash').execute()).length
  const before = await seen()
  for (const token of ['nonsense', `eyJhbGciOiJub25lIn0.${Buffer.from(`{"uid":"${'0'.repeat(40)}"}`).toString('base64url')}.x`]) {
    const ath = createHash('sha256').update(token).digest('base64url')
    const dpop = await prove({ htm: 'GET', htu: 'https://id.example.test/application/o/userinfo/', ath })
    const answer = await client().request('GET', '/application/o/userinfo/', { headers: { authorization: `DPoP ${token}`, dpop } })
    assert.equal(answer.status, 401)
  }
  assert.equal(await seen(), before)
})

test('23 a proof is for the address that was asked, also where everything lies below a path', async () => {
  const { deps } = await oauthServer()
  const app = await mounted({ ...deps, config: { ...deps.config, web: { ...deps.config.web, path: '/auth/' } } })
  const prove = await aProver()
  const party = await aParty()
  const form = { ...machine, client_id: party.clientId, client_secret: String(party.provider.client_secret) }
  const outcomes = { '/auth/application/o/token/': 200, '/application/o/token/': 400, '/auth/auth/application/o/token/': 400 }
  for (const [path, status] of Object.entries(outcomes)) {
    const dpop = await prove({ htm: 'POST', htu: `https://id.example.test${path}` })
    const answer = await clientOf(app).request('POST', '/auth/application/o/token/', {
      payload: new URLSearchParams(form).toString(),
      headers: { 'content-type': 'application/x-www-form-urlencoded', dpop },
    })
    assert.equal(answer.status, status, path)
  }
  await app.close()
})
