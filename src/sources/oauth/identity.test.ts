import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aSource, unique } from '../../../test/builders.ts'
import { receiver } from '../../../test/http-receiver.ts'
import { ownServer } from '../../../test/harness.ts'
import type { Row } from '../../api/model.ts'
import { SourceError } from './error.ts'
import { identityOf } from './identity.ts'
import { typeOf } from './settings.ts'
import { upstreamOf } from './upstream.ts'

const { admin, ctx } = await ownServer({ SIGNET_OUTGOING_ALLOW: '127.0.0.1/32' })

const INFO = { sub: 'abc', nickname: 'anna', email: 'anna@example.test', email_verified: true, name: 'Anna', groups: ['staff'] }

type Texts = { user?: string[]; group?: string[] }

/** A source with mappings, in the order of the texts. */
async function sourceWith({ user = [], group = [] }: Texts): Promise<Row> {
  const source = await aSource(ctx, { provider_type: 'openidconnect', oidc_well_known_url: 'https://up.example.test/' })
  const made = async (texts: string[]) => {
    const keys = []
    for (const expression of texts) {
      const mapping = await admin.post('/api/v3/propertymappings/source/oauth/', { name: unique('mapping'), expression })
      assert.equal(mapping.status, 201, mapping.text)
      keys.push(mapping.body.pk)
    }
    return keys
  }
  const patched = await admin.patch(`/api/v3/sources/oauth/${String(source.slug)}/`, {
    user_property_mappings: await made(user),
    group_property_mappings: await made(group),
  })
  assert.equal(patched.status, 200)
  return source
}

const TOKENS = {
  access_token: 'secret',
  refresh_token: null,
  id_token: null,
  expires: null,
  raw: { access_token: 'secret', token_type: 'bearer' },
}

/** Who comes when a provider answers so. */
async function told(source: Row, info: Row) {
  const profile = typeOf(source).read(info)
  const answer = { raw: info, profile: { ...profile, identifier: profile.identifier! }, claims: undefined }
  return { ...(await identityOf(ctx, upstreamOf(source), TOKENS, answer)), source }
}

const propertiesFor = async (texts: Texts, info: Row = INFO) => told(await sourceWith(texts), info)

test('without mappings the claims alone say who somebody is', async () => {
  const { properties, groups, emailVerified } = await propertiesFor({})
  assert.partialDeepStrictEqual(properties, { username: 'anna', email: 'anna@example.test', name: 'Anna' })
  assert.deepEqual(groups, [{ id: 'staff', properties: { name: 'staff' } }])
  assert.equal(emailVerified, true)
})

test('mappings add to what is known, one after the other, with what the provider answered', async () => {
  const { source, properties, groups } = await propertiesFor({
    user: [
      'return {"username": info["nickname"].upper(), "attributes": {"from": source.slug, "tags": ["a"]}, "groups": ["staff", "extra"]}',
      'return {"name": properties["username"] + " " + token["token_type"], "attributes.seen.by": "second", "attributes": {"tags": ["a", "b"]}}',
      'return None',
      'return "nothing"',
    ],
    group: ['return {"name": "up-" + group_id, "attributes": {"of": info["sub"]}}'],
  })
  assert.partialDeepStrictEqual(properties, {
    username: 'ANNA',
    name: 'ANNA bearer',
    attributes: { from: source.slug, tags: ['a', 'b'], seen: { by: 'second' } },
  })
  assert.deepEqual(groups, [
    { id: 'staff', properties: { name: 'up-staff', attributes: { of: 'abc' } } },
    { id: 'extra', properties: { name: 'up-extra', attributes: { of: 'abc' } } },
  ])
})

test('a provider vouches for its own address alone; a mapping may vouch for another (abuse 50)', async () => {
  assert.equal((await propertiesFor({ user: ['return {"email": "root@example.test"}'] })).emailVerified, undefined)
  assert.equal((await propertiesFor({ user: ['return {"email": info["email"].upper()}'] })).emailVerified, true)
  const vouched = await propertiesFor({ user: ['return {"email": "root@example.test", "email_verified": True}'] })
  assert.equal(vouched.emailVerified, true)
  assert.ok(!('email_verified' in vouched.properties))
  assert.equal((await propertiesFor({}, { ...INFO, email_verified: 'yes' })).emailVerified, undefined)
  assert.equal((await propertiesFor({}, { ...INFO, email_verified: 'false' })).emailVerified, false)
})

test('a mapping that fails lets nobody in, and leaves an event', async () => {
  await assert.rejects(propertiesFor({ user: ['return {"username": info["nothing_of_that_name"]}'] }), SourceError)
  const events = await ctx.db.selectFrom('event').select('context').where('action', '=', 'property_mapping_exception').execute()
  assert.ok(events.some(({ context }) => String((context as Row).message).includes('nothing_of_that_name')))
})

test('mappings see no secret of the source, and change nothing but by what they return', async () => {
  const { properties } = await propertiesFor({
    user: [
      'info["email"] = "changed@example.test"\nproperties["email"] = "changed@example.test"\nreturn {"attributes": {"secret": hasattr(source, "consumer_secret")}}',
    ],
  })
  assert.deepEqual([properties.email, properties.attributes], ['anna@example.test', { secret: false }])
})

test('a mapping asks the provider in the name of the person', async t => {
  const provider = await receiver(() => ({ json: [{ login: 'org' }] }))
  t.after(() => provider.close())
  const text = `answer = client.do_request("GET", "${provider.origin}/orgs", token=token, headers={"accept": "text/x"})
return {"attributes": {"org": answer.json()[0]["login"]}}`
  const { properties } = await propertiesFor({ user: [text] })
  assert.deepEqual(properties.attributes, { org: 'org' })
  const [{ path, headers } = assert.fail()] = provider.received
  assert.deepEqual([path, headers.authorization, headers.accept], ['/orgs', 'Bearer secret', 'text/x'])
})

test('groups of a directory have the names that it shows, and what is no name is no group', async () => {
  const source = await aSource(ctx, { provider_type: 'entraid' })
  const type = typeOf(source)
  const asked: string[] = []
  const info = await type.complete!(
    { id: '1', userPrincipalName: 'anna@corp.example', mail: 'anna@corp.example', displayName: 'Anna' },
    {
      scopes: ['openid', 'https://graph.microsoft.com/GroupMember.Read.All'],
      profileUrl: 'https://graph.microsoft.com/v1.0/me',
      ask: async url => {
        asked.push(url)
        return {
          value: [
            { '@odata.type': '#microsoft.graph.group', id: 'g1', displayName: 'Sales' },
            { '@odata.type': '#microsoft.graph.directoryRole', id: 'r1', displayName: 'Global Administrator' },
          ],
        }
      },
    },
  )
  const { groups, emailVerified } = await told(source, info)
  assert.deepEqual([asked, groups], [['https://graph.microsoft.com/v1.0/me/memberOf'], [{ id: 'g1', properties: { name: 'Sales' } }]])
  assert.equal(emailVerified, undefined)
  const odd = { ...INFO, groups: ['', 'ok', 'ok', 7, null, { a: 1 }, 'x'.repeat(300)] }
  assert.deepEqual((await propertiesFor({}, odd)).groups, [{ id: 'ok', properties: { name: 'ok' } }])
})
