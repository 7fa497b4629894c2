import assert from 'node:assert/strict'
import { test } from 'node:test'
import { unique } from '../../../../test/builders.ts'
import { clientById, clientOfApplication, type Client } from './client.ts'
import { aParty, oauthServer, type Party } from '../fixture.ts'

const held = async (party: Party, slug = party.slug): Promise<Client> => {
  const client = await clientOfApplication(party.server.ctx, slug)
  assert.ok(client)
  return client
}

const change = async (party: Party, path: string, values: Record<string, unknown>) => {
  const answer = await party.server.admin.patch(`/api/v3/${path}/`, values)
  assert.equal(answer.status, 200, answer.text)
}
const provider = (party: Party) => `providers/oauth2/${String(party.provider.pk)}`
const application = (party: Party) => `core/applications/${party.slug}`

test('Saving one provider or application changes its client at once, and leaves all others as they were', async () => {
  const [saved, other] = [await aParty(), await aParty()]
  const before = await held(other)
  const url = 'https://elsewhere.example.test/'
  await change(saved, provider(saved), { redirect_uris: [{ matching_mode: 'strict', url }] })
  assert.equal((await held(saved)).mayRedirectTo(url), true)
  await change(saved, provider(saved), { property_mappings: [] })
  assert.deepEqual((await held(saved)).scopes, ['openid'])
  await change(saved, provider(saved), { signing_key: null })
  assert.equal((await held(saved)).signer.alg, 'HS256')
  await change(saved, application(saved), { name: 'Another name', policy_engine_mode: 'all' })
  assert.deepEqual([(await held(saved)).application?.name, (await held(saved)).application?.policy_engine_mode], ['Another name', 'all'])
  assert.equal(await held(other), before)
})

test('An application under another slug is found there alone', async () => {
  const party = await aParty()
  await held(party)
  const slug = unique('renamed')
  await change(party, application(party), { slug })
  assert.equal((await held(party, slug)).issuerSlug, slug)
  assert.equal(await clientOfApplication(party.server.ctx, party.slug), undefined)
})

test('An application that goes from one provider to another is no longer the first one’s, and the other’s', async () => {
  const on = await oauthServer()
  const [one, other] = [await aParty(), await aParty()]
  await change(other, application(other), { provider: null })
  const client = (party: Party) => clientById(on.ctx, party.clientId)
  assert.equal((await client(other))!.application, undefined)
  assert.equal((await client(one))!.issuerSlug, one.slug)
  await change(one, application(one), { provider: (await client(other))!.id })
  assert.equal((await client(one))!.application, undefined)
  assert.equal((await client(other))!.issuerSlug, one.slug)
  assert.equal((await held(one)).client_id, other.clientId)
})

test('What many clients share is changed for all of them', async () => {
  const on = await oauthServer()
  const parties = [await aParty(), await aParty()]
  for (const party of parties) await held(party)
  const made = await on.admin.post('/api/v3/propertymappings/provider/scope/', {
    name: unique('shared'),
    scope_name: 'shared',
    expression: 'return {"shared": 1}',
  })
  for (const party of parties) await change(party, provider(party), { property_mappings: [made.body.pk] })
  for (const party of parties) assert.equal((await held(party)).mappings[0]!.expression, 'return {"shared": 1}')
  await on.admin.patch(`/api/v3/propertymappings/provider/scope/${made.body.pk}/`, {
    expression: 'return {"shared": 2}',
    scope_name: 'other',
  })
  for (const party of parties) {
    const client = await held(party)
    assert.equal(client.mappings[0]!.expression, 'return {"shared": 2}')
    assert.deepEqual(client.scopes, ['openid', 'other'])
  }
  assert.equal((await held(parties[0]!)).mappings, (await held(parties[1]!)).mappings)
})

test('Metadata of a client counts from when it is saved', async () => {
  const party = await aParty()
  assert.equal((await held(party)).metadata.require_pkce, false)
  const made = await party.server.admin.post('/api/v3/signet/oauth2_clients/', { provider: (await held(party)).id, require_pkce: true })
  assert.equal(made.status, 201, made.text)
  assert.equal((await held(party)).metadata.require_pkce, true)
  await change(party, `signet/oauth2_clients/${made.body.pk}`, { require_pkce: false })
  assert.equal((await held(party)).metadata.require_pkce, false)
})
