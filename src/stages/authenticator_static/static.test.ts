import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aSheet } from '../../../test/authenticators.ts'
import { aToken, aUser } from '../../../test/builders.ts'
import { aFlow, aStage, assertDone, errorsOf, FlowVisitor } from '../../../test/flows.ts'
import { server, type TestServer } from '../../../test/harness.ts'
import type { Row } from '../../api/model.ts'
import { newTokens } from './device.ts'

const C = 'ak-stage-authenticator-static'

async function settingUp({ app, ctx }: TestServer, values: Row = {}) {
  const owner = await aUser(ctx)
  const { slug } = await aFlow(ctx, ['identification', await aStage(ctx, 'authenticator_static', values), 'dummy'])
  const visitor = new FlowVisitor(app)
  await visitor.challenge(slug)
  const shown = await visitor.challenge(slug, '', { uid_field: owner.username })
  return { visitor, slug, shown, owner }
}

test('codes are shown until they are confirmed, and never again', async () => {
  const here = await server()
  const { ctx } = here
  const { visitor, slug, shown, owner } = await settingUp(here, { token_count: 4, token_length: 9 })
  assert.equal(shown.component, C)
  assert.equal(new Set(shown.codes).size, 4)
  for (const code of shown.codes) assert.match(code, /^[a-z2-9]{9}$/)
  assert.deepEqual((await visitor.challenge(slug)).codes, shown.codes)
  // An answer that was meant for another stage confirms nothing.
  assert.equal((await visitor.challenge(slug, '', { component: 'ak-stage-dummy' })).component, C)
  assert.equal((await visitor.challenge(slug, '', { component: C })).component, 'ak-stage-dummy')
  const api = here.client(await aToken(ctx, owner))
  const { body } = await api.get('/api/v3/authenticators/static/')
  assert.deepEqual(
    body.results.map((device: Row) => [device.name, (device.token_set as Row[]).length]),
    [['Static Token', 4]],
  )
  const everything = JSON.stringify([body, await ctx.db.selectFrom('static_token').selectAll().execute()])
  for (const code of shown.codes) assert.ok(!everything.includes(code), 'a code is kept in clear')
})

test('codes that were never shown cannot be confirmed', async () => {
  const { app, ctx } = await server()
  const user = await aUser(ctx)
  const { slug } = await aFlow(ctx, ['identification', 'authenticator_static'])
  const visitor = new FlowVisitor(app)
  await visitor.challenge(slug)
  assert.equal((await visitor.post(slug, { uid_field: user.username })).status, 302)
  const answer = await visitor.challenge(slug, '', { component: C })
  assert.deepEqual([answer.component, answer.codes.length], [C, 6])
  assertDone(await visitor.challenge(slug, '', { component: C }), '/')
})

test('each time makes a device more', async () => {
  const here = await server()
  const { ctx, app } = here
  const user = await aUser(ctx)
  const { slug } = await aFlow(ctx, ['identification', 'authenticator_static'])
  for (let time = 0; time < 2; time++) {
    const visitor = new FlowVisitor(app)
    await visitor.challenge(slug)
    await visitor.challenge(slug, '', { uid_field: user.username })
    await visitor.challenge(slug, '', { component: C })
  }
  const { body } = await here.client(await aToken(ctx, user)).get('/api/v3/authenticators/static/')
  assert.equal(body.pagination.count, 2)
})

test('codes are never too short to stand against guessing', async () => {
  const { ctx } = await server()
  const { shown } = await settingUp(await server(), { token_length: 1, token_count: 3 })
  for (const code of shown.codes) assert.ok(code.length >= 6)
  assert.equal(newTokens(ctx, 100, 6).length, 100)
})

test('of fifty sign-ins with one code at once, one gets through', async () => {
  const { app, ctx } = await server()
  const user = await aUser(ctx)
  const { codes } = await aSheet(ctx, user)
  const stage = await aStage(ctx, 'authenticator_validate', { static_otp_throttling_factor: 0 })
  const { slug } = await aFlow(ctx, ['identification', stage, 'user_login'])
  const visitors = await Promise.all(
    Array.from({ length: 50 }, async () => {
      // Wrong codes from one address are counted for all who share it.
      const visitor = new FlowVisitor(app, { 'x-forwarded-for': '198.51.100.50' })
      await visitor.challenge(slug)
      await visitor.challenge(slug, '', { uid_field: user.username })
      return visitor
    }),
  )
  const answers = await Promise.all(
    visitors.map(visitor => visitor.challenge(slug, '', { component: 'ak-stage-authenticator-validate', code: codes[0] })),
  )
  const through = answers.filter(answer => answer.component === 'xak-flow-redirect')
  assert.equal(through.length, 1)
  for (const answer of answers.filter(one => !through.includes(one))) assert.ok('code' in errorsOf(answer))
  const sessions = await ctx.db
    .selectFrom('session')
    .select('uuid')
    .where('user', '=', user.id as number)
    .execute()
  assert.equal(sessions.length, 1)
})
