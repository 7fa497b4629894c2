import assert from 'node:assert/strict'
import { pbkdf2Sync } from 'node:crypto'
import { test } from 'node:test'
import { aToken, aUser } from '../../../test/builders.ts'
import { aFlow, aStage, assertDone, FlowVisitor } from '../../../test/flows.ts'
import { server } from '../../../test/harness.ts'
import type { Ctx } from '../../context.ts'
import type { Row } from '../../api/model.ts'

async function atPassword(values: Row, uid: (ctx: Ctx) => Promise<unknown>) {
  const { app, ctx } = await server()
  const { slug } = await aFlow(ctx, ['identification', await aStage(ctx, 'password', values), 'user_login'])
  const visitor = new FlowVisitor(app)
  await visitor.challenge(slug)
  await visitor.challenge(slug, '', { uid_field: await uid(ctx) })
  return { ctx, visitor, answer: (password: unknown) => visitor.challenge(slug, '', { component: 'ak-stage-password', password }) }
}

test('after too many wrong passwords the flow ends', async () => {
  const user = await aUser((await server()).ctx, { password: 'right' })
  const { answer } = await atPassword({ failed_attempts_before_cancel: 3 }, async () => user.username)
  for (let attempt = 1; attempt < 3; attempt++) assert.equal((await answer('wrong')).component, 'ak-stage-password')
  const last = await answer('wrong')
  assert.deepEqual([last.component, last.error_message], ['ak-stage-access-denied', 'Invalid password'])
  assert.equal((await answer('right')).component, 'ak-stage-identification')
})

test('a hash of another make is replaced once the password was right', async () => {
  const { ctx } = await server()
  const salt = 'saltsaltsalt'
  const digest = pbkdf2Sync('right', salt, 10_000, 32, 'sha256').toString('base64')
  const user = await aUser(ctx)
  await ctx.db
    .updateTable('user')
    .set({ password: `pbkdf2_sha256$10000$${salt}$${digest}` })
    .where('id', '=', user.id as number)
    .execute()
  const { answer } = await atPassword({}, async () => user.username)
  assert.equal((await answer('wrong')).component, 'ak-stage-password')
  assertDone(await answer('right'), '/')
  const { password } = await ctx.db
    .selectFrom('user')
    .select('password')
    .where('id', '=', user.id as number)
    .executeTakeFirstOrThrow()
  assert.match(password, /^\$argon2id\$/)
  assert.ok(await ctx.passwords.verify(password, 'right'))
})

test('an app password is a password where the stage takes them, for its owner and while it lasts', async () => {
  const { ctx } = await server()
  const [owner, other] = [await aUser(ctx), await aUser(ctx)]
  const good = await aToken(ctx, owner, { intent: 'app_password' })
  const expired = await aToken(ctx, owner, { intent: 'app_password', expiring: true, expires: new Date(ctx.now().getTime() - 1) })
  const api = await aToken(ctx, owner)
  const { answer } = await atPassword({}, async () => owner.username)
  for (const key of [expired, api]) assert.equal((await answer(key)).component, 'ak-stage-password')
  assertDone(await answer(good), '/')
  const session = await ctx.db
    .selectFrom('session')
    .selectAll()
    .where('user', '=', owner.id as number)
    .executeTakeFirstOrThrow()
  assert.equal(session.auth_method, 'token')
  assert.equal((await (await atPassword({}, async () => other.username)).answer(good)).component, 'ak-stage-password')
  const inbuiltOnly = await atPassword({ backends: ['authentik.core.auth.InbuiltBackend'] }, async () => owner.username)
  assert.equal((await inbuiltOnly.answer(good)).component, 'ak-stage-password')
})

test('backends of sources that are not here know nobody', async () => {
  const user = await aUser((await server()).ctx, { password: 'right' })
  const backends = ['authentik.sources.ldap.auth.LDAPBackend', 'authentik.sources.kerberos.auth.KerberosBackend']
  assert.equal((await (await atPassword({ backends }, async () => user.username)).answer('right')).component, 'ak-stage-password')
  assertDone(
    await (await atPassword({ backends: [...backends, 'authentik.core.auth.InbuiltBackend'] }, async () => user.username)).answer('right'),
    '/',
  )
})

test('inactive accounts hear the same as everybody', async () => {
  const user = await aUser((await server()).ctx, { password: 'right', is_active: false })
  const { answer } = await atPassword({}, async () => user.username)
  assert.deepEqual((await answer('right')).response_errors, { password: [{ string: 'Invalid password', code: 'invalid' }] })
})

test('without anybody pending there is nothing to prove', async () => {
  const { app, ctx } = await server()
  const { slug } = await aFlow(ctx, ['password'])
  assert.equal((await new FlowVisitor(app).challenge(slug)).component, 'ak-stage-access-denied')
})

test('backends are named by their full names', async () => {
  const { admin } = await server()
  const refused = await admin.post('/api/v3/stages/password/', { name: 'x', backends: ['inbuilt'] })
  assert.equal(refused.status, 400)
  assert.match(JSON.stringify(refused.body), /\\"inbuilt\\" is not a valid choice/)
})
