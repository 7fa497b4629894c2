/** Config OP: `oidcc-config-certification-test-plan`. What the discovery document must say, and that what it says is so. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLocalJWKSet, exportJWK, generateKeyPair, jwtVerify, type JWK } from 'jose'
import { createObject } from '../../src/api/objects.ts'
import type { Row } from '../../src/api/model.ts'
import { ClientMetadata } from '../../src/providers/oauth2/client/metadata.ts'
import { unique } from '../builders.ts'
import { HOST } from '../harness.ts'
import { aClient, aPerson, provider, type RelyingParty } from './driver.ts'
import { soundKeys } from './key-set.ts'
import { soundMembers } from './members.ts'

const WELL_KNOWN = '.well-known/openid-configuration'

async function documentAt(path: string): Promise<Row> {
  const answer = await (await provider()).server.client().get(path)
  assert.equal(answer.status, 200, path)
  assert.match(String(answer.headers['content-type']), /^application\/json/)
  return answer.body as Row
}

/** OIDC Discovery §3 and RFC 8414 §2, as the module checks them. */
async function checkDocument(document: Row, path: string): Promise<void> {
  assert.equal(`${String(document.issuer)}${WELL_KNOWN}`, `https://${HOST}${path}`)
  const issuer = new URL(String(document.issuer))
  assert.deepEqual([issuer.protocol, issuer.search, issuer.hash], ['https:', '', ''])
  for (const name of ['authorization_endpoint', 'token_endpoint', 'userinfo_endpoint', 'jwks_uri', 'end_session_endpoint'])
    assert.equal(new URL(String(document[name])).origin, `https://${HOST}`, name)
  soundMembers(document)
  for (const [name, value] of Object.entries(document))
    if (/_(?:endpoint|uri|iframe)$/.test(name)) assert.match(String(value), /^https:\/\//, name)
  const includes = (name: string, ...values: string[]) => {
    assert.ok(Array.isArray(document[name]), name)
    for (const value of values) assert.ok((document[name] as string[]).includes(value), `${value} in ${name}`)
    assert.equal(new Set(document[name] as string[]).size, (document[name] as string[]).length, `${name} says nothing twice`)
  }
  includes('response_types_supported', 'code')
  includes('subject_types_supported', 'public')
  includes('id_token_signing_alg_values_supported', 'RS256')
  includes('grant_types_supported', 'authorization_code', 'implicit')
  includes('scopes_supported', 'openid')
  includes('claims_supported', 'sub', 'email', 'name')
  includes('code_challenge_methods_supported', 'S256')
  includes('token_endpoint_auth_methods_supported', 'client_secret_basic', 'client_secret_post')
  for (const name of ['userinfo', 'request_object'].map(kind => `${kind}_signing_alg_values_supported`))
    if (document[name] !== undefined) includes(name, 'RS256')
  includes('ui_locales_supported', 'en')
  for (const scope of document.scopes_supported as string[]) assert.match(scope, /^[\u0021\u0023-\u005b\u005d-\u007e]+$/) // RFC 6749 §3.3
  for (const tag of document.ui_locales_supported as string[]) assert.equal(Intl.getCanonicalLocales(tag)[0], tag)
  for (const name of ['request_parameter_supported', 'request_uri_parameter_supported', 'claims_parameter_supported'])
    assert.equal(typeof document[name], 'boolean', name)
  await checkKeys(document)
}

/** There is a key for RS256, and all are as they should be. */
async function checkKeys(document: Row): Promise<void> {
  const { keys } = await documentAt(new URL(String(document.jwks_uri)).pathname)
  const all = keys as Row[]
  assert.ok(all.some(({ kty, use }) => kty === 'RSA' && use === 'sig'))
  soundKeys(all)
}

test('oidcc-discovery-endpoint-verification: the document of an application says what the specifications want', async () => {
  const client = await aClient()
  const path = `/application/o/${client.slug}/${WELL_KNOWN}`
  const document = await documentAt(path)
  await checkDocument(document, path)
  // RFC 8414 §3.1 takes the slash at the end of the issuer away
  for (const end of ['', '/'])
    assert.deepEqual(await documentAt(`/.well-known/oauth-authorization-server/application/o/${client.slug}${end}`), document)
})

test('oidcc-discovery-endpoint-verification: so does the document of the issuer that several applications share', async () => {
  const two = await Promise.all([aClient({ issuer_mode: 'global' }), aClient({ issuer_mode: 'global', key: 'ec' })])
  // What is said of request objects is what all who share the issuer have keys for: other tests' clients too, which may have none for RS256.
  const jwks = { keys: [await exportJWK((await generateKeyPair('RS256')).publicKey)] }
  await createObject((await provider()).server.ctx, ClientMetadata, { provider: two[0].provider.pk, jwks })
  const path = `/${WELL_KNOWN}`
  const document = await documentAt(path)
  await checkDocument(document, path)
  assert.deepEqual(await documentAt('/.well-known/oauth-authorization-server'), document)
  const { keys } = await documentAt(new URL(String(document.jwks_uri)).pathname)
  const person = await aPerson()
  await person.signIn()
  for (const client of two) {
    assert.equal((await client.metadata()).issuer, document.issuer)
    const { callback } = await client.ask(person)
    assert.ok(callback)
    assert.equal(callback.parameters.get('iss'), document.issuer)
    const { body } = await client.exchange(callback.parameters.get('code')!)
    const { payload } = await jwtVerify(body.id_token, createLocalJWKSet({ keys: keys as JWK[] }), { issuer: String(document.issuer) })
    assert.equal(payload.aud, client.clientId)
  }
})

/** Whether a response mode brings a code in the way that its name says. */
async function triedMode(client: RelyingParty, mode: string): Promise<boolean> {
  const person = await aPerson()
  await person.signIn()
  const { callback } = await client.ask(person, { response_mode: mode })
  return callback !== undefined && callback.parameters.has(mode.includes('jwt') ? 'response' : 'code')
}

test('what the document offers of the authorization endpoint is there, and what it does not is refused', async () => {
  const client = await aClient()
  const document = await client.metadata()
  for (const mode of document.response_modes_supported as string[]) assert.ok(await triedMode(client, mode), mode)
  const person = await aPerson()
  await person.signIn()
  for (const type of document.response_types_supported as string[]) await client.respond(person, { response_type: type })
  assert.equal(await client.refusal(person, { response_type: 'token' }), 'unsupported_response_type')
  assert.equal(document.request_parameter_supported, false)
  assert.equal(await client.refusal(person, { request: 'x.y.z' }), 'request_not_supported')
  assert.equal(await client.refusal(person, { request_uri: `https://app.example.test/${unique('r')}` }), 'request_uri_not_supported')
  assert.equal(await client.refusal(person, { registration: '{}' }), 'registration_not_supported')
  const narrow = await aClient({ grant_types: ['authorization_code'] })
  assert.deepEqual((await narrow.metadata()).response_types_supported, ['code'])
  assert.equal(await narrow.refusal(person, { response_type: 'id_token' }), 'unauthorized_client')
})
