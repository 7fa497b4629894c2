/** The shipped blueprint files: they parse, their tags evaluate, and they speak of fields that the API has. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { parse as parseAnyYaml } from 'yaml'
import type { Value } from './document.ts'
import { createEvaluator } from './evaluate.ts'
import { parseBlueprint } from './parse.ts'

const ROOT = join(import.meta.dirname, '../../blueprints')
const files = readdirSync(ROOT, { recursive: true, encoding: 'utf8' })
  .filter(path => path.endsWith('.yaml'))
  .sort()
const documents = files.map(path => ({ path, document: parseBlueprint(readFileSync(join(ROOT, path), 'utf8')) }))

type Schema = {
  properties?: Record<string, { $ref?: string; allOf?: { $ref: string }[]; enum?: unknown[] }>
  required?: string[]
  enum?: unknown[]
}
const contract = parseAnyYaml(readFileSync(join(import.meta.dirname, '../../node_modules/@goauthentik/api/schema.yml'), 'utf8')) as {
  components: { schemas: Record<string, Schema> }
}

/** Blueprint model → the API's request schema, and the fields that only blueprints have. */
const MODELS: Record<string, { schema: string; extra?: string[] }> = {
  'authentik_brands.brand': { schema: 'BrandRequest' },
  'authentik_core.group': { schema: 'GroupRequest' },
  'authentik_core.token': { schema: 'TokenRequest', extra: ['key'] },
  'authentik_core.user': { schema: 'UserRequest', extra: ['password'] },
  'authentik_events.notificationrule': { schema: 'NotificationRuleRequest' },
  'authentik_events.notificationtransport': { schema: 'NotificationTransportRequest' },
  'authentik_flows.flow': { schema: 'FlowRequest' },
  'authentik_flows.flowstagebinding': { schema: 'FlowStageBindingRequest' },
  'authentik_policies.policybinding': { schema: 'PolicyBindingRequest' },
  'authentik_policies_event_matcher.eventmatcherpolicy': { schema: 'EventMatcherPolicyRequest' },
  'authentik_policies_expression.expressionpolicy': { schema: 'ExpressionPolicyRequest' },
  'authentik_policies_password.passwordpolicy': { schema: 'PasswordPolicyRequest' },
  'authentik_providers_oauth2.scopemapping': { schema: 'ScopeMappingRequest' },
  'authentik_sources_ldap.ldapsourcepropertymapping': { schema: 'LDAPSourcePropertyMappingRequest' },
  'authentik_sources_oauth.oauthsource': { schema: 'OAuthSourceRequest' },
  'authentik_rbac.role': { schema: 'RoleRequest', extra: ['permissions'] },
  'authentik_stages_authenticator_duo.authenticatorduostage': { schema: 'AuthenticatorDuoStageRequest' },
  'authentik_stages_authenticator_email.authenticatoremailstage': { schema: 'AuthenticatorEmailStageRequest' },
  'authentik_stages_authenticator_sms.authenticatorsmsstage': { schema: 'AuthenticatorSMSStageRequest' },
  'authentik_stages_authenticator_static.authenticatorstaticstage': { schema: 'AuthenticatorStaticStageRequest' },
  'authentik_stages_authenticator_totp.authenticatortotpstage': { schema: 'AuthenticatorTOTPStageRequest' },
  'authentik_stages_authenticator_validate.authenticatorvalidatestage': { schema: 'AuthenticatorValidateStageRequest' },
  'authentik_stages_authenticator_webauthn.authenticatorwebauthnstage': { schema: 'AuthenticatorWebAuthnStageRequest' },
  'authentik_stages_consent.consentstage': { schema: 'ConsentStageRequest' },
  'authentik_stages_email.emailstage': { schema: 'EmailStageRequest' },
  'authentik_stages_invitation.invitationstage': { schema: 'InvitationStageRequest' },
  'authentik_stages_identification.identificationstage': { schema: 'IdentificationStageRequest' },
  'authentik_stages_password.passwordstage': { schema: 'PasswordStageRequest' },
  'authentik_stages_prompt.prompt': { schema: 'PromptRequest' },
  'authentik_stages_prompt.promptstage': { schema: 'PromptStageRequest' },
  'authentik_stages_user_login.userloginstage': { schema: 'UserLoginStageRequest' },
  'authentik_stages_user_logout.userlogoutstage': { schema: 'UserLogoutStageRequest' },
  'authentik_stages_user_write.userwritestage': { schema: 'UserWriteStageRequest' },
}

type Evaluated = {
  model: string
  state: string
  identifiers: { [key: string]: Value }
  attrs: { [key: string]: Value }
  conditions: Value[]
}

/** Every tag of a file, with earlier entries known by their id and every !Find successful. */
async function evaluateAll({ path, document }: (typeof documents)[number], variables: Record<string, string> = {}): Promise<Evaluated[]> {
  const earlier = new Set<string>()
  const { evaluate } = createEvaluator({
    context: new Map([
      ...document.context,
      [
        'goauthentik.io/rbac/models',
        new Map([
          ['group', 'authentik_core'],
          ['flow', 'authentik_flows'],
        ]),
      ],
    ]),
    system: { env: name => variables[name], readFile: async () => null },
    keyOf: async id => (earlier.has(id) ? `${path}#${id}` : undefined),
    find: async (model, conditions) => `${model}?${JSON.stringify(conditions)}`,
    findObject: async model => ({ model }),
  })
  const results: Evaluated[] = []
  for (const entry of document.entries) {
    const result = {
      model: await evaluate(entry.model),
      state: await evaluate(entry.state),
      identifiers: await evaluate(entry.identifiers),
      attrs: await evaluate(entry.attrs),
      conditions: await evaluate(entry.conditions),
    }
    results.push(result as Evaluated)
    if (entry.id !== null) earlier.add(entry.id)
  }
  return results
}

const entriesOf = async (path: string, variables?: Record<string, string>) => {
  const found = documents.find(candidate => candidate.path === path)
  assert.ok(found, path)
  return await evaluateAll(found, variables)
}

for (const shipped of documents) {
  describe(shipped.path, () => {
    const { document } = shipped

    test('has a name and nothing odd', () => {
      assert.ok(document.metadata.name)
      assert.deepEqual(document.warnings, [])
    })

    test('has an id on every entry that the ledger remembers, so that later versions recognize it', () => {
      const without = document.entries.filter(entry => entry.id === null && entry.model !== 'authentik_blueprints.metaapplyblueprint')
      assert.deepEqual(
        without.map(entry => entry.line),
        [],
      )
    })

    test('evaluates, and applies only files that exist', async () => {
      for (const entry of await evaluateAll(shipped)) {
        if (entry.model !== 'authentik_blueprints.metaapplyblueprint') continue
        const { path } = entry.attrs.identifiers as { path: string }
        assert.ok(files.includes(path), path)
      }
    })

    test('speaks of fields and values that the API has', async () => {
      const seen = new Set<string>()
      for (const { model, identifiers, attrs } of await evaluateAll(shipped)) {
        if (model === 'authentik_blueprints.metaapplyblueprint') continue
        const known = MODELS[model]
        assert.ok(known, model)
        const schema = contract.components.schemas[known.schema]
        const values: { [key: string]: Value } = { ...identifiers, ...attrs }
        for (const [name, value] of Object.entries(values)) {
          const property = schema?.properties?.[name]
          assert.ok(property || known.extra?.includes(name), `${model} has no field ${name}`)
          const reference = property?.$ref ?? property?.allOf?.[0]?.$ref
          const choices = reference ? contract.components.schemas[reference.split('/').at(-1) ?? '']?.enum : property?.enum
          if (choices) assert.ok(choices.includes(value), `${model}.${name} can not be ${JSON.stringify(value)}`)
        }
        const object = JSON.stringify([model, identifiers])
        if (seen.has(object)) continue
        seen.add(object)
        for (const name of schema?.required ?? []) {
          assert.ok(name in values || schema?.properties?.[name] === undefined, `${model} needs ${name}`)
        }
      }
    })
  })
}

test('names of blueprints are unique', () => {
  const names = documents.map(({ document }) => document.metadata.name)
  assert.equal(new Set(names).size, names.length)
})

test('two stages or policies never share a name', async () => {
  const names = new Map<string, string>()
  for (const shipped of documents) {
    for (const { model, identifiers } of await evaluateAll(shipped)) {
      if (!/^authentik_(?:stages|policies)_/.test(model) || typeof identifiers.name !== 'string') continue
      assert.equal(names.get(identifiers.name) ?? model, model, identifiers.name)
      names.set(identifiers.name, model)
    }
  }
})

test('the password is asked for when the policy that may skip it fails', async () => {
  const bindings = (await entriesOf('default/flow-default-authentication-flow.yaml')).filter(
    entry => entry.model === 'authentik_policies.policybinding',
  )
  assert.deepEqual(
    bindings.map(entry => entry.attrs.failure_result),
    [true, true],
  )
})

test('the bootstrap variables reach the user and the token', async () => {
  const variables = { AUTHENTIK_BOOTSTRAP_EMAIL: 'me@example.test', AUTHENTIK_BOOTSTRAP_PASSWORD: 'pass', AUTHENTIK_BOOTSTRAP_TOKEN: 'key' }
  const [group, user, token] = await entriesOf('system/bootstrap.yaml', variables)
  assert.deepEqual(group?.identifiers, { name: 'authentik Admins' })
  assert.deepEqual(user?.identifiers, { username: 'akadmin' })
  assert.partialDeepStrictEqual(user?.attrs, { email: 'me@example.test', password: 'pass', groups: ['system/bootstrap.yaml#admin-group'] })
  assert.partialDeepStrictEqual(token, { conditions: ['key'], attrs: { key: 'key', expiring: false, intent: 'api' } })
})

test('without bootstrap variables there is no password and no token', async () => {
  const [, user, token] = await entriesOf('system/bootstrap.yaml')
  assert.partialDeepStrictEqual(user?.attrs, { email: 'root@example.com', password: null })
  assert.deepEqual(token?.conditions, [null])
})

test('bootstrap objects are made once and never brought back to their defaults', async () => {
  assert.deepEqual(
    (await entriesOf('system/bootstrap.yaml')).map(entry => entry.state),
    ['created', 'created', 'created'],
  )
})

test('the read-only role may view every model', async () => {
  const [role] = await entriesOf('default/rbac-role-read-only.yaml')
  assert.deepEqual(role?.attrs.permissions, ['authentik_core.view_group', 'authentik_flows.view_flow'])
})

test('one scope mapping for each default scope', async () => {
  const mappings = [...(await entriesOf('system/providers-oauth2.yaml')), ...(await entriesOf('system/providers-proxy.yaml'))]
  assert.deepEqual(
    mappings.map(({ identifiers, attrs }) => [identifiers.managed, attrs.scope_name]),
    [
      ['goauthentik.io/providers/oauth2/scope-openid', 'openid'],
      ['goauthentik.io/providers/oauth2/scope-email', 'email'],
      ['goauthentik.io/providers/oauth2/scope-profile', 'profile'],
      ['goauthentik.io/providers/oauth2/scope-entitlements', 'entitlements'],
      ['goauthentik.io/providers/oauth2/scope-offline_access', 'offline_access'],
      ['goauthentik.io/providers/oauth2/scope-authentik_api', 'goauthentik.io/api'],
      ['goauthentik.io/providers/proxy/scope-proxy', 'ak_proxy'],
    ],
  )
})
