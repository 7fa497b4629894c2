import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aUser, unique } from '../../../test/builders.ts'
import { aFlow, aStage } from '../../../test/flows.ts'
import { server } from '../../../test/harness.ts'
import { createObject } from '../../api/objects.ts'
import type { Row } from '../../api/model.ts'
import { Application } from '../../core/application/model.ts'
import { User } from '../../core/people.ts'
import { flowDefinition } from '../../flows/definition.ts'
import { execute } from '../../flows/executor.ts'
import { asObject } from '../../flows/objects.ts'
import { planFlow } from '../../flows/planner.ts'
import { startPlan } from '../../flows/start.ts'
import type { Visit } from '../../flows/visit.ts'

/** A consent stage that an application's request meets, again and again. */
async function asking(values: Row) {
  const { ctx, clock } = await server()
  const user = await aUser(ctx)
  const application = await createObject(ctx, Application, { name: 'Wiki', slug: unique('wiki') })
  const { slug } = await aFlow(ctx, [await aStage(ctx, 'consent', values)], { designation: 'authorization' })
  const definition = (await flowDefinition(ctx, slug))!
  const visit: Visit = { session: null, cookies: new Map() }
  const caller = { ...ctx, caller: { ...ctx.caller, system: false, superuser: false, user } }
  const query = new URLSearchParams()
  const step = async (method: 'GET' | 'POST', body?: unknown) => {
    const answer = await execute(caller, definition, { method, body, query }, visit)
    assert.equal(answer.kind, 'challenge')
    return answer.kind === 'challenge' ? answer.challenge : undefined!
  }
  const ask = async (...scopes: string[]) => {
    const permissions = scopes.map(id => ({ id, name: `name of ${id}` }))
    const planned = await planFlow(caller, definition, {
      pending_user: asObject(User, user),
      application: asObject(Application, application),
      consent_header: 'Header',
      consent_permissions: permissions,
    })
    assert.ok(planned.ok)
    await startPlan(caller, visit, planned.plan)
    return step('GET')
  }
  const agree = async (...scopes: string[]) => {
    const { token } = await ask(...scopes)
    return step('POST', { token })
  }
  return { ctx, clock, user, ask, agree, step }
}

test('consent is asked for once per set of scopes', async () => {
  const { ask, agree, step } = await asking({ mode: 'permanent' })
  const asked = await ask('email', 'profile')
  assert.partialDeepStrictEqual(asked, {
    component: 'ak-stage-consent',
    header_text: 'Header',
    permissions: [
      { id: 'email', name: 'name of email' },
      { id: 'profile', name: 'name of profile' },
    ],
    additional_permissions: [],
  })
  assert.equal((await step('POST', { token: 'guess' })).component, 'ak-stage-consent')
  assert.equal((await step('POST', { token: asked.token })).component, 'xak-flow-redirect')
  assert.equal((await ask('profile', 'email')).component, 'xak-flow-redirect')

  const more = await ask('email', 'profile', 'groups')
  assert.partialDeepStrictEqual(more, { permissions: [{ id: 'email' }, { id: 'profile' }], additional_permissions: [{ id: 'groups' }] })
  assert.equal((await agree('email')).component, 'xak-flow-redirect')
  assert.equal((await ask('email')).component, 'xak-flow-redirect')
  assert.equal((await ask('email', 'profile')).component, 'ak-stage-consent')
})

test('consent runs out where the stage says so, and is never remembered where it must always be asked', async () => {
  const expiring = await asking({ mode: 'expiring', consent_expire_in: 'hours=1' })
  await expiring.agree('email')
  assert.equal((await expiring.ask('email')).component, 'xak-flow-redirect')
  expiring.clock.advance(3_600_001)
  try {
    assert.equal((await expiring.ask('email')).component, 'ak-stage-consent')
  } finally {
    expiring.clock.reset()
  }
  const always = await asking({ mode: 'always_require' })
  await always.agree('email')
  assert.equal((await always.ask('email')).component, 'ak-stage-consent')
  assert.equal(
    await always.ctx.db
      .selectFrom('user_consent')
      .select('id')
      .where('user', '=', always.user.id as number)
      .executeTakeFirst(),
    undefined,
  )
})

test('a token of another question does not agree to this one', async () => {
  const { ask, step } = await asking({ mode: 'always_require' })
  const { token } = await ask('email')
  assert.notEqual((await ask('email', 'groups')).token, token)
  assert.equal((await step('POST', { token })).component, 'ak-stage-consent')
})

test('a page shown twice can be answered', async () => {
  const { ask, step } = await asking({ mode: 'always_require' })
  const { token } = await ask('email')
  assert.equal((await step('GET')).token, token)
  assert.equal((await step('POST', { token })).component, 'xak-flow-redirect')
})
