import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Row } from '../../src/api/model.ts'
import { applyDefaults } from '../../src/blueprints/defaults.ts'
import { DatabaseTarget } from '../../src/blueprints/database-target.ts'
import { systemAccess } from '../../src/blueprints/files.ts'
import { applyBlueprint } from '../../src/blueprints/importer.ts'
import { parseBlueprint } from '../../src/blueprints/parse.ts'
import { Authenticator } from '../authenticator.ts'
import { aPasskey, aValidation } from '../authenticators.ts'
import { aGroup, aUser, unique } from '../builders.ts'
import { aFlow, aForm, aStage, assertDone, FlowVisitor } from '../flows.ts'
import { ownServer, server, type TestServer } from '../harness.ts'

/** What operators do with passkeys, with the bodies their scripts send. */

const A = '/api/v3'
const DEFAULT = 'default-authentication-flow'
const DAY = 86_400_000 // ms

/** The stage of a name, as clients find it. */
async function stageNamed(admin: TestServer['admin'], kind: string, name: string): Promise<Row> {
  const { body } = await admin.get(`${A}/stages/${kind}/?name=${name}`)
  assert.equal(body.results.length, 1, name)
  return body.results[0]
}

/** A file of blueprints, applied as an operator's own. */
async function applyFile({ ctx }: TestServer, path: string): Promise<void> {
  const folder = join(process.cwd(), 'blueprints')
  const system = systemAccess({})
  const target = new DatabaseTarget(ctx, { folder, system, protect: true })
  const document = parseBlueprint(readFileSync(join(folder, path), 'utf8'))
  const { success, logs } = await applyBlueprint(document, target, { name: path, system, protect: true, now: ctx.now })
  assert.ok(success, JSON.stringify(logs))
}

const sessionCookie = (visitor: FlowVisitor, answer: { cookies: Row[] }) =>
  answer.cookies.find(cookie => cookie.name === 'authentik_session' && cookie.value === visitor.cookies.get('authentik_session'))

test('R-442: the stage by whose rules passkeys are taken keeps its value on PUT', async () => {
  const { admin, ctx } = await server()
  const validation = await aValidation(ctx)
  const made = await admin.post(`${A}/stages/identification/`, {
    name: unique('identification'),
    user_fields: ['username'],
    webauthn_stage: validation.stage_uuid,
    enable_remember_me: true,
    show_matched_user: false,
  })
  assert.equal(made.status, 201, JSON.stringify(made.body))
  const put = await admin.put(`${A}/stages/identification/${made.body.pk}/`, { name: made.body.name, user_fields: ['username'] })
  assert.partialDeepStrictEqual(put.body, { webauthn_stage: validation.stage_uuid, enable_remember_me: true, show_matched_user: false })
  const cleared = await admin.patch(`${A}/stages/identification/${made.body.pk}/`, { webauthn_stage: null })
  assert.equal(cleared.body.webauthn_stage, null)
})

test('R-419 R-440: passkey and password end in the same login, whose session lasts as long as it says', async () => {
  const own = await ownServer()
  const { admin, app, ctx, clock } = own
  await applyFile(own, 'example/flow-webauthn.yaml')
  const login = await stageNamed(admin, 'user_login', 'default-authentication-login')
  assert.equal((await admin.patch(`${A}/stages/user_login/${String(login.pk)}/`, { session_duration: 'weeks=4' })).status, 200)
  const user = await aUser(ctx, { password: 'right' })
  const { authenticator } = await aPasskey(ctx, user)

  const asked = await new FlowVisitor(app).challenge(DEFAULT, 'next=%2Fif%2Fuser%2F')
  assert.equal(asked.passwordless_url, '/if/flow/webauthn/?next=%2Fif%2Fuser%2F')
  const visitor = new FlowVisitor(app)
  const shown = await visitor.challenge('webauthn')
  const [entry] = shown.device_challenges
  assert.equal(entry.challenge.userVerification, 'required')
  const posted = await visitor.post('webauthn', { webauthn: authenticator.get(entry.challenge) })
  assert.equal(posted.status, 302)
  const done = await visitor.get(String(posted.headers.location))
  assertDone(done.body, '/')
  const cookie = sessionCookie(visitor, done)!
  const lasts = (cookie.expires as Date).getTime() - ctx.now().getTime()
  assert.ok(Math.abs(lasts - 28 * DAY) < DAY / 24, String(lasts))

  // Using it does not lengthen it.
  clock.advance(20 * DAY)
  assert.equal((await visitor.get(`${A}/core/users/me/`)).body.user.username, user.username)
  clock.advance(9 * DAY)
  assert.equal((await visitor.get(`${A}/core/users/me/`)).status, 403)
})

test('R-439: devices live in the database, whatever blueprints are applied', async () => {
  const own = await ownServer()
  const { admin, app, ctx, deps } = own
  const user = await aUser(ctx, { password: 'right' })
  const visitor = new FlowVisitor(app)
  await visitor.signIn(user.username as string, 'right')
  const stage = await stageNamed(admin, 'authenticator/webauthn', 'default-authenticator-webauthn-setup')
  const opened = await visitor.get(`/flows/-/configure/${String(stage.pk)}/`)
  assert.equal(opened.headers.location, '/if/flow/default-authenticator-webauthn-setup/')
  const slug = 'default-authenticator-webauthn-setup'
  const shown = await visitor.challenge(slug)
  assertDone(await visitor.challenge(slug, '', { response: new Authenticator().create(shown.registration) }), '/')
  const list = async () => (await admin.get(`${A}/authenticators/admin/all/?user=${String(user.id)}`)).body
  const [device] = await list()
  assert.partialDeepStrictEqual(device, {
    name: 'WebAuthn Device',
    meta_model_name: 'authentik_stages_authenticator_webauthn.webauthndevice',
  })
  await ctx.db.updateTable('blueprint_instance').set({ last_applied_hash: 'an older file' }).execute()
  await applyDefaults(deps, {})
  assert.deepEqual(await list(), [device])
  // The next sign-in with the password asks for it.
  const next = new FlowVisitor(app)
  assert.equal((await next.signIn(user.username as string, 'right')).component, 'ak-stage-authenticator-validate')
})

test('R-411 R-415: who enrols with a passkey has an account without a password, in the groups of the stages', async () => {
  const { app, ctx } = await server()
  const group = await aGroup(ctx)
  const username = unique('enrolled')
  const { slug } = await aFlow(
    ctx,
    [
      await aForm(ctx, [
        { field_key: 'name', type: 'text' },
        { field_key: 'username', type: 'username' },
      ]),
      await aStage(ctx, 'user_write', { user_creation_mode: 'always_create', create_users_group: group.group_uuid }),
      await aStage(ctx, 'authenticator_webauthn', { resident_key_requirement: 'required', user_verification: 'required' }),
      'user_login',
    ],
    { designation: 'enrollment' },
  )
  const visitor = new FlowVisitor(app)
  await visitor.challenge(slug)
  const shown = await visitor.challenge(slug, '', { name: 'Anna', username })
  assert.equal(shown.component, 'ak-stage-authenticator-webauthn')
  const authenticator = new Authenticator()
  assertDone(await visitor.challenge(slug, '', { response: authenticator.create(shown.registration) }), '/')
  const user = await ctx.db.selectFrom('user').selectAll().where('username', '=', username).executeTakeFirstOrThrow()
  assert.match(user.password, /^!/)
  const memberships = await ctx.db.selectFrom('user_group').selectAll().where('user', '=', user.id).execute()
  assert.deepEqual(
    memberships.map(row => row.group),
    [group.group_uuid],
  )

  const rules = await aValidation(ctx, { webauthn_user_verification: 'required' })
  const identification = await aStage(ctx, 'identification', { webauthn_stage: rules.stage_uuid })
  const signIn = await aFlow(ctx, [identification, 'password', 'user_login'])
  const later = new FlowVisitor(app)
  const asked = await later.challenge(signIn.slug)
  const passkey = authenticator.get(asked.passkey_challenge)
  // The password binding has no policy here, so that it is asked for; the default flow's has.
  assert.equal((await later.challenge(signIn.slug, '', { passkey })).component, 'ak-stage-password')
})

test('with the default flow, a passkey on the first page passes over password and second factor', async () => {
  const own = await ownServer()
  const { admin, app, ctx } = own
  const user = await aUser(ctx, { password: 'right' })
  const { authenticator } = await aPasskey(ctx, user)
  const identification = await stageNamed(admin, 'identification', 'default-authentication-identification')
  const validation = await stageNamed(admin, 'authenticator/validate', 'default-authentication-mfa-validation')
  assert.equal(
    (await admin.patch(`${A}/stages/identification/${String(identification.pk)}/`, { webauthn_stage: validation.pk })).status,
    200,
  )
  const visitor = new FlowVisitor(app)
  const asked = await visitor.challenge(DEFAULT)
  assertDone(await visitor.challenge(DEFAULT, '', { passkey: authenticator.get(asked.passkey_challenge) }), '/')
  // The browser is known from now on.
  assert.ok(visitor.cookies.get('authentik_device'))
  const known = new FlowVisitor(app)
  known.cookies.set('authentik_device', visitor.cookies.get('authentik_device')!)
  const again = await known.challenge(DEFAULT)
  await known.challenge(DEFAULT, '', { passkey: authenticator.get(again.passkey_challenge) })
  const sessions = await ctx.db
    .selectFrom('session')
    .select(['auth_method', 'auth_method_args'])
    .where('user', '=', user.id as number)
    .execute()
  assert.equal(sessions.length, 2)
  for (const session of sessions) assert.equal(session.auth_method, 'auth_webauthn_pwl')
  assert.ok(sessions.some(session => (session.auth_method_args as Row).known_device === true))
})
