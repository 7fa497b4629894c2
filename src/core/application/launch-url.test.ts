import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aUser, unique } from '../../../test/builders.ts'
import { server } from '../../../test/harness.ts'
import { aBrowser, aParty, aSignedInBrowser, REDIRECT_URI } from '../../providers/oauth2/fixture.ts'
import { fillLaunchUrl } from './launch-url.ts'
import { userUid } from '../user/uid.ts'

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

test('pages link an application by where it is opened, as the person who is there would open it, and not by an address that leads nowhere', async () => {
  const party = await aParty()
  const { admin } = party.server
  const { browser, user } = await aSignedInBrowser()
  /** What the pages before a sign-in and after a sign-out say when the application's own address is this. */
  const links = async (meta_launch_url: string) => {
    const changed = await admin.patch(`/api/v3/core/applications/${party.slug}/`, { meta_launch_url })
    assert.equal(changed.status, 200, changed.text)
    const { id_token } = await party.tokens(browser)
    await browser.get(`/application/o/${party.slug}/end-session/?id_token_hint=${id_token}`)
    const after = await browser.challenge('default-provider-invalidation-flow', '')
    assert.equal(after.application_name, party.application.name)
    const stranger = await aBrowser()
    const query = String((await party.authorize(stranger)).headers.location).split('?')[1]!
    const before = await stranger.challenge('default-authentication-flow', query)
    assert.equal(before.application_pre, party.application.name)
    return [before.application_pre_launch, after.application_launch_url] as unknown[]
  }
  const site = new URL(REDIRECT_URI).origin
  assert.deepEqual(await links(''), [site, site])
  assert.deepEqual(await links('https://own.example.test/'), ['https://own.example.test/', 'https://own.example.test/'])
  assert.deepEqual(await links('https://own.example.test/%(username)s'), [undefined, `https://own.example.test/${String(user.username)}`])
  assert.deepEqual(await links('blank://blank'), [undefined, undefined])
})
