// once: dynamic.test.ts stores the same on both databases
/** Basic, Hybrid and Implicit OP again, `client_registration=dynamic_client`: by clients that register themselves as the suite has them do it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UnsecuredJWT } from 'jose'
import type { Row } from '../../src/api/model.ts'
import { unique } from '../builders.ts'
import { REDIRECT_URI, type RelyingParty } from './driver.ts'
import type { ModuleName } from './modules.ts'
import { BASIC_MODULES } from './plans.ts'
import { profile } from './profile.ts'
import { aKey, asked, host, registeredBy } from './registered.ts'

/** `OIDCCCreateDynamicClientRegistrationRequest`: with keys that have no names, and people to write to. */
async function aSuiteClient(metadata: Row): Promise<RelyingParty> {
  const key = await aKey()
  const { kid: _, ...jwk } = key.jwk
  const body = { client_name: unique('certification'), contacts: ['certification@example.test'], jwks: { keys: [jwk] }, ...metadata }
  return (await registeredBy(await asked({ token_endpoint_auth_method: 'client_secret_basic', ...body }), key)).party
}

// What takes request objects where clients register is tried in dynamic.test.ts, but for those that come by value.
const others: ModuleName[] = [
  'oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported',
  'oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported',
  'oidcc-ensure-request-object-with-redirect-uri',
  'oidcc-server-client-secret-post',
]
const modules = BASIC_MODULES.filter(name => !others.includes(name))

const pairs = new Map<string, Promise<[RelyingParty, RelyingParty]>>()
const pairOf = (types: string, grants: string[]) => () => {
  const made = pairs.get(types) ?? Promise.all([0, 1].map(() => aSuiteClient({ response_types: [types], grant_types: grants })))
  pairs.set(types, made as Promise<[RelyingParty, RelyingParty]>)
  return pairs.get(types)!
}

const says = 'clients that register themselves'
const code = pairOf('code', ['authorization_code', 'refresh_token'])
for (const [name, run] of profile(['code'], modules, undefined, { says, clients: code })) void test(name, run)
// What comes twice in a module is asked by a client whom nobody knew before: agreeing to the first request has to do for the second.
const fresh = () => Promise.all([aSuiteClient({}), aSuiteClient({})])
const TWICE: ModuleName[] = [
  'oidcc-prompt-none-logged-in',
  'oidcc-id-token-hint',
  'oidcc-max-age-10000',
  'oidcc-prompt-login',
  'oidcc-max-age-1',
]
for (const [name, run] of profile(['code'], TWICE, undefined, { says: 'clients that are new', clients: fresh })) void test(name, run)
const hybrid = pairOf('code id_token token', ['authorization_code', 'implicit', 'refresh_token'])
for (const [name, run] of profile(['code id_token token'], ['oidcc-server', 'oidcc-refresh-token'], undefined, { says, clients: hybrid }))
  void test(name, run)
const implicit = pairOf('id_token token', ['implicit'])
for (const [name, run] of profile(['id_token token'], ['oidcc-server', 'oidcc-userinfo-get'], 'form_post', { says, clients: implicit }))
  void test(name, run)

test('oidcc-server-client-secret-post: a client that wants its secret in the body gets it taken from there', async () => {
  const client = await aSuiteClient({ token_endpoint_auth_method: 'client_secret_post' })
  await client.signIn((await host()).person, {}, { basic: false })
})

const inside = (client: RelyingParty, redirect_uri: string) => {
  const claims = { client_id: client.clientId, iss: client.clientId, aud: client.issuer, response_type: 'code', scope: 'openid' }
  return new UnsecuredJWT({ ...claims, redirect_uri, state: 'inside', nonce: 'inside' }).encode()
}

test('oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported: rejected, though `none` stands in the metadata for what has an address', async () => {
  const [client] = await code()
  const { person, parent } = await host()
  assert.ok(((await parent.metadata()).request_object_signing_alg_values_supported as string[]).includes('none'))
  const { callback } = await client.ask(person, { request: inside(client, REDIRECT_URI), state: undefined, nonce: undefined })
  assert.equal(callback?.parameters.get('error'), 'request_not_supported')
})

test('oidcc-ensure-request-object-with-redirect-uri: a page, and nobody is sent to the address inside', async () => {
  const [client] = await code()
  const { person } = await host()
  const { page } = await client.ask(person, { request: inside(client, REDIRECT_URI), redirect_uri: 'https://elsewhere.example.test/cb' })
  assert.equal(page?.status, 400)
  assert.match(page.text, /redirect_uri/)
})
