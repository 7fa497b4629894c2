import assert from 'node:assert/strict'
import { test } from 'node:test'
import { server } from '../../../test/harness.ts'
import { aToken, aUser } from '../../../test/builders.ts'
import { SESSION_COOKIE } from '../session/session.ts'

const HOUR = 3_600_000 // ms

async function aRecoveryKey(values: { expires?: Date; intent?: string } = {}, user: { is_active?: boolean } = {}) {
  const { ctx } = await server()
  const account = await aUser(ctx, user)
  const key = await aToken(ctx, account, { intent: 'recovery', expiring: true, expires: new Date(ctx.now().getTime() + HOUR), ...values })
  return { account, path: `/recovery/use-token/${key}/` }
}

test('a recovery link signs in, leaves an event, and leads to the library', async () => {
  const { client, ctx } = await server()
  const { account, path } = await aRecoveryKey()
  const answer = await client().get(path)
  assert.deepEqual([answer.status, answer.headers.location, answer.headers['cache-control']], [302, '/if/user/', 'no-store'])
  const cookie = answer.cookies.find(({ name }) => name === SESSION_COOKIE)!
  const self = await client().get('/api/v3/core/users/me/', { cookie: `${SESSION_COOKIE}=${cookie.value}` })
  assert.equal(self.body.user.pk, account.id)
  const events = await ctx.db.selectFrom('event').select('user').where('action', '=', 'login').execute()
  assert.ok(events.some(({ user }) => (user as { pk: unknown }).pk === account.id))
})

test('of fifty that use a recovery link at once one gets in', async () => {
  const { client, ctx } = await server()
  const { account, path } = await aRecoveryKey()
  const answers = await Promise.all(Array.from({ length: 50 }, () => client().get(path)))
  assert.deepEqual(
    answers.map(({ status }) => status).sort((a, b) => a - b),
    [302, ...Array.from({ length: 49 }, () => 404)],
  )
  const sessions = await ctx.db
    .selectFrom('session')
    .select('uuid')
    .where('user', '=', account.id as number)
    .execute()
  assert.equal(sessions.length, 1)
})

test('a look at the headers of a recovery link does not spend it', async () => {
  const { client } = await server()
  const { path } = await aRecoveryKey()
  assert.equal((await client().request('HEAD', path)).status, 404)
  assert.equal((await client().get(path)).status, 302)
})

test('links that are over, of other tokens, or of switched-off accounts open nothing', async () => {
  const { client, ctx } = await server()
  const paths = [
    await aRecoveryKey({ expires: new Date(ctx.now().getTime() - 1) }),
    await aRecoveryKey({ intent: 'api' }),
    await aRecoveryKey({ intent: 'app_password' }),
    await aRecoveryKey({}, { is_active: false }),
    { path: '/recovery/use-token/unknown/' },
  ]
  for (const { path } of paths) {
    const answer = await client().get(path)
    assert.equal(answer.status, 404)
    assert.equal(answer.cookies.length, 0)
  }
})
