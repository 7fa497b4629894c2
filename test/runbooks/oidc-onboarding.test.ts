import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { createLocalJWKSet, decodeJwt, jwtVerify } from 'jose'
import type { Row } from '../../src/api/model.ts'
import { createApp } from '../../src/app.ts'
import { aGroup, aUser, unique } from '../builders.ts'
import { ownServer, server, type Client } from '../harness.ts'
import { Visitor } from '../visitor.ts'

/** How operators bring an application in, step by step, with the bodies of their scripts. */

const A = '/api/v3'
const H = 'https://id.example.test'

/** Step 2: what the runbook looks up before it makes anything. */
async function lookups(admin: Client) {
  const flow = await admin.get(`${A}/flows/instances/?slug=default-provider-authorization-implicit-consent`)
  const scopes = await admin.get(`${A}/propertymappings/provider/scope/?ordering=scope_name`)
  const key = await admin.get(`${A}/crypto/certificatekeypairs/?name=authentik+Self-signed+Certificate&has_key=true`)
  const scope = (name: string) =>
    scopes.body.results.find((row: Row) => row.managed === `goauthentik.io/providers/oauth2/scope-${name}`).pk as string
  return { flow: flow.body.results[0].pk as string, scope, key: key.body.results[0].pk as string, scopes }
}

type Onboarded = { provider: Row; slug: string; callback: string }

/** Steps 2 to 4: provider and application. The body has neither `invalidation_flow` nor `grant_types`. */
async function onboard(admin: Client, more: Row = {}, scopes: string[] = ['openid', 'email', 'profile']): Promise<Onboarded> {
  const { flow, scope, key } = await lookups(admin)
  const name = unique('service')
  const callback = `https://${name}.example.org/oidc/callback`
  const created = await admin.post(`${A}/providers/oauth2/`, {
    name,
    authorization_flow: flow,
    client_type: 'confidential',
    redirect_uris: [{ matching_mode: 'strict', url: callback }],
    signing_key: key,
    property_mappings: scopes.map(scope),
    access_token_validity: 'hours=1',
    refresh_token_validity: 'days=30',
    ...more,
  })
  assert.equal(created.status, 201, created.text)
  const application = await admin.post(`${A}/core/applications/`, {
    name,
    slug: name,
    provider: created.body.pk,
    meta_launch_url: `https://${name}.example.org`,
  })
  assert.equal(application.status, 201, application.text)
  assert.deepEqual([application.body.slug, application.body.provider], [name, created.body.pk])
  return { provider: created.body, slug: name, callback }
}

const query = (values: Record<string, string>) => new URLSearchParams(values).toString()
const basic = (provider: Row) =>
  `Basic ${Buffer.from(`${String(provider.client_id)}:${String(provider.client_secret)}`).toString('base64')}`

/** Step 7: a person signs in; what the application's callback gets. */
async function signIn(
  visitor: Visitor,
  { provider, callback }: Onboarded,
  person: { username: string; password: string },
  more: Record<string, string> = {},
): Promise<URL> {
  const request = {
    client_id: String(provider.client_id),
    redirect_uri: callback,
    response_type: 'code',
    scope: 'openid email profile',
    state: 'a state',
    nonce: 'n1',
    ...more,
  }
  const first = await visitor.follow(`/application/o/authorize/?${query(request)}`)
  if (first.elsewhere) return first.elsewhere
  const [, slug] =
    /^\/if\/flow\/([^/]+)\/\?/.exec(first.path) ?? assert.fail(`no sign-in page at ${first.path}: ${first.answer.text.slice(0, 500)}`)
  const last = await visitor.signInWith(slug!, first.path.split('?')[1]!, person.username, person.password)
  assert.equal(last.component, 'xak-flow-redirect', JSON.stringify(last))
  const target = new URL(last.to as string, H)
  if (target.origin !== H) return target
  const back = await visitor.follow(target.pathname + target.search)
  return back.elsewhere ?? assert.fail(`not sent back to the application but to ${back.path}: ${back.answer.text.slice(0, 300)}`)
}

const exchange = async (visitor: Visitor, { provider, callback }: Onboarded, code: string, more: Record<string, string> = {}) =>
  visitor.request('POST', '/application/o/token/', {
    form: { grant_type: 'authorization_code', code, redirect_uri: callback, ...more },
    headers: { authorization: basic(provider) },
  })

async function aPerson(more: Row = {}) {
  const { ctx } = await server()
  const password = randomBytes(12).toString('hex')
  const user = await aUser(ctx, { ...more, password })
  return { user, username: user.username as string, password }
}

async function aVisitor(): Promise<Visitor> {
  return new Visitor((await server()).app)
}

test('R-201: slugs of the endpoints are reserved', async () => {
  const { admin } = await server()
  for (const slug of ['authorize', 'token', 'device', 'userinfo', 'introspect', 'revoke']) {
    const { status, body } = await admin.post(`${A}/core/applications/`, { name: slug, slug })
    assert.deepEqual([status, body], [400, { slug: [`The slug '${slug}' is reserved and cannot be used for applications.`] }])
  }
})

test('R-203: flow, scopes and key are found on a fresh installation', async () => {
  const { admin } = await server()
  const { flow, scope, key, scopes } = await lookups(admin)
  const names = scopes.body.results.map((row: Row) => row.scope_name)
  assert.deepEqual(names, names.toSorted())
  for (const value of [flow, key, scope('openid'), scope('email'), scope('profile'), scope('offline_access')])
    assert.match(value, /^[0-9a-f-]{36}$/)
})

test('R-203: on a fresh installation there is one scope of each name', async () => {
  const { admin } = await ownServer()
  const { results } = (await admin.get(`${A}/propertymappings/provider/scope/?ordering=scope_name`)).body
  const names: string[] = results.map((row: Row) => row.scope_name)
  assert.equal(new Set(names).size, names.length)
  for (const name of ['openid', 'email', 'profile', 'offline_access']) assert.ok(names.includes(name), name)
})

test('R-204: a confidential provider gets a client id of 40 characters and a secret of 128', async () => {
  const { admin } = await server()
  const { provider } = await onboard(admin)
  assert.equal(typeof provider.pk, 'number')
  assert.match(provider.client_id as string, /^[A-Za-z0-9]{40}$/)
  assert.match(provider.client_secret as string, /^[A-Za-z0-9]{128}$/)
  assert.ok(provider.invalidation_flow, 'the default invalidation flow is taken')
  assert.ok((provider.grant_types as string[]).includes('authorization_code'))
})

test('R-205, R-219: with offline_access there is a refresh token that outlives a restart of the server and the browser session', async () => {
  const { admin, deps } = await server()
  const app = await onboard(admin, {}, ['openid', 'email', 'profile', 'offline_access'])
  const visitor = await aVisitor()
  const back = await signIn(visitor, app, await aPerson(), { scope: 'openid email profile offline_access' })
  const { status, body } = await exchange(visitor, app, back.searchParams.get('code')!)
  assert.equal(status, 200, JSON.stringify(body))
  let token = body.refresh_token as string
  const refresh = async (at: Visitor) => {
    const refreshed = await at.request('POST', '/application/o/token/', {
      form: { grant_type: 'refresh_token', refresh_token: token },
      headers: { authorization: basic(app.provider) },
    })
    assert.equal(refreshed.status, 200, refreshed.text)
    token = refreshed.body.refresh_token as string
  }
  await refresh(visitor)
  const restarted = await createApp(deps)
  try {
    await refresh(new Visitor(restarted))
  } finally {
    await restarted.close()
  }
  await visitor.challenge('default-invalidation-flow', '')
  assert.equal((await visitor.get(`${A}/core/users/me/`)).status, 403, 'signed out')
  await refresh(visitor)
})

test('R-219: without offline_access there is no refresh token', async () => {
  const { admin } = await server()
  const app = await onboard(admin)
  const visitor = await aVisitor()
  const back = await signIn(visitor, app, await aPerson())
  const { body } = await exchange(visitor, app, back.searchParams.get('code')!)
  assert.equal('refresh_token' in body, false)
})

test('R-206: a public client proves itself by PKCE alone', async () => {
  const { admin } = await server()
  const app = await onboard(admin, { client_type: 'public' })
  const verifier = randomBytes(32).toString('base64url')
  const challenge = createHash('sha256').update(verifier).digest('base64url')
  const visitor = await aVisitor()
  const back = await signIn(visitor, app, await aPerson(), { code_challenge: challenge, code_challenge_method: 'S256' })
  const form = {
    grant_type: 'authorization_code',
    code: back.searchParams.get('code')!,
    redirect_uri: app.callback,
    client_id: String(app.provider.client_id),
  }
  const refused = await visitor.request('POST', '/application/o/token/', {
    form: { ...form, code_verifier: randomBytes(32).toString('base64url') },
  })
  assert.deepEqual([refused.status, refused.body.error], [400, 'invalid_grant'])
  const again = await signIn(visitor, app, await aPerson(), { code_challenge: challenge, code_challenge_method: 'S256' })
  const bought = await visitor.request('POST', '/application/o/token/', {
    form: { ...form, code: again.searchParams.get('code')!, code_verifier: verifier },
  })
  assert.equal(bought.status, 200, bought.text)
})

test('R-207: a provider names what is wrong with it', async () => {
  const { admin } = await server()
  const { provider } = await onboard(admin)
  const { flow, scope } = await lookups(admin)
  const nowhere = '00000000-0000-4000-8000-000000000000'
  const make = async (values: Row) =>
    (await admin.post(`${A}/providers/oauth2/`, { name: unique('p'), authorization_flow: flow, redirect_uris: [], ...values })).body
  assert.deepEqual(await make({ name: provider.name }), { name: ['provider with this name already exists.'] })
  assert.deepEqual(await make({ client_id: provider.client_id }), {
    client_id: ['OAuth2/OpenID Provider with this Client ID already exists.'],
  })
  assert.deepEqual(await make({ authorization_flow: nowhere }), {
    authorization_flow: [`Invalid pk "${nowhere}" - object does not exist.`],
  })
  assert.deepEqual(await make({ property_mappings: [nowhere, scope('openid')] }), {
    property_mappings: [`Invalid pk "${nowhere}" - object does not exist.`],
  })
  assert.deepEqual(await make({ redirect_uris: [{ matching_mode: 'regex', url: 'https://(' }] }), {
    redirect_uris: ['Invalid Regex Pattern: https://('],
  })
  assert.deepEqual(await make({ authorization_flow: undefined, redirect_uris: undefined }), {
    authorization_flow: ['This field is required.'],
    redirect_uris: ['This field is required.'],
  })
})

test('R-208: a slug is given once', async () => {
  const { admin } = await server()
  const { slug } = await onboard(admin)
  const { status, body } = await admin.post(`${A}/core/applications/`, { name: 'again', slug })
  assert.deepEqual([status, body], [400, { slug: ['application with this slug already exists.'] }])
})

test('R-209, R-210, R-211: discovery and keys are where the runbook expects them', async () => {
  const { admin, client } = await server()
  const { slug } = await onboard(admin)
  const anonymous = client()
  const { status, body } = await anonymous.get(`/application/o/${slug}/.well-known/openid-configuration`)
  assert.equal(status, 200)
  assert.partialDeepStrictEqual(body, {
    issuer: `${H}/application/o/${slug}/`,
    authorization_endpoint: `${H}/application/o/authorize/`,
    token_endpoint: `${H}/application/o/token/`,
    userinfo_endpoint: `${H}/application/o/userinfo/`,
    jwks_uri: `${H}/application/o/${slug}/jwks/`,
  })
  const keys = await anonymous.get(`/application/o/${slug}/jwks/`)
  assert.ok(keys.body.keys.length >= 1)
})

test('R-210: a provider without a signing key shows no keys', async () => {
  const { admin, client } = await server()
  const { slug } = await onboard(admin, { signing_key: null })
  assert.deepEqual((await client().get(`/application/o/${slug}/jwks/`)).body, { keys: [] })
})

test('R-212, R-216: a person signs in and the application learns who it is', async () => {
  const { admin, client } = await server()
  const app = await onboard(admin)
  const group = await aGroup((await server()).ctx)
  const person = await aPerson({ name: 'Jane Doe', groups: [group.group_uuid] })
  const visitor = await aVisitor()
  const back = await signIn(visitor, app, person)
  assert.equal(back.origin + back.pathname, app.callback)
  assert.equal(back.searchParams.get('state'), 'a state')
  const { status, body, headers } = await exchange(visitor, app, back.searchParams.get('code')!)
  assert.equal(status, 200, JSON.stringify(body))
  assert.equal(headers['cache-control'], 'no-store')
  const issuer = `${H}/application/o/${app.slug}/`
  const jwks = createLocalJWKSet((await client().get(`/application/o/${app.slug}/jwks/`)).body)
  const { payload, protectedHeader } = await jwtVerify(body.id_token, jwks, { issuer, audience: String(app.provider.client_id) })
  assert.equal(protectedHeader.alg, 'RS256')
  assert.equal(payload.nonce, 'n1')
  const userinfo = await client().get('/application/o/userinfo/', { authorization: `Bearer ${body.access_token}` })
  assert.partialDeepStrictEqual(userinfo.body, {
    sub: payload.sub,
    email: person.user.email,
    name: 'Jane Doe',
    preferred_username: person.username,
    groups: [group.name],
  })
})

test('R-213, R-214: credentials and settings can be read again', async () => {
  const { admin } = await server()
  const { provider } = await onboard(admin)
  const again = await admin.get(`${A}/providers/oauth2/${String(provider.pk)}/`)
  assert.equal(again.body.client_secret, provider.client_secret)
  const [found] = (await admin.get(`${A}/providers/oauth2/?search=${String(provider.name)}`)).body.results
  for (const key of ['name', 'client_id', 'signing_key', 'access_token_validity', 'refresh_token_validity', 'property_mappings'])
    assert.ok(key in found, key)
})

test('R-216: discovery knows only slugs that exist', async () => {
  const { client } = await server()
  assert.equal((await client().get(`/application/o/${unique('nowhere')}/.well-known/openid-configuration`)).status, 404)
})

test('R-217: a redirect URI that differs in anything is an error page, not a redirect', async () => {
  const { admin } = await server()
  const { provider, callback } = await onboard(admin)
  const visitor = await aVisitor()
  for (const uri of [
    callback.replace('https', 'http'),
    `${callback}/`,
    callback.toUpperCase(),
    callback.replace('callback', 'other'),
    `${callback}?a=b`,
  ]) {
    const answer = await visitor.get(
      `/application/o/authorize/?${query({ client_id: String(provider.client_id), redirect_uri: uri, response_type: 'code', scope: 'openid' })}`,
    )
    assert.equal(answer.status, 400, uri)
    assert.equal(answer.headers.location, undefined)
    assert.match(answer.text, /Redirect URI Error/)
  }
})

test('R-218: someone outside the bound group is told so and not sent back', async () => {
  const { admin, ctx } = await server()
  const app = await onboard(admin)
  const { pk, policy_engine_mode: mode } = (await admin.get(`${A}/core/applications/${app.slug}/`)).body
  assert.equal(mode, 'any')
  const group = await aGroup(ctx)
  await admin.post(`${A}/policies/bindings/`, { group: group.group_uuid, target: pk, order: 0 })
  const person = await aPerson()
  const visitor = await aVisitor()
  assert.equal((await visitor.signIn(person.username, person.password)).component, 'xak-flow-redirect')
  const { answer, elsewhere } = await visitor.follow(
    `/application/o/authorize/?${query({ client_id: String(app.provider.client_id), redirect_uri: app.callback, response_type: 'code', scope: 'openid' })}`,
  )
  assert.equal(elsewhere, undefined)
  assert.equal(answer.status, 200)
  assert.match(answer.text, /Permission denied/)
  await admin.post(`${A}/core/groups/${String(group.group_uuid)}/add_user/`, { pk: person.user.id })
  assert.ok((await signIn(visitor, app, person)).searchParams.get('code'), 'a member is let in at the next request')
})

test('R-220: an access token lives as long as the provider says', async () => {
  const { admin, client, clock } = await server()
  const visitor = await aVisitor()
  const person = await aPerson()
  const usual = await onboard(admin)
  const first = await signIn(visitor, usual, person)
  assert.equal((await exchange(visitor, usual, first.searchParams.get('code')!)).body.expires_in, 3600)
  const app = await onboard(admin, { access_token_validity: 'minutes=5' })
  const back = await signIn(visitor, app, person)
  const { body } = await exchange(visitor, app, back.searchParams.get('code')!)
  assert.equal(body.expires_in, 300)
  const authorization = `Bearer ${body.access_token}`
  assert.equal((await client().get('/application/o/userinfo/', { authorization })).status, 200)
  try {
    clock.advance(301_000)
    const expired = await client().get('/application/o/userinfo/', { authorization })
    assert.equal(expired.status, 401)
    assert.match(String(expired.headers['www-authenticate']), /^Bearer .*invalid_token/)
  } finally {
    clock.reset()
  }
})

test('R-221: application and provider can be deleted and made again', async () => {
  const { admin, client } = await server()
  const { provider, slug, callback } = await onboard(admin)
  const discovery = `/application/o/${slug}/.well-known/openid-configuration`
  assert.equal((await admin.delete(`${A}/core/applications/${slug}/`)).status, 204)
  assert.equal((await client().get(discovery)).status, 404)
  assert.equal((await admin.delete(`${A}/providers/oauth2/${String(provider.pk)}/`)).status, 204)
  const { flow, key } = await lookups(admin)
  const again = await admin.post(`${A}/providers/oauth2/`, {
    name: provider.name,
    authorization_flow: flow,
    signing_key: key,
    redirect_uris: [{ matching_mode: 'strict', url: callback }],
  })
  assert.equal(again.status, 201)
  assert.equal((await admin.post(`${A}/core/applications/`, { name: slug, slug, provider: again.body.pk })).status, 201)
  assert.equal((await client().get(discovery)).status, 200)
})

test('R-222: three clients sign the same person in at the same time', async () => {
  const { admin } = await server()
  const offline = ['openid', 'email', 'profile', 'offline_access']
  const apps = [await onboard(admin, {}, offline), await onboard(admin), await onboard(admin, {}, offline)]
  const person = await aPerson()
  const visitor = await aVisitor()
  await visitor.signIn(person.username, person.password)
  const tokens = await Promise.all(
    apps.map(async (app, index) => {
      const back = await signIn(visitor, app, person, {
        scope: index === 1 ? 'openid email profile' : 'openid email profile offline_access',
      })
      return (await exchange(visitor, app, back.searchParams.get('code')!)).body
    }),
  )
  assert.deepEqual(
    tokens.map(token => 'refresh_token' in token),
    [true, false, true],
  )
  assert.deepEqual(
    tokens.map(token => decodeJwt(token.id_token).aud),
    apps.map(app => app.provider.client_id),
  )
})
