import assert from 'node:assert/strict'
import { availableParallelism } from 'node:os'
import { test } from 'node:test'
import { aUser, unique } from '../builders.ts'
import { aFlow, aStage, assertDone, errorsOf, FlowVisitor } from '../flows.ts'
import { ownServer } from '../harness.ts'

const cores = availableParallelism()

/** Guessing passwords in flows, as whoever has time and addresses does it. */

test('46 wrong passwords slow down, for names that nobody has too, and the owner gets in from elsewhere', async () => {
  const { app, ctx, clock } = await ownServer()
  clock.hold() // a second is over soon
  const stage = await aStage(ctx, 'password', { failed_attempts_before_cancel: 100 })
  const { slug } = await aFlow(ctx, ['identification', stage, 'user_login'])
  const at = async (name: unknown, address: string) => {
    const visitor = new FlowVisitor(app, { 'x-forwarded-for': address })
    await visitor.challenge(slug)
    await visitor.challenge(slug, '', { uid_field: name })
    return (password: string) => visitor.challenge(slug, '', { password })
  }
  const user = await aUser(ctx, { password: 'right' })
  for (const name of [user.username, unique('nobody')]) {
    const guess = await at(name, '192.0.2.50')
    for (let i = 0; i < 5; i++) assert.deepEqual(errorsOf(await guess('wrong')), { password: ['Invalid password'] })
    // Not even the right one is looked at now.
    const refused = await guess('right')
    assert.deepEqual(errorsOf(refused), { non_field_errors: ['Too many wrong passwords. Please try again in 1 seconds.'] })
    assert.equal(refused.component, 'ak-stage-password')
  }
  assertDone(await (await at(user.username, '192.0.2.51'))('right'), '/')
  clock.advance(1001)
  assertDone(await (await at(user.username, '192.0.2.50'))('right'), '/')
  // Forgotten: mistakes count from the beginning.
  const again = await at(user.username, '192.0.2.50')
  for (let i = 0; i < 4; i++) await again('wrong')
  assertDone(await again('right'), '/')
})

test('46 an identification stage with a password slows down alike', async () => {
  const { app, ctx, clock } = await ownServer()
  clock.hold()
  const password = await aStage(ctx, 'password')
  const stage = await aStage(ctx, 'identification', { user_fields: ['username'], password_stage: password.stage_uuid })
  const { slug } = await aFlow(ctx, [stage, 'user_login'])
  const visitor = new FlowVisitor(app)
  await visitor.challenge(slug)
  const uid_field = (await aUser(ctx, { password: 'right' })).username
  for (let i = 0; i < 5; i++)
    assert.deepEqual(errorsOf(await visitor.challenge(slug, '', { uid_field, password: 'wrong' })).non_field_errors, [
      'Failed to authenticate.',
    ])
  assert.match(errorsOf(await visitor.challenge(slug, '', { uid_field, password: 'right' })).non_field_errors![0]!, /^Too many wrong/)
})

test('83 wrong passwords that wait for their turn are not checked once their address has to wait', async () => {
  // They wait for each other only as long as a hash takes what it takes outside of tests.
  const { app, ctx, clock } = await ownServer({}, { realHashes: true })
  clock.hold()
  const stage = await aStage(ctx, 'password', { failed_attempts_before_cancel: 100 })
  const { slug } = await aFlow(ctx, ['identification', stage, 'user_login'])
  const user = await aUser(ctx, { password: 'right' })
  const visitors = await Promise.all(
    Array.from({ length: 12 + 6 * cores }, async () => {
      const visitor = new FlowVisitor(app)
      await visitor.challenge(slug)
      await visitor.challenge(slug, '', { uid_field: user.username })
      return visitor
    }),
  )
  const said = await Promise.all(
    visitors.map(async visitor => Object.keys(errorsOf(await visitor.challenge(slug, '', { password: 'wrong' })))[0]),
  )
  const checked = said.filter(field => field === 'password').length
  // Five, and what was under way by then.
  assert.ok(checked >= 5 && checked <= 8 + 2 * cores, `${checked} of ${said.length} were checked`)
})
