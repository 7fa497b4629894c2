import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aUser, unique } from '../../test/builders.ts'
import { server } from '../../test/harness.ts'
import { fillLaunchUrl } from './application-present.ts'
import { userUid } from './uid.ts'

test('a launch URL names its visitor where it has a place for that, encoded for an address', async () => {
  const { ctx } = await server()
  const user = await aUser(ctx, { name: 'Ada & Co/?#', email: 'ada@example.test' })
  const fill = (url: string) => fillLaunchUrl(ctx, url, user)
  assert.equal(fill('https://app.test/%(username)s'), `https://app.test/${encodeURIComponent(String(user.username))}`)
  assert.equal(fill('https://app.test/?n=%(name)s&m=%(email)s'), 'https://app.test/?n=Ada%20%26%20Co%2F%3F%23&m=ada%40example.test')
  assert.equal(
    fill('https://app.test/%(uid)s/%(uuid)s/%(pk)s'),
    `https://app.test/${userUid(ctx, user.id as number)}/${String(user.uuid)}/${String(user.id)}`,
  )
  assert.equal(fill('https://app.test/%(password)s/%(unknown)s/%20'), 'https://app.test/%(password)s/%(unknown)s/%20')
  assert.equal(fillLaunchUrl(ctx, 'https://app.test/%(username)s', null), 'https://app.test/%(username)s')
})

test('an application’s launch URL is its own, else the site of its provider’s first redirect URI', async () => {
  const { admin, ctx } = await server()
  const flow = await ctx.db
    .selectFrom('flow')
    .select('flow_uuid')
    .where('slug', '=', 'default-provider-authorization-implicit-consent')
    .executeTakeFirstOrThrow()
  const name = unique('launched')
  const provider = await admin.post('/api/v3/providers/oauth2/', {
    name,
    authorization_flow: flow.flow_uuid,
    redirect_uris: [
      { matching_mode: 'strict', url: 'https://bye.example.test/', redirect_uri_type: 'logout' },
      { matching_mode: 'strict', url: 'https://app.example.test:8443/oidc/callback?x=y' },
    ],
  })
  const made = await admin.post('/api/v3/core/applications/', { name, slug: name, provider: provider.body.pk })
  assert.equal(made.body.launch_url, 'https://app.example.test:8443')
  const changed = await admin.patch(`/api/v3/core/applications/${name}/`, { meta_launch_url: 'https://own.example.test/%(username)s' })
  assert.equal(changed.status, 200, changed.text)
  const shown = await admin.get(`/api/v3/core/applications/${name}/`)
  assert.match(shown.body.launch_url, /^https:\/\/own\.example\.test\/[^%]+$/)
})
