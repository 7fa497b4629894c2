import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  Configuration,
  CoreApi,
  CryptoApi,
  FlowsApi,
  PoliciesApi,
  PropertymappingsApi,
  ProvidersApi,
  ResponseError,
  type ApplicationRequest,
  type OAuth2Provider,
  type OAuth2ProviderRequest,
} from '@goauthentik/api'
import * as oauth from 'openid-client'
import { oauthServer } from '../../src/providers/oauth2/fixture.ts'
import { aGroup, aUser, unique } from '../builders.ts'
import { browse, listening, signedIn } from '../interop.ts'
import { Visitor } from '../visitor.ts'

/** How operators keep applications as code: what a tool sends by the published client, it finds again, and what it leaves out stays. */

/** The parts of the published client, against a server that listens. */
async function published() {
  const { adminToken, ctx, clock, app } = await oauthServer()
  const configuration = new Configuration({ basePath: `${await listening()}/api/v3`, accessToken: adminToken })
  return {
    ctx,
    clock,
    app,
    core: new CoreApi(configuration),
    crypto: new CryptoApi(configuration),
    flows: new FlowsApi(configuration),
    mappings: new PropertymappingsApi(configuration),
    policies: new PoliciesApi(configuration),
    providers: new ProvidersApi(configuration),
  }
}
type Published = Awaited<ReturnType<typeof published>>

const gone = (error: unknown): boolean => error instanceof ResponseError && error.response.status === 404

const flowNamed = async ({ flows }: Published, slug: string): Promise<string> => (await flows.flowsInstancesList({ slug })).results[0]!.pk

/** What a tool makes of an entry for an application: everything that it can say, said. */
async function entry(api: Published, more: Partial<OAuth2ProviderRequest> = {}): Promise<OAuth2ProviderRequest> {
  const name = unique('entry')
  const scopes = await api.mappings.propertymappingsProviderScopeList({
    managed: ['openid', 'email', 'profile'].map(scope => `goauthentik.io/providers/oauth2/scope-${scope}`),
  })
  const keys = await api.crypto.cryptoCertificatekeypairsList({ name: 'authentik Self-signed Certificate', hasKey: true })
  return {
    name,
    authenticationFlow: null,
    authorizationFlow: await flowNamed(api, 'default-provider-authorization-implicit-consent'),
    invalidationFlow: await flowNamed(api, 'default-provider-invalidation-flow'),
    propertyMappings: scopes.results.map(scope => scope.pk),
    clientType: 'confidential',
    grantTypes: ['authorization_code', 'refresh_token', 'client_credentials'],
    clientId: unique('client'),
    clientSecret: unique('secret'),
    accessCodeValidity: 'minutes=1',
    accessTokenValidity: 'minutes=10',
    refreshTokenValidity: 'days=30',
    refreshTokenThreshold: 'hours=1',
    includeClaimsInIdToken: true,
    signingKey: keys.results[0]!.pk,
    encryptionKey: null,
    redirectUris: [
      { matchingMode: 'strict', url: `https://${name}.example.test/callback`, redirectUriType: 'authorization' },
      { matchingMode: 'regex', url: `https://.*\\.${name}\\.example\\.test/callback`, redirectUriType: 'authorization' },
      { matchingMode: 'strict', url: `https://${name}.example.test/bye`, redirectUriType: 'logout' },
    ],
    logoutUri: `https://${name}.example.test/logout`,
    logoutMethod: 'frontchannel',
    subMode: 'user_username',
    issuerMode: 'per_provider',
    jwtFederationSources: [],
    jwtFederationProviders: [],
    ...more,
  }
}

/** What is stored otherwise than it is wanted: what a plan would change. Lists of keys have no order; null the client leaves out. */
function plan(wanted: object, found: object): string[] {
  const told = (value: unknown): string =>
    JSON.stringify(
      value === undefined
        ? null
        : Array.isArray(value) && value.every(item => typeof item !== 'object')
          ? value.map(String).toSorted()
          : value,
    )
  return Object.entries(wanted)
    .filter(([name, value]) => told(value) !== told(found[name as keyof typeof found]))
    .map(([name]) => name)
}

test('R-302: one entry makes provider, application and bindings; a plan finds nothing to change, also after a change; its removal leaves nothing', async () => {
  const api = await published()
  const { core, providers, policies, ctx } = api
  const wanted = await entry(api)
  const made = await providers.providersOauth2Create({ oAuth2ProviderRequest: wanted })
  const slug = wanted.name
  const application: ApplicationRequest = {
    name: 'An entry',
    slug,
    provider: made.pk,
    backchannelProviders: [],
    openInNewTab: true,
    metaLaunchUrl: `https://${slug}.example.test/`,
    metaIcon: 'fa://fa-book',
    metaDescription: 'Made as code',
    metaPublisher: 'The operators',
    policyEngineMode: 'any',
    group: 'Media',
    metaHide: false,
  }
  await core.coreApplicationsCreate({ applicationRequest: application })
  const { pk: target } = await core.coreApplicationsRetrieve({ slug })
  const groups = [await aGroup(ctx), await aGroup(ctx)].map(group => group.group_uuid as string)
  const bindings = await Promise.all(
    groups.map(group =>
      policies.policiesBindingsCreate({
        policyBindingRequest: { target, group, order: 0, enabled: true, negate: false, timeout: 30, failureResult: false },
      }),
    ),
  )

  const found = async (): Promise<OAuth2Provider> => providers.providersOauth2Retrieve({ id: made.pk })
  assert.deepEqual(plan(wanted, await found()), [])
  assert.deepEqual(plan(application, await core.coreApplicationsRetrieve({ slug })), [])
  assert.deepEqual(new Set((await policies.policiesBindingsList({ target })).results.map(binding => binding.group)), new Set(groups))

  const changed = {
    ...wanted,
    accessTokenValidity: 'weeks=4',
    subMode: 'user_email' as const,
    redirectUris: wanted.redirectUris.slice(0, 1),
  }
  await providers.providersOauth2Update({ id: made.pk, oAuth2ProviderRequest: changed })
  assert.deepEqual(plan(changed, await found()), [])
  // An older tool knows less: what it cannot say stays as it is.
  const { grantTypes: _, refreshTokenThreshold: __, logoutMethod: ___, ...older } = changed
  await providers.providersOauth2Update({ id: made.pk, oAuth2ProviderRequest: older })
  assert.deepEqual(plan(changed, await found()), [])

  await Promise.all(bindings.map(({ pk }) => policies.policiesBindingsDestroy({ policyBindingUuid: pk })))
  await core.coreApplicationsDestroy({ slug })
  await providers.providersOauth2Destroy({ id: made.pk })
  await assert.rejects(core.coreApplicationsRetrieve({ slug }), gone)
  await assert.rejects(found(), gone)
  assert.equal((await policies.policiesBindingsList({})).results.filter(binding => binding.target === target).length, 0)
})

test('R-302: a data source finds one object by its name, and none where there is none', async () => {
  const { core, flows, crypto, mappings, providers } = await published()
  const nobody = unique('nobody')
  assert.deepEqual(
    await Promise.all([
      flows.flowsInstancesList({ slug: nobody }),
      crypto.cryptoCertificatekeypairsList({ name: nobody }),
      mappings.propertymappingsProviderScopeList({ managed: [nobody] }),
      mappings.propertymappingsProviderScopeList({ scopeName: nobody }),
      providers.providersOauth2List({ name: nobody }),
      core.coreApplicationsList({ slug: nobody, superuserFullList: true }),
      core.coreGroupsList({ name: nobody }),
      core.coreUsersList({ username: nobody }),
    ]).then(lists => lists.map(list => list.results.length)),
    [0, 0, 0, 0, 0, 0, 0, 0],
  )
})

test('R-304: accounts, groups and memberships are kept as code without drift', async () => {
  const { core } = await published()
  const names = [unique('a'), unique('b'), unique('c')]
  const people = []
  for (const username of names) {
    const wanted = {
      username,
      name: `Name of ${username}`,
      email: `${username}@example.test`,
      isActive: true,
      path: 'users/code',
      attributes: { a: [1] },
    }
    const made = await core.coreUsersCreate({ userRequest: wanted })
    assert.deepEqual(plan(wanted, await core.coreUsersRetrieve({ id: made.pk })), [])
    people.push(made.pk)
  }
  const parent = await core.coreGroupsCreate({ groupRequest: { name: unique('parent') } })
  const wanted = {
    name: unique('code'),
    isSuperuser: false,
    parents: [parent.pk],
    users: people.toReversed(),
    attributes: { libraries: ['films'] },
    roles: [],
  }
  const group = await core.coreGroupsCreate({ groupRequest: wanted })
  const found = () => core.coreGroupsRetrieve({ groupUuid: group.pk })
  assert.deepEqual(plan(wanted, await found()), [])
  const fewer = { ...wanted, users: people.slice(0, 1), parents: [] }
  await core.coreGroupsUpdate({ groupUuid: group.pk, groupRequest: fewer })
  assert.deepEqual(plan(fewer, await found()), [])
  const [first, ...rest] = people
  await core.coreUsersDestroy({ id: first! })
  assert.deepEqual((await found()).users, [])
  await core.coreGroupsDestroy({ groupUuid: group.pk })
  await assert.rejects(found(), gone)
  for (const id of rest) assert.deepEqual((await core.coreUsersRetrieve({ id })).groups, [])
})

/** A client of an entry, as it finds itself configured. */
async function configured(provider: OAuth2Provider, slug: string): Promise<oauth.Configuration> {
  const authentication = provider.clientType === 'public' ? oauth.None() : oauth.ClientSecretBasic(provider.clientSecret)
  const issuer = new URL(`${await listening()}/application/o/${slug}/`)
  return oauth.discovery(issuer, provider.clientId!, {}, authentication, { execute: [oauth.allowInsecureRequests] })
}

/** An application of an entry, bound to groups. */
async function applied(api: Published, more: Partial<OAuth2ProviderRequest> = {}, groups: string[] = []): Promise<OAuth2Provider> {
  const wanted = await entry(api, { subMode: 'hashed_user_id', ...more })
  const provider = await api.providers.providersOauth2Create({ oAuth2ProviderRequest: wanted })
  const { pk: target } = await api.core.coreApplicationsCreate({
    applicationRequest: { name: wanted.name, slug: wanted.name, provider: provider.pk },
  })
  for (const group of groups) await api.policies.policiesBindingsCreate({ policyBindingRequest: { target, group, order: 0 } })
  return api.providers.providersOauth2Retrieve({ id: provider.pk })
}

/** Goes through a code flow by an independent client, at an address of the client's choice. */
async function enter(config: oauth.Configuration, redirect_uri: string, cookie: string) {
  const [verifier, state, nonce] = [oauth.randomPKCECodeVerifier(), oauth.randomState(), oauth.randomNonce()]
  const url = oauth.buildAuthorizationUrl(config, {
    redirect_uri,
    scope: 'openid email profile',
    state,
    nonce,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  })
  return oauth.authorizationCodeGrant(config, await browse(url, cookie), {
    pkceCodeVerifier: verifier,
    expectedState: state,
    expectedNonce: nonce,
    idTokenExpected: true,
  })
}

test('R-319: bindings of an entry decide who may in: members of either group, and administrators', async () => {
  const api = await published()
  const groups = [await aGroup(api.ctx), await aGroup(api.ctx)]
  const provider = await applied(
    api,
    {},
    groups.map(group => group.group_uuid as string),
  )
  const slug = provider.assignedApplicationSlug!
  const config = await configured(provider, slug)
  const callback = provider.redirectUris[0]!.url
  const member = await signedIn(await aUser(api.ctx, { groups: [groups[1]!.group_uuid] }))
  assert.equal((await enter(config, callback, member.cookie)).claims()!.email, member.user.email)
  const stranger = await signedIn()
  const refused = await fetch(oauth.buildAuthorizationUrl(config, { redirect_uri: callback, scope: 'openid', state: 'a state' }), {
    headers: { cookie: stranger.cookie },
    redirect: 'manual',
  })
  assert.equal(refused.status, 200)
  assert.match(await refused.text(), /Permission denied/)
  const check = (user: { id?: unknown }) => api.core.coreApplicationsCheckAccessRetrieve({ slug, forUser: user.id as number })
  assert.deepEqual([(await check(member.user)).passing, (await check(stranger.user)).passing], [true, false])
})

test('R-453: a command line tool signs in by a loopback address of its own port and PKCE alone, a dashboard with a secret; both learn the same groups', async () => {
  const api = await published()
  const group = await aGroup(api.ctx, { name: unique('kubernetes-admins') })
  const { cookie } = await signedIn(await aUser(api.ctx, { groups: [group.group_uuid] }))
  const tool = await applied(api, {
    clientType: 'public',
    redirectUris: [{ matchingMode: 'strict', url: 'http://127.0.0.1/callback' }],
  })
  const dashboard = await applied(api)
  const byTool = await enter(await configured(tool, tool.assignedApplicationSlug!), 'http://127.0.0.1:18000/callback', cookie)
  const byDashboard = await enter(await configured(dashboard, dashboard.assignedApplicationSlug!), dashboard.redirectUris[0]!.url, cookie)
  assert.deepEqual(byTool.claims()!.groups, [group.name])
  assert.deepEqual(byDashboard.claims()!.groups, [group.name])
})

test('R-401, R-402: with the implicit flow nobody is asked; with the explicit one once, not again for four weeks, and then again', async () => {
  const api = await published()
  const { clock, ctx, app, providers } = api
  const provider = await applied(api)
  const person = await aUser(ctx, { password: 'a good password' })
  const request = new URLSearchParams({
    client_id: provider.clientId!,
    redirect_uri: provider.redirectUris[0]!.url,
    response_type: 'code',
    scope: 'openid email',
    state: 's',
  }).toString()

  /** A fresh browser signs in and opens the application: whether it is asked to agree on the way, and is sent back to the application. */
  const opened = async (agree: boolean): Promise<boolean> => {
    const browser = new Visitor(app)
    assert.equal((await browser.signIn(person.username as string, 'a good password')).component, 'xak-flow-redirect')
    const first = await browser.follow(`/application/o/authorize/?${request}`)
    if (first.elsewhere) return false
    const slug = /^\/if\/flow\/([^/]+)\/$/.exec(first.path)?.[1] ?? assert.fail(`${first.path}: ${first.answer.text.slice(0, 500)}`)
    const asked = await browser.challenge(slug, '')
    assert.equal(asked.component, 'ak-stage-consent', JSON.stringify(asked))
    if (agree) {
      const last = await browser.challenge(slug, '', { component: asked.component, token: asked.token })
      assert.match(String(last.to), /[?&]code=/)
    }
    return true
  }
  const switchTo = async (consent: 'implicit' | 'explicit'): Promise<void> => {
    const flow = await flowNamed(api, `default-provider-authorization-${consent}-consent`)
    const changed = await providers.providersOauth2PartialUpdate({
      id: provider.pk,
      patchedOAuth2ProviderRequest: { authorizationFlow: flow },
    })
    assert.equal(changed.authorizationFlow, flow)
  }
  const DAY = 86_400_000
  try {
    assert.equal(await opened(false), false)
    await switchTo('explicit')
    assert.equal(await opened(true), true)
    assert.equal(await opened(false), false)
    const consents = await api.core.coreUserConsentList({ user: person.id as number })
    assert.deepEqual(
      consents.results.map(consent => [consent.application.slug, consent.user.username]),
      [[provider.assignedApplicationSlug, person.username]],
    )
    clock.advance(27 * DAY)
    assert.equal(await opened(false), false)
    clock.advance(2 * DAY)
    assert.equal(await opened(true), true)
    await switchTo('implicit')
    assert.equal(await opened(false), false)
  } finally {
    clock.reset()
  }
})
