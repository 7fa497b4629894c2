import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compactDecrypt, createLocalJWKSet, decodeJwt, exportJWK, generateKeyPair, jwtVerify, type JSONWebKeySet } from 'jose'
import type { Row } from '../../../api/model.ts'
import { unique } from '../../../../test/builders.ts'
import type { Answer } from '../../../../test/harness.ts'
import { outgoingOf, useOutgoing } from '../../../http/outgoing/client.ts'
import { aParty, aSignedInBrowser, REDIRECT_URI, type Party } from '../fixture.ts'

/** The claims of a signed response that the client must accept, JARM §2.4. */
async function accepted(party: Party, response: string | null): Promise<Row> {
  const { body } = await party.server.client().get(`/application/o/${party.slug}/jwks/`)
  const { issuer, clientId } = party
  const options = { issuer, audience: clientId, requiredClaims: ['exp'], currentDate: party.server.deps.now() }
  return (await jwtVerify(response ?? '', createLocalJWKSet(body as JSONWebKeySet), options)).payload
}

test('a response is one signed JWT where the client asks for it, and travels as is usual for what it holds (JARM §2.3)', async () => {
  const party = await aParty()
  const { browser } = await aSignedInBrowser()
  const cases: [Record<string, string>, string, string[]][] = [
    [{ response_mode: 'jwt' }, '?', ['code']],
    [{ response_mode: 'query.jwt' }, '?', ['code']],
    [{ response_mode: 'fragment.jwt' }, '#', ['code']],
    [{ response_mode: 'jwt', response_type: 'code id_token token', nonce: 'n' }, '#', ['code', 'id_token', 'access_token']],
    [{ response_mode: 'jwt', max_age: 'soon' }, '?', ['error', 'error_description']],
  ]
  for (const [params, mark, names] of cases) {
    const location = String((await party.authorize(browser, params)).headers.location)
    assert.ok(location.startsWith(`${REDIRECT_URI}${mark}response=`), location.slice(0, 200))
    const given = new URLSearchParams(location.slice(REDIRECT_URI.length + 1))
    assert.deepEqual([...given.keys()], ['response'], 'nothing stands beside it')
    const claims = await accepted(party, given.get('response'))
    for (const name of names) assert.ok(claims[name], `${name} ${JSON.stringify(params)}`)
    assert.equal(claims.state, 'some state')
    assert.ok(Number(claims.exp) - party.server.deps.now().getTime() / 1000 <= 600)
  }
})

test('a signed response may come as a form', async () => {
  const party = await aParty()
  const { browser } = await aSignedInBrowser()
  const page = await party.authorize(browser, { response_mode: 'form_post.jwt' })
  assert.equal(page.status, 200)
  const [, response] = /name="response" value="([^"]+)"/.exec(page.text) ?? []
  const claims = await accepted(party, response ?? null)
  assert.equal((await party.exchange(String(claims.code))).status, 200)
  assert.doesNotMatch(page.text, /name="(?:code|state)"/)
})

test('a signed response waits behind consent as any other', async () => {
  const party = await aParty({ consent: 'explicit' })
  const { browser } = await aSignedInBrowser()
  const slug = 'default-provider-authorization-explicit-consent'
  await party.authorize(browser, { response_mode: 'jwt' })
  const asked = await browser.challenge(slug, '')
  const done = await browser.challenge(slug, '', { component: asked.component, token: asked.token })
  const claims = await accepted(party, new URL(done.to).searchParams.get('response'))
  assert.equal((await party.exchange(String(claims.code))).status, 200)
})

test('tokens are not sent in a query, signed or not (Multiple Response Types §3, JARM §2.3.1)', async () => {
  const party = await aParty()
  const { browser } = await aSignedInBrowser()
  const location = String(
    (await party.authorize(browser, { response_mode: 'query.jwt', response_type: 'id_token', nonce: 'n' })).headers.location,
  )
  assert.ok(location.startsWith(`${REDIRECT_URI}#response=`), location)
  assert.equal(decodeJwt(location.split('response=')[1]!).error, 'invalid_request')
})

test('8 a redirect URI that brings a response along is refused', async () => {
  const party = await aParty({ redirect_uris: [{ matching_mode: 'regex', url: 'https://app\\.example\\.test/.*' }] })
  const { browser } = await aSignedInBrowser()
  const answer = await party.authorize(browser, { redirect_uri: 'https://app.example.test/cb?response=x', response_mode: 'jwt' })
  assert.equal(answer.status, 400)
})

/** What the client asks of its responses. */
const asking = (party: Party, metadata: Row): Promise<Answer> =>
  party.server.admin.post('/api/v3/signet/oauth2_clients/', { provider: party.provider.pk, ...metadata })

async function anEncryptionKey(alg: string) {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  return { privateKey, jwk: { ...(await exportJWK(publicKey)), kid: unique('key'), use: 'enc' } }
}

const responseOf = ({ headers }: Answer): string =>
  new URLSearchParams(String(headers.location).slice(REDIRECT_URI.length + 1)).get('response') ?? ''

test('a response is encrypted for the key of a client that asks for it, errors no less than codes (JARM §2.2)', async () => {
  for (const [alg, enc] of [
    ['RSA-OAEP-256', 'A256GCM'],
    ['ECDH-ES+A128KW', null],
  ] as const) {
    const { privateKey, jwk } = await anEncryptionKey(alg)
    const signing = { ...(await exportJWK((await generateKeyPair('ES256')).publicKey)), use: 'sig' }
    const party = await aParty()
    const wanted = { authorization_encrypted_response_alg: alg, ...(enc && { authorization_encrypted_response_enc: enc }) }
    assert.equal((await asking(party, { jwks: { keys: [signing, jwk] }, ...wanted })).status, 201)
    const found = (await party.server.client().get(`/application/o/${party.slug}/.well-known/openid-configuration`)).body
    assert.deepEqual(found.authorization_encryption_alg_values_supported, [alg])
    assert.deepEqual(found.authorization_encryption_enc_values_supported, [enc ?? 'A128CBC-HS256'])
    const { browser } = await aSignedInBrowser()
    const opened = async (params: Record<string, string>) => {
      const { protectedHeader, plaintext } = await compactDecrypt(responseOf(await party.authorize(browser, params)), privateKey)
      assert.partialDeepStrictEqual(protectedHeader, { alg, enc: enc ?? 'A128CBC-HS256', kid: jwk.kid, cty: 'JWT' })
      return accepted(party, new TextDecoder().decode(plaintext))
    }
    assert.equal((await party.exchange(String((await opened({ response_mode: 'jwt' })).code))).status, 200)
    assert.equal((await opened({ response_mode: 'jwt', max_age: 'soon' })).error, 'invalid_request')
    const tokens = await party.authorize(browser, { response_mode: 'query.jwt', response_type: 'id_token', nonce: 'n' })
    assert.ok(String(tokens.headers.location).startsWith(`${REDIRECT_URI}?response=`), 'what nobody else can read may stand in a query')
    assert.ok((await opened({ response_mode: 'query.jwt', response_type: 'id_token', nonce: 'n' })).id_token)
  }
})

test('a response is signed by the algorithm that the client asks for, whatever its ID tokens are signed by (JARM §3)', async () => {
  const party = await aParty({ key: 'rsa' })
  assert.equal((await asking(party, { authorization_signed_response_alg: 'PS256' })).status, 201)
  const { browser } = await aSignedInBrowser()
  const [header = ''] = responseOf(await party.authorize(browser, { response_mode: 'jwt' })).split('.')
  assert.equal(JSON.parse(Buffer.from(header, 'base64url').toString()).alg, 'PS256')
  const found = (await party.server.client().get(`/application/o/${party.slug}/.well-known/openid-configuration`)).body
  assert.deepEqual([found.authorization_signing_alg_values_supported, found.id_token_signing_alg_values_supported], [['PS256'], ['RS256']])
})

test('encryption without a key that fits is refused when it is asked for', async () => {
  const { jwk } = await anEncryptionKey('RSA-OAEP-256')
  const alg = 'authorization_encrypted_response_alg'
  const needs = { [alg]: ['This needs a key of the client.'] }
  const party = await aParty()
  assert.deepEqual((await asking(party, { [alg]: 'ECDH-ES', jwks: { keys: [jwk] } })).body, needs, 'a key of another kind')
  assert.deepEqual((await asking(party, { [alg]: 'RSA-OAEP', jwks: { keys: [{ ...jwk, use: 'sig' }] } })).body, needs, 'a key for signing')
  assert.deepEqual((await asking(party, { authorization_encrypted_response_enc: 'A256GCM' })).body, {
    authorization_encrypted_response_enc: [`This goes with ${alg} alone.`],
  })
})

test('where the key to encrypt for cannot be had the person sees a page, and nothing goes anywhere in the clear', async t => {
  const party = await aParty()
  const jwks_uri = `https://app.example.test/${unique('keys')}`
  assert.equal((await asking(party, { jwks_uri, authorization_encrypted_response_alg: 'RSA-OAEP' })).status, 201)
  const { config } = party.server.deps
  const before = outgoingOf(config)
  t.after(() => useOutgoing(config, before))
  const body = new TextEncoder().encode('{"keys":[]}')
  useOutgoing(config, async url => ({ status: 200, reason: '', headers: {}, body, url, history: [], elapsed: 1 }))
  const { browser } = await aSignedInBrowser()
  const page = await party.authorize(browser, { response_mode: 'jwt' })
  assert.equal(page.status, 400)
  assert.match(page.text, /no key to encrypt for/)
  const pushed = await party.post('par', { response_type: 'code', redirect_uri: REDIRECT_URI, scope: 'openid', response_mode: 'jwt' })
  assert.deepEqual([pushed.status, pushed.body.error], [400, 'invalid_request'])
  assert.ok(await party.code(browser), 'who asks for no JWT needs no key')
})
