import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aUser } from '../../test/builders.ts'
import { assertDone, FlowVisitor } from '../../test/flows.ts'
import { ownServer } from '../../test/harness.ts'

const SLUG = 'initial-setup'
const answer = (n: number) => ({
  component: 'ak-stage-prompt',
  email: `admin${n}@example.test`,
  password: `a password of number ${n}`,
  password_repeat: `a password of number ${n}`,
})
const OVER = 'Initial set-up was already completed.'

test('of fifty who give the administrator a password at once, one does; set-up is closed for ever after (abuse 40)', async () => {
  const { app, ctx } = await ownServer()
  const visitors = Array.from({ length: 50 }, () => new FlowVisitor(app))
  for (const visitor of visitors) {
    const form = await visitor.challenge(SLUG)
    assert.deepEqual(
      form.fields.map((field: { field_key: string }) => field.field_key),
      ['oobe-header-text', 'email', 'password', 'password_repeat'],
    )
  }
  const last = await Promise.all(visitors.map((visitor, n) => visitor.challenge(SLUG, '', answer(n))))
  const winners = last.flatMap((challenge, n) => (challenge.component === 'xak-flow-redirect' ? [n] : []))
  assert.equal(winners.length, 1)
  const [winner] = winners as [number]
  assertDone(last[winner]!, '/')
  for (const [n, challenge] of last.entries()) {
    if (n !== winner) assert.deepEqual([challenge.component, challenge.error_message], ['ak-stage-access-denied', OVER])
  }
  assert.partialDeepStrictEqual((await visitors[winner]!.get('/api/v3/core/users/me/')).body.user, {
    username: 'akadmin',
    is_superuser: true,
    email: `admin${winner}@example.test`,
  })
  assertDone(await new FlowVisitor(app).signIn('akadmin', `a password of number ${winner}`), '/')

  const refused = async () => (await new FlowVisitor(app).challenge(SLUG)).error_message as string
  assert.equal(await refused(), OVER)
  await ctx.db.deleteFrom('user').where('username', '=', 'akadmin').execute()
  await aUser(ctx, { username: 'akadmin' })
  assert.equal(await refused(), OVER)
})

test('a superuser with a password, whoever made it, closes set-up for good (abuse 40)', async () => {
  const { app, ctx } = await ownServer({ SIGNET_BOOTSTRAP_PASSWORD: 'from the environment' })
  const visitor = new FlowVisitor(app)
  assert.equal((await visitor.challenge(SLUG)).error_message, OVER)
  await ctx.db.updateTable('user').set({ password: '!' }).where('username', '=', 'akadmin').execute()
  assert.equal((await visitor.challenge(SLUG)).error_message, OVER)
})

test('a set-up that was begun is checked again when it writes', async () => {
  const { app, ctx } = await ownServer()
  const visitor = new FlowVisitor(app)
  assert.equal((await visitor.challenge(SLUG)).component, 'ak-stage-prompt')
  const hash = await ctx.passwords.hash('quicker')
  await ctx.db.updateTable('user').set({ password: hash }).where('username', '=', 'akadmin').execute()
  assert.equal((await visitor.challenge(SLUG, '', answer(1))).error_message, OVER)
  assertDone(await new FlowVisitor(app).signIn('akadmin', 'quicker'), '/')
})
