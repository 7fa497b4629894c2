import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeJwt } from 'jose'
import { X509Certificate } from 'node:crypto'
import { certified, type Certified } from '../../../../test/certificates.ts'
import { unique } from '../../../../test/builders.ts'
import { clientOf } from '../../../../test/harness.ts'
import type { Row } from '../../../api/model.ts'
import { certificateInHeader } from '../../../http/client-certificate.ts'
import { aParty, aSignedInBrowser, mounted, oauthServer, Party, pkce, REDIRECT_URI, type OAuthServer } from '../fixture.ts'

const HEADER = 'ssl-client-cert'

let servers: Promise<OAuthServer> | undefined
/** The shared server, told in which header its proxies tell of certificates. */
const behindProxy = (): Promise<OAuthServer> =>
  (servers ??= oauthServer().then(async on => {
    const { config } = on.deps
    const app = await mounted({ ...on.deps, config: { ...config, web: { ...config.web, client_certificate_header: HEADER } } })
    const client: OAuthServer['client'] = token =>
      clientOf(app, (): Record<string, string> => (token === undefined ? {} : { authorization: `Bearer ${token}` }))
    return { ...on, app, client }
  }))

async function aClient(metadata: Row, values: Row = {}): Promise<Party> {
  const party = await aParty(values)
  const made = await party.server.admin.post('/api/v3/signet/oauth2_clients/', { provider: party.provider.pk, ...metadata })
  assert.equal(made.status, 201, made.text)
  return new Party(await behindProxy(), party.provider, party.application)
}

async function anAuthority(): Promise<Certified & { pk: string }> {
  const authority = certified({ commonName: unique('authority'), authority: true })
  const { admin } = await oauthServer()
  const made = await admin.post('/api/v3/crypto/certificatekeypairs/', {
    name: unique('authority'),
    certificate_data: authority.certificate,
  })
  assert.equal(made.status, 201, made.text)
  return { ...authority, pk: made.body.pk }
}

const header = ({ certificate }: Certified) => ({ [HEADER]: encodeURIComponent(certificate) })
const machine = { grant_type: 'client_credentials', scope: 'openid profile' }
const prove = (party: Party, headers: Record<string, string> = {}, more: Record<string, string> = {}) =>
  party.token({ ...machine, ...more }, { basic: false, headers })

test('a client proves itself by a certificate of its authority, in the name that it is registered by (RFC 8705 §2.1)', async () => {
  const authority = await anAuthority()
  const names: [Row, Parameters<typeof certified>[0]][] = [
    [{ tls_client_auth_subject_dn: 'CN=client one, O=Example' }, { commonName: 'client one' }],
    [{ tls_client_auth_san_dns: 'Client.example.test' }, { commonName: 'x', dns: 'client.example.test' }],
    [{ tls_client_auth_san_uri: 'urn:client:one' }, { commonName: 'x', uri: 'urn:client:one' }],
    [{ tls_client_auth_san_email: 'client@example.test' }, { commonName: 'x', email: 'client@example.test' }],
  ]
  for (const [metadata, wanted] of names) {
    const party = await aClient({ token_endpoint_auth_method: 'tls_client_auth', tls_client_auth_ca: authority.pk, ...metadata })
    const answer = await prove(party, header(certified(wanted, authority)))
    assert.equal(answer.status, 200, `${JSON.stringify(metadata)} ${answer.text}`)
  }
})

test('22 a certificate that is not quite right proves nothing', async () => {
  const authority = await anAuthority()
  const other = certified({ commonName: 'another authority', authority: true })
  const lookalike = { ...certified({ commonName: 'x', authority: true }), name: authority.name }
  const party = await aClient({
    token_endpoint_auth_method: 'tls_client_auth',
    tls_client_auth_ca: authority.pk,
    tls_client_auth_san_dns: 'client.example.test',
  })
  const dns = 'client.example.test'
  const right = certified({ commonName: 'x', dns }, authority)
  const wrong: Record<string, Record<string, string>> = {
    none: {},
    'of another authority': header(certified({ commonName: 'x', dns }, other)),
    'of an authority of the same name': header(certified({ commonName: 'x', dns }, lookalike)),
    'of itself': header(certified({ commonName: 'x', dns })),
    'issued by a client': header(certified({ commonName: 'x', dns }, right)),
    'with another name': header(certified({ commonName: 'x', dns: 'other.example.test' }, authority)),
    'with the name in the wrong place': header(certified({ commonName: dns, uri: dns }, authority)),
    'with the name among others': header(certified({ commonName: 'x', uri: `x, DNS:${dns}` }, authority)),
    over: header(certified({ commonName: 'x', dns, days: -1 }, authority)),
    'for servers alone': header(certified({ commonName: 'x', dns, serverOnly: true }, authority)),
    'of its key in the name of another authority': header(certified({ commonName: 'x', dns }, { ...authority, name: other.name })),
    'that cannot be read': { [HEADER]: 'nonsense' },
    'in another header': { 'x-forwarded-client-cert': encodeURIComponent(right.certificate) },
  }
  for (const [what, headers] of Object.entries(wrong)) assert.equal((await prove(party, headers)).body.error, 'invalid_client', what)
  assert.equal((await prove(party, header(right), { client_secret: String(party.provider.client_secret) })).body.error, 'invalid_client')
  const plain = new Party(await oauthServer(), party.provider, party.application)
  assert.equal((await prove(plain, header(right))).body.error, 'invalid_client', 'a server that was told of no header reads none')
  const secret = await aClient({})
  assert.equal((await prove(secret, header(right))).status, 400, 'a client that was not registered for it')
  assert.equal((await prove(party, header(right))).status, 200)
})

test('22 an authority that is over, or none at all, vouches for nobody', async () => {
  const { admin } = await oauthServer()
  const dns = 'client.example.test'
  for (const wanted of [{ authority: true, days: -1 }, { authority: false }]) {
    const issuer = certified({ commonName: unique('authority'), ...wanted })
    const made = await admin.post('/api/v3/crypto/certificatekeypairs/', { name: unique('ca'), certificate_data: issuer.certificate })
    const party = await aClient({
      token_endpoint_auth_method: 'tls_client_auth',
      tls_client_auth_ca: made.body.pk,
      tls_client_auth_san_dns: dns,
    })
    const answer = await prove(party, header(certified({ commonName: 'x', dns }, issuer)))
    assert.equal(answer.body.error, 'invalid_client', JSON.stringify(wanted))
  }
})

test('a header counts only from a trusted proxy', async () => {
  const authority = await anAuthority()
  const party = await aClient({
    token_endpoint_auth_method: 'tls_client_auth',
    tls_client_auth_ca: authority.pk,
    tls_client_auth_san_dns: 'client.example.test',
  })
  const { app } = await behindProxy()
  const right = certified({ commonName: 'x', dns: 'client.example.test' }, authority)
  const ask = (remoteAddress: string) =>
    app.inject({
      method: 'POST',
      url: '/application/o/token/',
      remoteAddress,
      headers: { ...header(right), 'content-type': 'application/x-www-form-urlencoded' },
      payload: new URLSearchParams({ ...machine, client_id: party.clientId }).toString(),
    })
  assert.equal((await ask('203.0.113.7')).json().error, 'invalid_client')
  assert.equal((await ask('127.0.0.1')).statusCode, 200)
})

test('a client proves itself by a certificate of its own key, whoever signed it (RFC 8705 §2.2)', async () => {
  const [own, other] = [certified({ commonName: 'own' }), certified({ commonName: 'own' })]
  const jwk = new X509Certificate(own.certificate).publicKey.export({ format: 'jwk' })
  const party = await aClient({ token_endpoint_auth_method: 'self_signed_tls_client_auth', jwks: { keys: [jwk] } })
  assert.equal((await prove(party, header(own))).status, 200)
  assert.equal((await prove(party, header(other))).body.error, 'invalid_client')
  assert.equal((await prove(party)).body.error, 'invalid_client')
  const old = certified({ commonName: 'own', days: -1 })
  const key = new X509Certificate(old.certificate).publicKey.export({ format: 'jwk' })
  const late = await aClient({ token_endpoint_auth_method: 'self_signed_tls_client_auth', jwks: { keys: [key] } })
  assert.equal((await prove(late, header(old))).body.error, 'invalid_client', 'over')
})

test('no token that is bound to a certificate comes by the browser', async () => {
  const party = await aClient({ tls_client_certificate_bound_access_tokens: true })
  const { browser } = await aSignedInBrowser()
  const response = await party.response(browser, { response_type: 'id_token token', nonce: 'n' })
  assert.deepEqual([response.get('error'), response.has('access_token')], ['unauthorized_client', false])
})

test('a token that is bound to a certificate is of no use without it (RFC 8705 §3)', async () => {
  const [own, other] = [certified({ commonName: 'own' }), certified({ commonName: 'other' })]
  const party = await aClient({ tls_client_certificate_bound_access_tokens: true }, { client_type: 'public' })
  const { browser } = await aSignedInBrowser()
  const { challenge, verifier } = pkce()
  const code = async () => party.code(browser, { scope: 'openid offline_access', code_challenge: challenge, code_challenge_method: 'S256' })
  const buy = async (headers: Record<string, string>) =>
    party.token({ grant_type: 'authorization_code', code: await code(), redirect_uri: REDIRECT_URI, code_verifier: verifier }, { headers })
  assert.equal((await buy({})).body.error, 'invalid_request')
  const { body } = await buy(header(own))
  const thumbprint = new X509Certificate(own.certificate).fingerprint256.replaceAll(':', '').toLowerCase()
  assert.equal(Buffer.from((decodeJwt(body.access_token).cnf as Row)['x5t#S256'] as string, 'base64url').toString('hex'), thumbprint)
  const use = (headers: Record<string, string>) => party.server.client(body.access_token).get('/application/o/userinfo/', headers)
  assert.equal((await use(header(own))).status, 200)
  for (const headers of [{}, header(other)]) assert.equal((await use(headers)).status, 401)
  const refresh = (headers: Record<string, string>) =>
    party.token({ grant_type: 'refresh_token', refresh_token: body.refresh_token }, { headers })
  assert.equal((await refresh({})).status, 400)
  assert.equal((await refresh(header(other))).body.error, 'invalid_grant')
  assert.equal((await refresh(header(own))).status, 200)
  const metadata = (await party.server.client().get(`/application/o/${party.slug}/.well-known/openid-configuration`)).body
  assert.equal(metadata.tls_client_certificate_bound_access_tokens, true)
})

test('an administrator is told what cannot work', async () => {
  const { admin } = await oauthServer()
  const authority = await anAuthority()
  const send = async (metadata: Row) =>
    admin.post('/api/v3/signet/oauth2_clients/', { provider: (await aParty()).provider.pk, ...metadata })
  const method = { token_endpoint_auth_method: 'tls_client_auth' }
  assert.ok((await send({ ...method, tls_client_auth_ca: authority.pk })).body.token_endpoint_auth_method)
  assert.ok((await send({ ...method, tls_client_auth_san_dns: 'a.test' })).body.tls_client_auth_ca)
  const both = { ...method, tls_client_auth_ca: authority.pk, tls_client_auth_san_dns: 'a.test', tls_client_auth_san_uri: 'urn:a' }
  assert.ok((await send(both)).body.token_endpoint_auth_method)
  assert.ok((await send({ token_endpoint_auth_method: 'self_signed_tls_client_auth' })).body.jwks)
})

test('certificates are read as proxies write them', () => {
  const { certificate } = certified({ commonName: 'written' })
  const expected = new X509Certificate(certificate).fingerprint256
  const base64 = certificate.replaceAll(/-----[^-]+-----|\n/g, '')
  const forms = {
    'nginx, escaped': encodeURIComponent(certificate),
    'as it stands': certificate.replaceAll('\n', ' \n'),
    Traefik: `${base64},${base64}`,
    'Traefik, escaped': encodeURIComponent(base64),
    'RFC 9440': `:${base64}:`,
    Envoy: `By=spiffe://x;Hash=abc;Cert="${encodeURIComponent(certificate)}";Subject="CN=x"`,
    'Envoy, two hops': `Hash=1;Cert="${encodeURIComponent('nonsense')}",Hash=2;Cert="${encodeURIComponent(certificate)}"`,
  }
  for (const [what, form] of Object.entries(forms)) assert.equal(certificateInHeader(form)?.fingerprint256, expected, what)
  for (const none of [undefined, '', 'nonsense', '%', 'Cert="', ['a', 'b'], 'x'.repeat(20_000)])
    assert.equal(certificateInHeader(none), undefined)
})
