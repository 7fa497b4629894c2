import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aSource, aUser, unique } from '../../test/builders.ts'
import { form } from '../../test/contract/examples.ts'
import { aFlow } from '../../test/flows.ts'
import { server } from '../../test/harness.ts'
import type { Row } from '../api/model.ts'

const apply = async (content: string) => {
  const { admin } = await server()
  return admin.request(
    'POST',
    '/api/v3/managed/blueprints/import/',
    form({}, { filename: 'sources.yaml', content, type: 'application/yaml' }),
  )
}

const blueprint = (name: string) => `version: 1
entries:
  - id: mapping
    model: authentik_sources_oauth.oauthsourcepropertymapping
    identifiers: { name: ${name} }
    attrs: { expression: 'return {"name": info["name"]}' }
  - id: source
    model: authentik_sources_oauth.oauthsource
    identifiers: { slug: ${name} }
    attrs:
      name: Upstream
      provider_type: openidconnect
      consumer_key: key
      consumer_secret: of the blueprint
      oidc_well_known_url: https://up.example.test/.well-known/openid-configuration
      user_matching_mode: email_link
      group_matching_mode: name_link
      authentication_flow: !Find [authentik_flows.flow, [slug, default-source-authentication]]
      enrollment_flow: !Find [authentik_flows.flow, [slug, default-source-enrollment]]
      user_property_mappings: [!KeyOf mapping]
  - model: authentik_policies.policybinding
    identifiers: { target: !KeyOf source, order: 0 }
    attrs: { user: !Find [authentik_core.user, [username, test-admin]] }
  - model: authentik_stages_identification.identificationstage
    identifiers: { name: ${name} }
    attrs:
      user_fields: [username]
      sources:
        - !Find [authentik_core.source, [slug, authentik-built-in]]
        - !KeyOf source
`

test('a blueprint brings sources with mappings, bindings and their place on the sign-in page, and changes nothing the second time', async () => {
  const { admin, ctx } = await server()
  const name = unique('upstream')
  for (const time of ['first', 'second']) {
    const { status, body } = await apply(blueprint(name))
    assert.deepEqual([status, body.success], [200, true], `${time}: ${JSON.stringify(body)}`)
  }
  const { body: source } = await admin.get(`/api/v3/sources/oauth/${name}/`)
  assert.partialDeepStrictEqual(source, { name: 'Upstream', user_matching_mode: 'email_link', group_matching_mode: 'name_link' })
  assert.equal(source.user_property_mappings.length, 1)
  assert.equal((await admin.get(`/api/v3/policies/bindings/?target=${source.pk}`)).body.results.length, 1)
  const [stage] = (await admin.get(`/api/v3/stages/identification/?name=${name}`)).body.results
  const builtIn = (await admin.get('/api/v3/sources/all/authentik-built-in/')).body.pk
  assert.deepEqual(new Set(stage.sources), new Set([source.pk, builtIn]))
  const row = await ctx.db.selectFrom('source_oauth').select('consumer_secret').where('pbm_uuid', '=', source.pk).executeTakeFirstOrThrow()
  assert.equal(ctx.secrets.open(row.consumer_secret), 'of the blueprint')
})

test('an exported flow names the sources of its stages, and comes back with them', async () => {
  const { admin, ctx } = await server()
  const source = await aSource(ctx)
  const made = await admin.post('/api/v3/stages/identification/', { name: unique('stage'), user_fields: [], sources: [source.pbm_uuid] })
  assert.equal(made.status, 201)
  const stage = (await ctx.db.selectFrom('stage').selectAll().where('stage_uuid', '=', made.body.pk).executeTakeFirstOrThrow()) as Row
  const { slug } = await aFlow(ctx, [stage])
  const { text } = await admin.get(`/api/v3/flows/instances/${slug}/export/`)
  await admin.patch(`/api/v3/stages/identification/${made.body.pk}/`, { user_fields: ['username'], sources: [] })
  const { body } = await apply(text)
  assert.equal(body.success, true, JSON.stringify(body))
  const { body: back } = await admin.get(`/api/v3/stages/identification/${made.body.pk}/`)
  assert.deepEqual([back.user_fields, back.sources], [[], [source.pbm_uuid]])
})

test('no blueprint says who somebody is at a source (abuse 48, 52)', async () => {
  const { ctx } = await server()
  const [source, user] = [await aSource(ctx), await aUser(ctx)]
  const values = `{ source: ${String(source.pbm_uuid)}, identifier: x, user: ${String(user.id)} }`
  for (const model of ['authentik_core.usersourceconnection', 'authentik_sources_oauth.useroauthsourceconnection']) {
    const { body } = await apply(`version: 1\nentries:\n  - { model: ${model}, identifiers: ${values}, attrs: {} }\n`)
    assert.notEqual(body.success, true)
  }
  const found = await ctx.db
    .selectFrom('user_source_connection')
    .select('id')
    .where('source', '=', source.pbm_uuid as string)
    .execute()
  assert.deepEqual(found, [])
})
