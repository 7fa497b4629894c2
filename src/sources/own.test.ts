import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aSource, aUser, unique } from '../../test/builders.ts'
import { server } from '../../test/harness.ts'
import { signedIn } from '../../test/signed-in.ts'
import { insertObject, withDefaults } from '../api/store.ts'
import { transact } from '../context.ts'
import { UserOAuthSourceConnection } from './oauth/connection.ts'

test('the own page offers what can be connected and shows what is; disconnecting is for its owner', async () => {
  const { app, ctx, admin, client } = await server()
  const user = await aUser(ctx, { type: 'internal' })
  const [mine, other, off] = [
    await aSource(ctx, { name: unique('Mine') }),
    await aSource(ctx, { name: unique('Other'), provider_type: 'gitlab' }),
    await aSource(ctx, { name: unique('Off'), enabled: false }),
  ]
  const connection = await transact(ctx, ctx =>
    insertObject(
      ctx,
      UserOAuthSourceConnection,
      withDefaults(ctx, UserOAuthSourceConnection, { source: mine.pbm_uuid, user: user.id, identifier: unique('id') }),
    ),
  )
  const browser = await signedIn(app, ctx, user)
  const page = async () => (await browser.get('/if/user/')).text
  const shown = await page()
  const url = `/api/v3/sources/user_connections/all/${String(connection.id)}/`
  assert.ok(shown.includes('id="/settings;page-sources"'))
  assert.ok(shown.includes(`data-connection="${url}"`))
  assert.ok(shown.includes(`href="/source/oauth/login/${String(other.slug)}/"`))
  assert.ok(shown.includes('src="/static/dist/assets/icons/sources/gitlab.svg"'))
  assert.ok(!shown.includes(`/source/oauth/login/${String(mine.slug)}/`))
  assert.ok(!shown.includes(String(off.name)))

  // A source that is switched off can be left all the same.
  await admin.patch(`/api/v3/sources/oauth/${String(mine.slug)}/`, { enabled: false })
  assert.ok((await page()).includes(`data-connection="${url}"`))
  await admin.patch(`/api/v3/sources/oauth/${String(mine.slug)}/`, { enabled: true })

  const stranger = await signedIn(app, ctx, await aUser(ctx, { type: 'internal' }))
  assert.equal((await stranger.delete(url)).status, 404)
  assert.equal((await client().delete(url)).status, 403)
  assert.equal((await browser.delete(url)).status, 204)
  assert.ok((await page()).includes(`/source/oauth/login/${String(mine.slug)}/`))
})
