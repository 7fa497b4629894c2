import assert from 'node:assert/strict'
import { test } from 'node:test'
import { adminsGroup, aToken, aUser } from '../../../test/builders.ts'
import { aFlow, assertDone, FlowVisitor } from '../../../test/flows.ts'
import { server } from '../../../test/harness.ts'
import type { Row } from '../../api/model.ts'

const ME = '/api/v3/core/users/me/'
const unenrollment = { designation: 'unenrollment', authentication: 'require_authenticated' }

async function somebodySignedIn(values: Row = {}) {
  const { app, ctx } = await server()
  const user = await aUser(ctx, { ...values, password: 'right' })
  const { slug } = await aFlow(ctx, ['identification', 'password', 'user_login'])
  const visitor = new FlowVisitor(app)
  await visitor.challenge(slug)
  await visitor.challenge(slug, '', { uid_field: user.username })
  await visitor.challenge(slug, '', { password: 'right' })
  assert.equal((await visitor.get(ME)).status, 200)
  return { user, visitor }
}

test('whoever asks for it is signed out everywhere and gone, with their tokens', async () => {
  const { ctx, client } = await server()
  const { user, visitor } = await somebodySignedIn()
  const token = await aToken(ctx, user)
  const { slug } = await aFlow(ctx, ['dummy', 'user_delete'], unenrollment)
  assert.equal((await visitor.challenge(slug)).component, 'ak-stage-dummy')
  assertDone(await visitor.challenge(slug, '', {}), '/')
  assert.equal((await visitor.get(ME)).status, 403)
  assert.equal((await client(token).get(ME)).status, 403)
  assert.equal(
    await ctx.db
      .selectFrom('user')
      .select('id')
      .where('id', '=', user.id as number)
      .executeTakeFirst(),
    undefined,
  )
})

test('an event says whose account went', async () => {
  const { ctx, admin } = await server()
  const { user, visitor } = await somebodySignedIn()
  await admin.patch('/api/v3/admin/settings/', { gdpr_compliance: false })
  try {
    const { slug } = await aFlow(ctx, ['user_delete'], unenrollment)
    assertDone(await visitor.challenge(slug), '/')
  } finally {
    await admin.patch('/api/v3/admin/settings/', { gdpr_compliance: true })
  }
  const events = await ctx.db.selectFrom('event').select('context').where('action', '=', 'model_deleted').execute()
  const models = events.map(event => (event.context as Row).model as Row | undefined)
  assert.equal(models.filter(model => model?.model_name === 'user' && model.pk === String(user.id)).length, 1)
})

test('a superuser may leave as well', async () => {
  const { ctx } = await server()
  const { user, visitor } = await somebodySignedIn({ groups: [await adminsGroup(ctx)] })
  const { slug } = await aFlow(ctx, ['user_delete'], unenrollment)
  assertDone(await visitor.challenge(slug), '/')
  assert.equal(
    await ctx.db
      .selectFrom('user')
      .select('id')
      .where('id', '=', user.id as number)
      .executeTakeFirst(),
    undefined,
  )
})

test('the pending user goes before whoever is signed in', async () => {
  const { ctx } = await server()
  const { user, visitor } = await somebodySignedIn()
  const other = await aUser(ctx)
  const { slug } = await aFlow(ctx, ['identification', 'user_delete'], { designation: 'stage_configuration' })
  await visitor.challenge(slug)
  assertDone(await visitor.challenge(slug, '', { uid_field: other.username }), '/')
  assert.equal(
    await ctx.db
      .selectFrom('user')
      .select('id')
      .where('id', '=', other.id as number)
      .executeTakeFirst(),
    undefined,
  )
  assert.equal((await visitor.get(ME)).body.user.pk, user.id, 'whoever is signed in stays')
})

test('nobody, and a name that was only pretended to be somebody, is refused', async () => {
  const { app, ctx } = await server()
  const { slug } = await aFlow(ctx, ['user_delete'], { designation: 'stage_configuration' })
  assert.equal((await new FlowVisitor(app).challenge(slug)).component, 'ak-stage-access-denied')
  const { slug: pretending } = await aFlow(ctx, ['identification', 'user_delete'], { designation: 'stage_configuration' })
  const visitor = new FlowVisitor(app)
  await visitor.challenge(pretending)
  assert.equal((await visitor.challenge(pretending, '', { uid_field: 'nobody at all' })).component, 'ak-stage-access-denied')
})
