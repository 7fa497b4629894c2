import type { Ctx } from '../../src/context.ts'
import { modelLabelled, type Model, type Row } from '../../src/api/model.ts'
import { aGroup, aUser, unique } from '../builders.ts'
import { operationAt } from './schema.ts'
import { sampleObject, sampleValue } from './samples.ts'

/** How a special route is called so that it succeeds. */
export type Example = { url: string; body?: unknown; payload?: string; headers?: Record<string, string>; status?: number }

/** Routes that the contract does not have: what this server offers beyond it. */
export const OURS: ReadonlySet<string> = new Set([
  'GET /signet/invitations/',
  'GET /signet/invitations/:pk/',
  'POST /signet/invitations/',
  'POST /signet/invitations/batch/',
  'GET /signet/authenticators/deleted/',
  'GET /signet/explain/',
  'GET /signet/explain/:id/',
  'POST /signet/explain/',
  'DELETE /signet/own_access/:pk/',
  'POST /signet/authenticators/:device_class/:id/restore/',
])

const modelAt = (ctx: Ctx, label: string): Model => modelLabelled(ctx, label)!
const sample = (ctx: Ctx, label: string): Promise<Row> => sampleObject(ctx, modelAt(ctx, label))

const user = async (ctx: Ctx) => (await aUser(ctx)).id as number
const group = async (ctx: Ctx) => (await aGroup(ctx)).group_uuid as string
const role = async (ctx: Ctx) => (await sample(ctx, 'authentik_rbac.role')).role_uuid as string

/** A stage with keys for Duo's Admin API, at an address that no request may reach. */
async function duoStage(ctx: Ctx): Promise<string> {
  const { stage_uuid: key } = await sample(ctx, 'authentik_stages_authenticator_duo.authenticatorduostage')
  await ctx.db
    .updateTable('stage_authenticator_duo')
    .set({ api_hostname: '127.0.0.1', admin_integration_key: 'ikey', admin_secret_key: ctx.secrets.seal('skey') })
    .where('stage_uuid', '=', key as string)
    .execute()
  return key as string
}

/** A flow that shows one stage. */
async function flowWithStage(ctx: Ctx): Promise<Row> {
  const binding = await sample(ctx, 'authentik_flows.flowstagebinding')
  await ctx.db
    .updateTable('flow_stage_binding')
    .set({ stage: (await sample(ctx, 'authentik_stages_dummy.dummystage')).stage_uuid as string })
    .where('fsb_uuid', '=', binding.fsb_uuid as string)
    .execute()
  return await ctx.db
    .selectFrom('flow')
    .selectAll()
    .where('flow_uuid', '=', binding.target as string)
    .executeTakeFirstOrThrow()
}

/** A host whose brand has a recovery flow. */
async function brandWithRecovery(ctx: Ctx): Promise<Pick<Example, 'headers'>> {
  const { slug, flow_uuid: flow } = await flowWithStage(ctx)
  const domain = `${String(slug)}.example.test`
  const brand = await sample(ctx, 'authentik_brands.brand')
  await ctx.db
    .updateTable('brand')
    .set({ domain, flow_recovery: flow as string })
    .where('brand_uuid', '=', brand.brand_uuid as string)
    .execute()
  return { headers: { host: domain } }
}

const BOUNDARY = 'example-boundary'
const ICON = '<svg xmlns="http://www.w3.org/2000/svg"/>'

/** A form as browsers send it. */
export const form = (fields: Record<string, string>, file?: { filename: string; content: string; type?: string }) => ({
  headers: { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` },
  payload: [
    ...Object.entries(fields).map(([name, value]) => `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`),
    ...(file
      ? [
          `--${BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="${file.filename}"\r\nContent-Type: ${file.type ?? 'application/octet-stream'}\r\n\r\n${file.content}\r\n`,
        ]
      : []),
    `--${BOUNDARY}--\r\n`,
  ].join(''),
})

const EXAMPLES: Record<string, (ctx: Ctx) => Promise<Example> | Example> = {
  'PUT /core/transactional/applications/': async ctx => {
    const name = unique('application')
    const { flow_uuid: flow } = await sample(ctx, 'authentik_flows.flow')
    return {
      url: '/core/transactional/applications/',
      body: {
        app: { name, slug: name },
        provider_model: 'authentik_providers_oauth2.oauth2provider',
        provider: { name, authorization_flow: flow, invalidation_flow: flow, redirect_uris: [] },
      },
    }
  },
  'GET /admin/version/history/:id/': () => ({ url: '/admin/version/history/1/' }),
  'PUT /admin/settings/': () => ({ url: '/admin/settings/', body: { flags: {} } }),
  'PATCH /admin/settings/': () => ({ url: '/admin/settings/', body: {} }),
  'POST /admin/file/': () => ({
    url: '/admin/file/',
    ...form({ name: `${unique('icon')}.svg`, usage: 'media' }, { filename: 'x.svg', content: ICON }),
  }),
  'DELETE /admin/file/': async ctx => {
    const { writeMedia } = await import('../../src/admin/media.ts')
    const name = `${unique('icon')}.svg`
    await writeMedia(ctx, name, Buffer.from(ICON))
    return { url: `/admin/file/?name=${name}&usage=media` }
  },
  'POST /managed/blueprints/import/': () => ({
    url: '/managed/blueprints/import/',
    ...form({ context: '{}' }, { filename: 'x.yaml', content: 'version: 1\nentries: []\n', type: 'application/yaml' }),
  }),
  'GET /admin/file/used_by/': () => ({ url: '/admin/file/used_by/?name=icon.png' }),
  'GET /rbac/permissions/:id/': async ctx => {
    const { permissionCatalogue } = await import('../../src/rbac/catalogue.ts')
    return { url: `/rbac/permissions/${permissionCatalogue(ctx)[0]!.id}/` }
  },
  'GET /rbac/permissions/roles/': async ctx => ({ url: `/rbac/permissions/roles/?uuid=${await role(ctx)}` }),
  'GET /rbac/permissions/assigned_by_roles/': () => ({ url: '/rbac/permissions/assigned_by_roles/?model=authentik_core.user' }),
  'POST /rbac/permissions/assigned_by_roles/:pk/assign/': async ctx => ({
    url: `/rbac/permissions/assigned_by_roles/${await role(ctx)}/assign/`,
    body: { permissions: ['authentik_core.view_user'], model: 'authentik_core.user', object_pk: String(await user(ctx)) },
  }),
  'PATCH /rbac/permissions/assigned_by_roles/:pk/unassign/': async ctx => ({
    url: `/rbac/permissions/assigned_by_roles/${await role(ctx)}/unassign/`,
    body: { permissions: ['authentik_core.view_user'] },
  }),
  'POST /rbac/roles/:pk/add_user/': async ctx => ({ url: `/rbac/roles/${await role(ctx)}/add_user/`, body: { pk: await user(ctx) } }),
  'POST /rbac/roles/:pk/remove_user/': async ctx => ({ url: `/rbac/roles/${await role(ctx)}/remove_user/`, body: { pk: await user(ctx) } }),
  'POST /core/groups/:pk/add_user/': async ctx => ({ url: `/core/groups/${await group(ctx)}/add_user/`, body: { pk: await user(ctx) } }),
  'POST /core/groups/:pk/remove_user/': async ctx => ({
    url: `/core/groups/${await group(ctx)}/remove_user/`,
    body: { pk: await user(ctx) },
  }),
  'POST /core/users/:pk/set_password_hash/': async ctx => ({
    url: `/core/users/${await user(ctx)}/set_password_hash/`,
    body: { password: await ctx.passwords.hash('a secret') },
  }),
  // Succeeds only with a browser's session; see core/impersonation.test.ts.
  'POST /core/users/:pk/impersonate/': async ctx => ({
    url: `/core/users/${await user(ctx)}/impersonate/`,
    body: { reason: 'a test' },
    status: 400,
  }),
  'POST /core/users/:pk/recovery/': async ctx => ({
    url: `/core/users/${await user(ctx)}/recovery/`,
    body: {},
    ...(await brandWithRecovery(ctx)),
  }),
  'POST /core/users/:pk/recovery_email/': async ctx => ({
    url: `/core/users/${await user(ctx)}/recovery_email/`,
    body: { email_stage: (await sample(ctx, 'authentik_stages_email.emailstage')).stage_uuid },
    ...(await brandWithRecovery(ctx)),
  }),
  'POST /events/notifications/mark_all_seen/': () => ({ url: '/events/notifications/mark_all_seen/' }),
  'POST /events/transports/:pk/test/': async ctx => ({
    url: `/events/transports/${String((await sample(ctx, 'authentik_events.notificationtransport')).uuid)}/test/`,
  }),
  'POST /stages/invitation/invitations/:pk/send_email/': async ctx => ({
    url: `/stages/invitation/invitations/${String((await sample(ctx, 'authentik_stages_invitation.invitation')).invite_uuid)}/send_email/`,
    body: { email_addresses: ['jane@example.test'] },
  }),
  'GET /flows/executor/:slug/': async ctx => ({ url: `/flows/executor/${String((await flowWithStage(ctx)).slug)}/?query=` }),
  'POST /flows/executor/:slug/': async ctx => ({ url: `/flows/executor/${String((await flowWithStage(ctx)).slug)}/?query=`, body: {} }),
  'GET /flows/instances/:slug/diagram/': async ctx => ({ url: `/flows/instances/${String((await flowWithStage(ctx)).slug)}/diagram/` }),
  'GET /flows/instances/:slug/export/': async ctx => ({ url: `/flows/instances/${String((await flowWithStage(ctx)).slug)}/export/` }),
  // Succeeds only with a browser's session; see flows/tools.test.ts.
  'GET /flows/inspector/:slug/': async ctx => ({ url: `/flows/inspector/${String((await flowWithStage(ctx)).slug)}/`, status: 400 }),
  'GET /flows/instances/:slug/execute/': async ctx => ({ url: `/flows/instances/${String((await flowWithStage(ctx)).slug)}/execute/` }),
  // Addresses under an application's name need an application.
  'GET /providers/oauth2/:pk/setup_urls/': async ctx => {
    const { id } = await sample(ctx, 'authentik_providers_oauth2.oauth2provider')
    const { pbm_uuid: key } = await sample(ctx, 'authentik_core.application')
    await ctx.db
      .updateTable('application')
      .set({ provider: id as number })
      .where('pbm_uuid', '=', key as string)
      .execute()
    return { url: `/providers/oauth2/${String(id)}/setup_urls/` }
  },
  'POST /policies/all/:pk/test/': async ctx => ({
    url: `/policies/all/${String((await sample(ctx, 'authentik_policies_expression.expressionpolicy')).policy_uuid)}/test/`,
    body: { user: await user(ctx), context: {} },
  }),
  'POST /propertymappings/all/:pk/test/': async ctx => ({
    url: `/propertymappings/all/${String((await sample(ctx, 'authentik_providers_oauth2.scopemapping')).pm_uuid)}/test/`,
    body: { user: await user(ctx), context: {} },
  }),
  // Succeeds only in a browser that is setting Duo up; see src/stages/authenticator_duo/.
  'POST /stages/authenticator/duo/:stage_uuid/enrollment_status/': async ctx => ({
    url: `/stages/authenticator/duo/${await duoStage(ctx)}/enrollment_status/`,
    status: 400,
  }),
  'POST /stages/authenticator/duo/:stage_uuid/import_device_manual/': async ctx => ({
    url: `/stages/authenticator/duo/${await duoStage(ctx)}/import_device_manual/`,
    body: { duo_user_id: unique('DU'), username: (await aUser(ctx)).username },
  }),
  'POST /stages/authenticator/duo/:stage_uuid/import_devices_automatic/': async ctx => ({
    url: `/stages/authenticator/duo/${await duoStage(ctx)}/import_devices_automatic/`,
  }),
  // A directory of which nothing is wanted is not asked.
  'GET /sources/ldap/:slug/debug/': async ctx => {
    const { pbm_uuid, slug } = await sample(ctx, 'authentik_sources_ldap.ldapsource')
    const nothing = ctx.db.updateTable('source_ldap').set({ sync_users: false, sync_groups: false })
    await nothing.where('pbm_uuid', '=', pbm_uuid as string).execute()
    return { url: `/sources/ldap/${String(slug)}/debug/` }
  },
  'POST /stages/prompt/prompts/preview/': () => ({
    url: '/stages/prompt/prompts/preview/',
    body: { name: unique('prompt'), field_key: 'key', label: 'Label', type: 'text', order: 1 },
  }),
  'POST /crypto/certificatekeypairs/generate/': () => ({
    url: '/crypto/certificatekeypairs/generate/',
    body: { common_name: unique('pair'), validity_days: 30, alg: 'ecdsa' },
  }),
  'DELETE /core/authenticated_sessions/bulk_delete/': async ctx => ({
    url: `/core/authenticated_sessions/bulk_delete/?user_pks=${await user(ctx)}`,
  }),
}

/** The example of a route: written down above, or made of the contract's schema and an object of the resource that the path is of. */
export async function exampleOf(ctx: Ctx, line: string): Promise<Example> {
  const written = EXAMPLES[line]
  if (written) return written(ctx)
  const [method, pattern] = line.split(' ') as [string, string]
  const [resource] = ctx.registry.resources
    .filter(({ path }) => pattern.startsWith(`${path}/`))
    .toSorted((a, b) => b.path.length - a.path.length)
  const row = resource && /:\w+/.test(pattern) ? await sampleObject(ctx, resource.model) : {}
  const url = pattern.replace(/:\w+/, () => encodeURIComponent(String(row[resource!.model.lookup ?? resource!.model.pk])))
  const request = operationAt(method, pattern)?.request
  return { url, ...(request?.type === 'application/json' && { body: sampleValue(request.schema) }) }
}
