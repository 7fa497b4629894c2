import { internal, text } from '../../src/api/fields.ts'
import { findObject, insertObject, withDefaults } from '../../src/api/store.ts'
import { modelLabelled, type Model, type Row } from '../../src/api/model.ts'
import { transact, type Ctx } from '../../src/context.ts'
import { startSession } from '../../src/core/session/session.ts'
import { readCatalogue } from '../../src/db/catalogue.ts'
import { permissionCatalogue } from '../../src/rbac/catalogue.ts'
import { generateKeypair } from '../../src/crypto/self-signed.ts'
import { unique } from '../builders.ts'
import { resolved, type Schema } from './schema.ts'

/** Bodies that the contract allows, and stored objects to call operations on. */

let pair: Promise<{ certificate: string; key: string }> | undefined

const keypair = (ctx: Ctx) =>
  (pair ??= generateKeypair(
    { commonName: 'sample', alternativeNames: [], validityDays: 30, algorithm: 'ecdsa' },
    { now: ctx.now, random: ctx.randomBytes },
  ))

/** What a schema alone does not tell: model label → values that replace the made-up ones; undefined leaves a field out. */
const SPECIAL: Record<string, (ctx: Ctx) => Promise<Row> | Row> = {
  'authentik_crypto.certificatekeypair': async ctx => {
    const { certificate, key } = await keypair(ctx)
    return { certificate_data: certificate, key_data: key, key_type: 'ec' }
  },
  'authentik_core.user': () => ({ type: 'internal', path: 'users/samples', is_active: true }),
  'authentik_core.token': () => ({ intent: 'api', expires: undefined, user: undefined }),
  'authentik_core.application': () => ({ meta_launch_url: 'https://app.example.test/', meta_icon: 'icon.png' }),
  'authentik_brands.brand': () => ({ default: false }),
  'authentik_rbac.initialpermissions': ctx => ({ permissions: [permissionCatalogue(ctx)[0]!.id] }),
  'authentik_policies.policybinding': async ctx => ({
    policy: undefined,
    user: undefined,
    target: (await sampleObject(ctx, modelOf(ctx, 'authentik_core.application'))).pbm_uuid,
  }),
  'authentik_events.event': () => ({ action: 'configuration_warning', client_ip: '192.0.2.1' }),
  'authentik_events.notificationtransport': () => ({ email_template: 'email/event_notification.html' }),
  // Others' are nobody else's to see.
  'authentik_events.notification': async ctx => {
    const admin = ctx.db.selectFrom('user').select('id').where('username', '=', 'test-admin')
    return { user: (await admin.executeTakeFirstOrThrow()).id }
  },
  // A type that brings its own addresses: nobody answers at made-up ones.
  'authentik_sources_oauth.oauthsource': () => ({
    provider_type: 'github',
    oidc_well_known_url: '',
    oidc_jwks_url: '',
    oidc_jwks: { keys: [] },
    ...Object.fromEntries(['request_token_url', 'authorization_url', 'access_token_url', 'profile_url'].map(name => [name, undefined])),
  }),
  'authentik_stages_identification.identificationstage': () => ({
    user_fields: ['username'],
    sources: [],
  }),
  'authentik_stages_captcha.captchastage': () => ({
    js_url: 'https://captcha.example.test/api.js',
    api_url: 'https://captcha.example.test/verify',
  }),
  'authentik_stages_redirect.redirectstage': () => ({ mode: 'static', target_static: 'https://example.test/' }),
  'authentik_stages_email.emailstage': () => ({ template: 'email/password_reset.html' }),
  'authentik_stages_authenticator_email.authenticatoremailstage': () => ({ template: 'email/email_otp.html' }),
  'authentik_stages_invitation.invitation': async ctx => ({
    flow: (await sampleObject(ctx, modelOf(ctx, 'authentik_flows.flow'))).flow_uuid,
  }),
  'authentik_sources_ldap.ldapsource': () => ({
    server_uri: 'ldap://directory.example.test',
    user_object_filter: '(objectClass=person)',
    group_object_filter: '(objectClass=group)',
    // One source alone may.
    sync_users_password: false,
  }),
  'authentik_providers_oauth2.oauth2provider': () => ({
    redirect_uris: [{ matching_mode: 'strict', url: 'https://app.example.test/callback' }],
    encryption_key: undefined,
  }),
}

/** Fields that the contract calls optional, but of which one must be there. */
const NEEDED: Record<string, readonly string[]> = {
  'authentik_policies.policybinding': ['group'],
  'authentik_policies_event_matcher.eventmatcherpolicy': ['action'],
  'authentik_stages_identification.identificationstage': ['user_fields'],
  'authentik_stages_redirect.redirectstage': ['target_static'],
  // Answers without one hold null, of which the contract does not speak.
  'authentik_stages_invitation.invitation': ['flow'],
}

const modelOf = (ctx: Ctx, label: string): Model => modelLabelled(ctx, label)!

/** A value that a schema of the contract allows. */
export function sampleValue(raw: Schema, name = 'value'): unknown {
  const schema = resolved(raw)
  const choices = schema.enum as unknown[] | undefined
  if (choices) return choices.find(choice => choice !== '' && choice !== null)
  if (schema.oneOf) return sampleValue((schema.oneOf as Schema[])[0]!, name)
  switch (schema.type) {
    case 'boolean':
      return true
    case 'integer':
    case 'number':
      return Math.max(Number(schema.minimum ?? 0), Math.min(5, Number(schema.maximum ?? 5)))
    case 'array':
      return [sampleValue(schema.items as Schema, name)]
    case 'object':
      return Object.fromEntries(
        Object.entries((schema.properties ?? {}) as Record<string, Schema>).map(([key, inner]) => [key, sampleValue(inner, key)]),
      )
    case 'string':
      if (schema.format === 'date-time') return '2031-05-06T07:08:09.123456Z'
      if (schema.format === 'email') return `${unique('sample')}@example.test`
      if (schema.format === 'uri') return 'https://example.test/'
      return unique(name).slice(0, Number(schema.maxLength ?? 100))
    default:
      return []
  }
}

/**
 * A body for creating an object of a model as the contract's request schema has it.
 * @param options.all optional fields too; otherwise the required ones alone
 */
export async function sampleBody(ctx: Ctx, model: Model, requestSchema: Schema, options: { all: boolean }): Promise<Row> {
  const { properties = {}, required = [] } = resolved(requestSchema) as { properties?: Record<string, Schema>; required?: string[] }
  const special = (await SPECIAL[model.label]?.(ctx)) ?? {}
  const out: Row = {}
  for (const [name, schema] of Object.entries(properties)) {
    if (!required.includes(name) && !options.all && !NEEDED[model.label]?.includes(name)) continue
    const field = model.allFields[name]
    if (name in special) out[name] = special[name]
    else if (field?.references) out[name] = await sampleReference(ctx, field.references(), schema)
    else if (field?.check && field.initial && !resolved(schema).format) out[name] = field.initial(ctx)
    else out[name] = sampleValue(schema, name)
  }
  // One of three must be set; the group is the one.
  if (model.label === 'authentik_policies.policybinding')
    out.group = (await sampleObject(ctx, modelOf(ctx, 'authentik_core.group'))).group_uuid
  return Object.fromEntries(Object.entries(out).filter(([, value]) => value !== undefined))
}

async function sampleReference(ctx: Ctx, target: Model, schema: Schema): Promise<unknown> {
  const concrete =
    target.component === '' || target.name === 'Provider' || target.name === 'Policy'
      ? ctx.registry.models.find(model => model.base === target)
      : target
  const list = resolved(schema).type === 'array'
  if (!concrete) return list ? [] : undefined
  const key = (await sampleObject(ctx, concrete))[concrete.pk]
  return list ? [key] : key
}

/** Key of the account that the tests' calls are made with. */
const callersKey = async (ctx: Ctx): Promise<number> =>
  (await ctx.db.selectFrom('user').select('id').where('username', '=', 'test-admin').executeTakeFirstOrThrow()).id

/** A stored object of a model, with everything that it must refer to. */
export async function sampleObject(ctx: Ctx, model: Model): Promise<Row> {
  if (model.label === 'authentik_core.authenticatedsession') {
    const user = await sampleObject(ctx, modelOf(ctx, 'authentik_core.user'))
    const { session } = await startSession(ctx, { user: user.id as number })
    return session
  }
  const special = (await SPECIAL[model.label]?.(ctx)) ?? {}
  const values: Row = {}
  for (const [name, field] of Object.entries(model.allFields)) {
    if (field.storage !== 'column') continue
    if (special[name] !== undefined) values[name] = special[name]
    else if (field.references && !field.nullable) values[name] = await sampleReference(ctx, field.references(), {})
    else if (field.initial === undefined) values[name] = plainValue(field.schema as Schema, name)
  }
  // What is one's own is shown to its owner: the one who calls.
  if (model.base?.label === 'authentik_core.device') values.user = await callersKey(ctx)
  if (model.label === 'authentik_core.token')
    Object.assign(values, {
      key_hash: unique('hash'),
      key_sealed: ctx.secrets.seal('key'),
      user: (await sampleObject(ctx, modelOf(ctx, 'authentik_core.user'))).id,
    })
  if (model.label === 'authentik_policies.policybinding')
    values.group = (await sampleObject(ctx, modelOf(ctx, 'authentik_core.group'))).group_uuid
  const row = await transact(ctx, async ctx => {
    const whole = await withHiddenColumns(ctx, model, values)
    return insertObject(ctx, whole, withDefaults(ctx, whole, values))
  })
  return (await findObject(ctx, model, row[model.pk]))!
}

/** The same for every server of this process, and slow to read. */
let catalogue: ReturnType<typeof readCatalogue> | undefined

/** Columns that no field of the model speaks of (hashes of tokens, say), where the database wants them. */
async function withHiddenColumns(ctx: Ctx, model: Model, values: Row): Promise<Model> {
  const table = (await (catalogue ??= readCatalogue(ctx.db))).get(model.table)!
  const hidden = table.columns.filter(
    ({ name, nullable, defaulted }) => !nullable && !defaulted && name !== model.pk && !model.allFields[name] && name !== model.baseKey,
  )
  if (hidden.length === 0) return model
  for (const { name, type } of hidden) {
    const target = table.foreign_keys.find(key => key.columns.includes(name))
    const home = target && ctx.registry.models.find(other => other.table === target.target)
    if (home) values[name] = (await sampleObject(ctx, home))[target.target_columns[0]!]
    else
      values[name] = {
        uuid: ctx.uuid(),
        text: unique(name),
        integer: 1,
        real: 1,
        flag: false,
        instant: ctx.now(),
        json: '[]',
        bytes: new Uint8Array(1),
      }[type]
  }
  const fields = Object.fromEntries(hidden.map(({ name }) => [name, internal(text())]))
  const tables = model.tables.map(part => (part.table === model.table ? { ...part, fields: { ...part.fields, ...fields } } : part))
  return { ...model, allFields: { ...model.allFields, ...fields }, tables }
}

/** A value for a column by our own schema, where nothing says how it begins. */
function plainValue(schema: Schema, name: string): unknown {
  const type = [schema.type].flat().find(word => word !== 'null')
  if (schema.enum) return (schema.enum as unknown[])[0]
  if (schema.format === 'date-time') return new Date('2031-05-06T07:08:09Z')
  if (type === 'array') return []
  if (type === 'object') return {}
  if (type === 'integer' || type === 'number') return 1
  if (type === 'boolean') return false
  return unique(name)
}
