import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aUser, unique } from '../../../test/builders.ts'
import { aFlow, aForm, FlowVisitor } from '../../../test/flows.ts'
import { ownServer } from '../../../test/harness.ts'
import { ask } from '../../../test/policies.ts'
import { setPassword } from '../../core/user/password.ts'

test('passwords that somebody has or had are refused, as many as the policy says', async () => {
  const own = await ownServer()
  const { ctx, app, admin } = own
  const user = await aUser(ctx, { password: 'first' })
  const passing = async (password: string, num_historical_passwords: number) =>
    (await ask('unique_password', { num_historical_passwords }, { user, context: { password }, on: own })).passing
  // Without a policy nothing is remembered.
  await setPassword(ctx, user, 'second')
  assert.deepEqual(await ctx.db.selectFrom('password_history').select('id').execute(), [])
  assert.equal(await passing('second', 3), false)
  for (const password of ['third', 'fourth', 'fifth']) await setPassword(ctx, user, password)
  assert.equal(await passing('fifth', 1), false)
  assert.equal(await passing('fourth', 1), true)
  assert.equal(await passing('third', 3), false)
  assert.equal(await passing('second', 3), true)
  assert.equal(await passing('fifth', 0), true)
  await setPassword(ctx, user, 'sixth')
  const kept = await ctx.db.selectFrom('password_history').select('password').execute()
  assert.equal(kept.length, 3)
  assert.ok(kept.every(({ password }) => password.startsWith('$argon2id$')))

  // In a flow that writes the account.
  const policy = await admin.post('/api/v3/policies/unique_password/', { name: unique('p'), num_historical_passwords: 2 })
  const form = await aForm(ctx, [{ field_key: 'password', type: 'password', required: true }], { validation_policies: [policy.body.pk] })
  const { slug } = await aFlow(ctx, ['identification', form, 'user_write'])
  const visitor = new FlowVisitor(app)
  await visitor.challenge(slug)
  await visitor.challenge(slug, '', { uid_field: user.username })
  const refused = await visitor.challenge(slug, '', { password: 'fifth' })
  assert.deepEqual(
    refused.response_errors.non_field_errors[0].string,
    'This password has been used previously. Please choose a different one.',
  )
  assert.equal((await visitor.challenge(slug, '', { password: 'seventh' })).component, 'xak-flow-redirect')
  assert.equal(await passing('sixth', 2), false)
  assert.equal(await passing('seventh', 1), false)
})

test('whoever has no account yet has no former password', async () => {
  const own = await ownServer()
  const question = { user: { id: null, username: 'new' }, context: { password: 'x' }, on: own }
  assert.equal((await ask('unique_password', {}, question)).passing, true)
  assert.deepEqual((await ask('unique_password', {}, { on: own })).messages, ['Password not set in context'])
})

test('so many passwords that judging would take long are not remembered', async () => {
  const own = await ownServer()
  const made = await own.admin.post('/api/v3/policies/unique_password/', { name: unique('p'), num_historical_passwords: 1000 })
  assert.equal(made.headers['x-signet-warning'], 'num_historical_passwords: no more than 100 passwords are remembered.')
})
