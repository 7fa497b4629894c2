import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import {
  AdminApi,
  Configuration,
  CoreApi,
  CryptoApi,
  EventsApi,
  FlowsApi,
  PoliciesApi,
  PropertymappingsApi,
  ProvidersApi,
  RbacApi,
  ResponseError,
  RootApi,
  StagesApi,
  type ChallengeTypes,
  type FlowChallengeResponseRequest,
} from '@goauthentik/api'
import type { AddressInfo } from 'node:net'
import { createApp } from '../../src/app.ts'
import { aUser, unique } from '../builders.ts'
import { server } from '../harness.ts'

const PASSWORD = 'a long enough one'

/** The published client, which parses what it gets by the contract, against a server that listens. */
describe('the published client', () => {
  let configuration: Configuration
  let close: () => Promise<void>

  before(async () => {
    const { deps, adminToken } = await server()
    const app = await createApp(deps)
    await app.listen({ port: 0, host: '127.0.0.1' })
    close = () => app.close()
    configuration = new Configuration({
      basePath: `http://127.0.0.1:${(app.server.address() as AddressInfo).port}/api/v3`,
      accessToken: adminToken,
    })
  })
  after(() => close())

  test('keeps groups and their members', async () => {
    const core = new CoreApi(configuration)
    const name = unique('finance')
    const group = await core.coreGroupsCreate({ groupRequest: { name, attributes: { colour: 'red' } } })
    const user = await core.coreUsersCreate({
      userRequest: { username: unique('anna'), name: 'Anna', email: 'anna@example.test', groups: [group.pk] },
    })
    const found = await core.coreGroupsList({ name })
    assert.deepEqual([found.pagination.count, found.results[0]!.pk, found.results[0]!.users], [1, group.pk, [user.pk]])
    await core.coreGroupsRemoveUserCreate({ groupUuid: group.pk, userAccountRequest: { pk: user.pk } })
    await core.coreGroupsAddUserCreate({ groupUuid: group.pk, userAccountRequest: { pk: user.pk } })
    const changed = await core.coreGroupsPartialUpdate({ groupUuid: group.pk, patchedGroupRequest: { name: `${name}-2` } })
    assert.deepEqual([changed.name, changed.usersObj?.[0]?.username], [`${name}-2`, user.username])
    assert.ok(user.dateJoined instanceof Date)
    await core.coreGroupsDestroy({ groupUuid: group.pk })
    await assert.rejects(
      core.coreGroupsRetrieve({ groupUuid: group.pk }),
      (error: unknown) => error instanceof ResponseError && error.response.status === 404,
    )
  })

  test('keeps accounts: own, new, for programs, and their passwords', async () => {
    const core = new CoreApi(configuration)
    const { user: self, users } = await core.coreUsersMeRetrieve()
    assert.deepEqual([self.username, self.isSuperuser, users.length], ['test-admin', true, 1])
    const account = await core.coreUsersServiceAccountCreate({ userServiceAccountRequest: { name: unique('robot'), createGroup: true } })
    assert.ok(account.token.length >= 60 && account.groupPk)
    await core.coreUsersSetPasswordCreate({ id: account.userPk, userPasswordSetRequest: { password: 'a long password' } })
    const { paths } = await core.coreUsersPathsRetrieve({ search: 'service-accounts' })
    assert.deepEqual(paths, ['goauthentik.io/service-accounts'])
    const token = await core.coreTokensCreate({ tokenRequest: { identifier: unique('automation'), expiring: false } })
    assert.ok((await core.coreTokensViewKeyRetrieve({ identifier: token.identifier })).key.length >= 60)
    await core.coreTokensSetKeyCreate({ identifier: token.identifier, tokenSetKeyRequest: { key: `${unique('chosen')} key` } })
    assert.ok(Array.isArray((await core.coreAuthenticatedSessionsList({})).results))
    assert.ok(Array.isArray((await core.coreUserConsentList({})).results))
    assert.ok((await core.coreBrandsCurrentRetrieve()).matchedDomain)
    await core.coreUsersDestroy({ id: account.userPk })
  })

  test('sets up an application with its provider and who may open it', async () => {
    const [core, providers, mappings, flows, policies] = [
      new CoreApi(configuration),
      new ProvidersApi(configuration),
      new PropertymappingsApi(configuration),
      new FlowsApi(configuration),
      new PoliciesApi(configuration),
    ]
    const {
      results: [authorization],
    } = await flows.flowsInstancesList({ slug: 'default-provider-authorization-implicit-consent' })
    const {
      results: [invalidation],
    } = await flows.flowsInstancesList({ slug: 'default-provider-invalidation-flow' })
    const scopes = await mappings.propertymappingsProviderScopeList({
      managed: ['goauthentik.io/providers/oauth2/scope-openid', 'goauthentik.io/providers/oauth2/scope-email'],
    })
    assert.equal(scopes.results.length, 2)
    const provider = await providers.providersOauth2Create({
      oAuth2ProviderRequest: {
        name: unique('wiki'),
        authorizationFlow: authorization!.pk,
        invalidationFlow: invalidation!.pk,
        grantTypes: ['authorization_code', 'refresh_token'],
        propertyMappings: scopes.results.map(scope => scope.pk),
        redirectUris: [{ matchingMode: 'strict', url: 'https://wiki.example.test/callback' }],
      },
    })
    assert.ok(provider.clientId && provider.clientSecret)
    const slug = unique('wiki')
    const application = await core.coreApplicationsCreate({ applicationRequest: { name: 'Wiki', slug, provider: provider.pk } })
    assert.equal(application.providerObj?.assignedApplicationSlug, slug)
    const group = await core.coreGroupsCreate({ groupRequest: { name: unique('wiki-users') } })
    const binding = await policies.policiesBindingsCreate({ policyBindingRequest: { target: application.pk, group: group.pk, order: 0 } })
    assert.equal(binding.groupObj?.name, group.name)
    assert.equal((await policies.policiesBindingsList({ target: application.pk })).pagination.count, 1)
    assert.equal((await providers.providersAllList({ applicationIsnull: false, search: provider.name })).results.length, 1)
    assert.ok((await core.coreApplicationsList({ superuserFullList: true, slug })).results.some(found => found.pk === application.pk))
    assert.equal((await core.coreApplicationsCheckAccessRetrieve({ slug })).passing, true)
    assert.ok((await core.coreGroupsUsedByList({ groupUuid: group.pk })).some(use => use.modelName === 'policybinding'))
    await core.coreApplicationsDestroy({ slug })
    await providers.providersOauth2Destroy({ id: provider.pk })
  })

  test('makes certificates and shows what they are', async () => {
    const crypto = new CryptoApi(configuration)
    const pair = await crypto.cryptoCertificatekeypairsGenerateCreate({
      certificateGenerationRequest: { commonName: unique('pair'), validityDays: 30, alg: 'ecdsa' },
    })
    assert.deepEqual([pair.privateKeyAvailable, pair.keyType], [true, 'ec'])
    assert.match((await crypto.cryptoCertificatekeypairsViewCertificateRetrieve({ kpUuid: pair.pk })).data, /^-----BEGIN CERTIFICATE-----/)
    assert.equal((await crypto.cryptoCertificatekeypairsList({ hasKey: true, name: pair.name })).results.length, 1)
  })

  test('hands out roles and permissions', async () => {
    const [rbac, core] = [new RbacApi(configuration), new CoreApi(configuration)]
    const role = await rbac.rbacRolesCreate({ roleRequest: { name: unique('readers') } })
    const user = await core.coreUsersCreate({ userRequest: { username: unique('reader'), name: '' } })
    await rbac.rbacRolesAddUserCreate({ uuid: role.pk, userAccountSerializerForRoleRequest: { pk: user.pk } })
    assert.deepEqual(
      (await rbac.rbacRolesList({ users: user.pk })).results.map(found => found.pk),
      [role.pk],
    )
    const { results } = await rbac.rbacPermissionsList({ codename: 'view_group' })
    assert.equal(results[0]!.appLabel, 'authentik_core')
    await rbac.rbacPermissionsAssignedByRolesAssign({
      uuid: role.pk,
      permissionAssignRequest: { permissions: ['authentik_core.view_group'] },
    })
    await rbac.rbacPermissionsAssignedByRolesAssign({
      uuid: role.pk,
      permissionAssignRequest: { permissions: ['authentik_core.view_user'], model: 'authentik_core.user', objectPk: String(user.pk) },
    })
    const assigned = await rbac.rbacPermissionsAssignedByRolesList({ model: 'authentik_core.user', objectPk: String(user.pk) })
    assert.equal(assigned.results.find(entry => entry.rolePk === role.pk)!.objectPermissions[0]!.codename, 'view_user')
    assert.equal((await rbac.rbacPermissionsRolesList({ uuid: role.pk })).results[0]!.objectPk, String(user.pk))
    await rbac.rbacPermissionsAssignedByRolesUnassignPartialUpdate({
      uuid: role.pk,
      patchedPermissionAssignRequest: { permissions: ['authentik_core.view_group'] },
    })
    assert.equal((await rbac.rbacPermissionsList({ role: role.pk })).pagination.count, 0)
  })

  test('reads the audit log', async () => {
    const [events, core] = [new EventsApi(configuration), new CoreApi(configuration)]
    const group = await core.coreGroupsCreate({ groupRequest: { name: unique('noted') } })
    const { results } = await events.eventsEventsList({ contextModelPk: group.pk, actions: ['model_created'] })
    assert.equal(results.length, 1)
    assert.equal((results[0]!.user as { username: string }).username, 'test-admin')
    assert.ok(results[0]!.created instanceof Date && results[0]!.expires! > results[0]!.created)
    assert.equal((await events.eventsEventsRetrieve({ eventUuid: results[0]!.pk })).action, 'model_created')
    assert.ok(
      (await events.eventsEventsVolumeList({ historyDays: 1 })).some(volume => volume.action === 'model_created' && volume.count > 0),
    )
    assert.ok((await events.eventsEventsActionsList()).some(action => action.component === 'login'))
    assert.ok((await events.eventsEventsStatsRetrieve({ countSteps: ['hours=1'] })).uniqueUsers >= 1)
    assert.deepEqual(await events.eventsEventsTopPerUserList({ action: 'authorize_application', username: 'nobody' }), [])
  })

  test('asks what runs here', async () => {
    const [admin, root] = [new AdminApi(configuration), new RootApi(configuration)]
    assert.ok((await root.rootConfigRetrieve()).capabilities.includes('can_save_media'))
    assert.equal((await admin.adminVersionRetrieve()).outdated, false)
    assert.ok((await admin.adminVersionHistoryList({})).length >= 1)
    assert.ok((await admin.adminSystemRetrieve()).serverTime instanceof Date)
    assert.ok((await admin.adminAppsList()).some(app => app.name === 'authentik_core'))
    assert.ok((await admin.adminModelsList()).some(model => model.name === 'authentik_core.user'))
    assert.equal((await admin.adminSettingsPartialUpdate({})).gdprCompliance, true)
    const name = `${unique('icon')}.svg`
    await admin.adminFileCreate({ file: new Blob(['<svg xmlns="http://www.w3.org/2000/svg"/>']), name, usage: 'media' })
    assert.deepEqual(
      (await admin.adminFileList({ search: name })).map(file => file.name),
      [name],
    )
    await admin.adminFileDestroy({ name })
  })

  test('opens a flow', async () => {
    const flows = new FlowsApi(new Configuration({ basePath: configuration.basePath }))
    const challenge = await flows.flowsExecutorGet({ flowSlug: 'default-authentication-flow', query: '' })
    assert.equal(challenge.component, 'ak-stage-identification')
  })

  describe('in flows', () => {
    type Answers = FlowChallengeResponseRequest

    const headerOf = (cookies: ReadonlyMap<string, string>): string => [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')

    /** Fetches as a browser does: keeps the cookies of every answer on the way, sends them with the next, and proves that it may write. */
    const fetching =
      (cookies: Map<string, string>) =>
      async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
        let request = new Request(input, { ...init, redirect: 'manual' })
        for (let hop = 0; ; hop++) {
          request.headers.set('cookie', headerOf(cookies))
          request.headers.set('x-authentik-csrf', cookies.get('authentik_csrf') ?? '')
          const response = await fetch(request)
          for (const line of response.headers.getSetCookie()) {
            const [, name, value] = /^([^=]+)=([^;]*)/.exec(line)!
            if (value === '') cookies.delete(name!)
            else cookies.set(name!, value!)
          }
          if (response.status !== 302) return response
          assert.ok(hop < 20, 'the executor redirects without end')
          request = new Request(new URL(response.headers.get('location')!, response.url), { redirect: 'manual' })
        }
      }

    /** A browser that has nothing but the client. */
    function browser() {
      const cookies = new Map<string, string>()
      const flows = new FlowsApi(new Configuration({ basePath: configuration.basePath, fetchApi: fetching(cookies) }))
      return {
        cookies,
        open: (flowSlug: string, query = ''): Promise<ChallengeTypes> => flows.flowsExecutorGet({ flowSlug, query }),
        answer: (flowSlug: string, answer: Answers, query = ''): Promise<ChallengeTypes> =>
          flows.flowsExecutorSolve({ flowSlug, query, flowChallengeResponseRequest: answer }),
      }
    }

    /** The challenge, as the type of its component. */
    function expect<C extends ChallengeTypes['component']>(
      challenge: ChallengeTypes,
      component: C,
    ): asserts challenge is ChallengeTypes & { component: C } {
      assert.equal(challenge.component, component, JSON.stringify(challenge))
    }

    const me = async (cookies: Map<string, string>) => {
      const core = new CoreApi(
        new Configuration({
          basePath: configuration.basePath,
          headers: { cookie: headerOf(cookies) },
        }),
      )
      return (await core.coreUsersMeRetrieve()).user.username
    }

    test('signs in through the default flow', async () => {
      const { ctx } = await server()
      const user = await aUser(ctx, { password: 'right' })
      const { open, answer, cookies } = browser()
      const slug = 'default-authentication-flow'
      const first = await open(slug, 'next=%2Fif%2Fuser%2F')
      expect(first, 'ak-stage-identification')
      assert.deepEqual(first.userFields, ['email', 'username'])
      const second = await answer(slug, { component: 'ak-stage-identification', uidField: user.username as string }, 'next=%2Fif%2Fuser%2F')
      expect(second, 'ak-stage-password')
      assert.equal(second.pendingUser, user.username)
      const wrong = await answer(slug, { component: 'ak-stage-password', password: 'wrong' }, 'next=%2Fif%2Fuser%2F')
      expect(wrong, 'ak-stage-password')
      assert.equal(wrong.responseErrors?.password?.[0]?.code, 'invalid')
      const last = await answer(slug, { component: 'ak-stage-password', password: 'right' }, 'next=%2Fif%2Fuser%2F')
      expect(last, 'xak-flow-redirect')
      assert.deepEqual([last.to, last.finalRedirect], ['/if/user/', true])
      assert.equal(await me(cookies), user.username)
    })

    test('enrols by an invitation', async () => {
      const flows = new FlowsApi(configuration)
      const {
        results: [flow],
      } = await flows.flowsInstancesList({ slug: 'invitation-enrollment' })
      const invitation = await new StagesApi(configuration).stagesInvitationInvitationsCreate({
        invitationRequest: { name: unique('invitation'), flow: flow!.pk, singleUse: true },
      })
      const { open, answer, cookies } = browser()
      const query = `itoken=${invitation.pk}`
      const form = await open('invitation-enrollment', query)
      expect(form, 'ak-stage-prompt')
      const username = unique('invited')
      const end = await answer(
        'invitation-enrollment',
        {
          component: 'ak-stage-prompt',
          username,
          name: 'Jane',
          email: `${username}@example.test`,
          password: PASSWORD,
          password_repeat: PASSWORD,
        },
        query,
      )
      expect(end, 'xak-flow-redirect')
      assert.equal(await me(cookies), username)
      const late = await browser().open('invitation-enrollment', query)
      expect(late, 'ak-stage-access-denied')
      assert.match(late.responseErrors?.explanation?.[0]?.string ?? '', /^[0-9A-Z]{4}-[0-9A-Z]{4}$/)
    })

    test('recovers an account by the link that administrators make', async () => {
      const { ctx } = await server()
      const user = await aUser(ctx, { password: 'forgotten' })
      const flows = new FlowsApi(configuration)
      const {
        results: [recovery],
      } = await flows.flowsInstancesList({ slug: 'default-recovery-flow' })
      const core = new CoreApi(configuration)
      const [brand] = (await core.coreBrandsList({})).results
      await core.coreBrandsPartialUpdate({ brandUuid: brand!.brandUuid, patchedBrandRequest: { flowRecovery: recovery!.pk } })
      const { link } = await core.coreUsersRecoveryCreate({ id: user.id as number, userRecoveryLinkRequest: {} })
      const query = new URL(link).search.slice(1)
      const { open, answer } = browser()
      const slug = 'default-recovery-flow'
      const asked = await open(slug, query)
      expect(asked, 'ak-stage-identification')
      let shown = await answer(slug, { component: 'ak-stage-identification', uidField: user.username as string }, query)
      if (shown.component === 'ak-stage-consent') shown = await answer(slug, { component: 'ak-stage-consent', token: shown.token }, query)
      expect(shown, 'ak-stage-prompt')
      const end = await answer(slug, { component: 'ak-stage-prompt', password: PASSWORD, password_repeat: PASSWORD }, query)
      expect(end, 'xak-flow-redirect')
      const again = browser()
      await again.open('default-authentication-flow')
      await again.answer('default-authentication-flow', { component: 'ak-stage-identification', uidField: user.username as string })
      const last = await again.answer('default-authentication-flow', { component: 'ak-stage-password', password: PASSWORD })
      expect(last, 'xak-flow-redirect')
      assert.equal(await me(again.cookies), user.username)
    })
  })
})
