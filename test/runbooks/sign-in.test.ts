import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { Row } from '../../src/api/model.ts'
import { DatabaseTarget } from '../../src/blueprints/database-target.ts'
import { applyDefaults } from '../../src/blueprints/defaults.ts'
import { applyBlueprint } from '../../src/blueprints/importer.ts'
import { parseBlueprint } from '../../src/blueprints/parse.ts'
import { aUser, unique } from '../builders.ts'
import { aFlow, aStage, assertDone, errorsOf, FlowVisitor, type Shown } from '../flows.ts'
import { ownServer } from '../harness.ts'

/** What operators do to the way people sign in, and to what people may change of themselves. */

const A = '/api/v3'
const ME = `${A}/core/users/me/`
const SIGN_IN = 'default-authentication-flow'
const HOUR = 3_600_000 // ms
const DAY = 24 * HOUR

const { app, ctx, clock, admin, deps } = await ownServer({ AUTHENTIK_SESSIONS__UNAUTHENTICATED_AGE: 'hours=2' })

const one = async (path: string): Promise<Shown> => {
  const { body } = await admin.get(`${A}${path}`)
  assert.equal(body.results.length, 1, path)
  return body.results[0]
}
const stageNamed = (kind: string, name: string) => one(`/stages/${kind}/?name=${name}`)

async function signedIn(values: Row = {}) {
  const user = await aUser(ctx, { ...values, password: 'right' })
  const visitor = new FlowVisitor(app)
  assertDone(await visitor.signIn(user.username as string, 'right'), '/')
  return { user, visitor }
}

describe('pictures and settings', () => {
  const SETTINGS = 'default-user-settings-flow'
  const picture = (bytes: number) =>
    `data:image/png;base64,${Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), Buffer.alloc(bytes)]).toString('base64')}`
  const avatarIn = async (visitor: FlowVisitor) => (await visitor.get(ME)).body.user.avatar as string

  const form = (user: Row, more: Row = {}) => ({ username: user.username, name: user.name, email: user.email, ...more })
  async function change(visitor: FlowVisitor, answer: Row): Promise<Shown> {
    await visitor.challenge(SETTINGS)
    return visitor.challenge(SETTINGS, '', answer)
  }

  test('R-314: the setting says where pictures come from, in its order', async () => {
    const avatars = 'attributes.avatar,gravatar,initials'
    assert.equal((await admin.patch(`${A}/admin/settings/`, { avatars })).body.avatars, avatars)
    const own = await signedIn({ attributes: { avatar: picture(10) } })
    assert.equal(await avatarIn(own.visitor), picture(10))
    const without = await signedIn()
    assert.match(await avatarIn(without.visitor), /^data:image\/svg\+xml;base64,/)
  })

  test('R-315, R-316, R-317: a picture of a megabyte is uploaded in the user settings, kept when the form is sent without one, and removed', async () => {
    const folder = join(deps.root, 'blueprints')
    const path = 'example/user-settings-avatar.yaml'
    const target = new DatabaseTarget(ctx, { folder, system: null, protect: false })
    const document = parseBlueprint(readFileSync(join(folder, path), 'utf8'))
    const applied = await applyBlueprint(document, target, { name: path, system: null, protect: false, now: ctx.now })
    assert.ok(applied.success, JSON.stringify(applied.logs))

    const { user, visitor } = await signedIn({ attributes: { kept: 'as it was' } })
    const shown = await visitor.challenge(SETTINGS)
    assert.deepEqual(shown.fields.map((field: Row) => [field.field_key, field.type, field.required]).slice(-2), [
      ['avatar_upload', 'file', false],
      ['avatar_reset', 'checkbox', false],
    ])
    const large = picture(1_000_000)
    assertDone(await change(visitor, form(user, { avatar_upload: large })), '/')
    assert.equal(await avatarIn(visitor), large)
    assertDone(await change(visitor, form(user, { name: 'Another Name' })), '/')
    assert.equal(await avatarIn(visitor), large)
    const stored = (await admin.get(`${A}/core/users/${String(user.id)}/`)).body as Shown
    assert.deepEqual([Object.keys(stored.attributes as Row).toSorted(), stored.name], [['avatar', 'kept'], 'Another Name'])

    for (const bad of ['data:text/html;base64,PGh0bWw+', `data:image/png;base64,${Buffer.from('<html><script>').toString('base64')}`]) {
      const refused = await change(visitor, form({ ...user, name: 'Another Name' }, { avatar_upload: bad }))
      assert.deepEqual(errorsOf(refused), { non_field_errors: ['Please choose a PNG, JPEG, GIF or WebP picture.'] })
    }
    // Nothing is kept of a form that is refused for another reason.
    const refused = await change(visitor, form({ ...user, email: 'other@example.test' }, { avatar_upload: picture(20) }))
    assert.deepEqual(errorsOf(refused), { non_field_errors: ['Not allowed to change email address.'] })
    assert.equal(await avatarIn(visitor), large)
    assertDone(await change(visitor, form({ ...user, name: 'Another Name' }, { 'attributes.settings.locale': 'de' })), '/')
    assert.equal(await avatarIn(visitor), large)
    assertDone(await change(visitor, form({ ...user, name: 'Another Name' }, { avatar_reset: true })), '/')
    assert.match(await avatarIn(visitor), /^data:image\/svg/)
    assert.deepEqual((await admin.get(`${A}/core/users/${String(user.id)}/`)).body.attributes, {
      kept: 'as it was',
      settings: { locale: 'de' },
    })
  })

  test('a field that people may not change is refused, by the system setting and by attributes of them and their groups', async () => {
    const { user, visitor } = await signedIn()
    const refused = async (more: Row) => errorsOf(await change(visitor, form(user, more))).non_field_errors
    assert.deepEqual(await refused({ email: 'other@example.test' }), ['Not allowed to change email address.'])
    assert.deepEqual(await refused({ username: unique('other') }), ['Not allowed to change username.'])
    await admin.patch(`${A}/core/users/${String(user.id)}/`, { attributes: { 'goauthentik.io/user/can-change-name': false } })
    assert.deepEqual(await refused({ name: 'Other' }), ['Not allowed to change name.'])
    const group = await admin.post(`${A}/core/groups/`, {
      name: unique('group'),
      attributes: { 'goauthentik.io/user/can-change-email': true },
    })
    await admin.post(`${A}/core/groups/${group.body.pk}/add_user/`, { pk: user.id })
    assertDone(await change(visitor, form(user, { email: 'other@example.test' })), '/')
  })

  test('R-318: what came with the program is found by name and updated by its id, and a second run changes nothing', async () => {
    for (const [path, change] of [
      [
        `/stages/identification/${(await stageNamed('identification', 'default-authentication-identification')).pk}/`,
        { enable_remember_me: true },
      ],
      [`/stages/prompt/stages/${(await stageNamed('prompt/stages', 'default-user-settings')).pk}/`, {}],
      ['/admin/settings/', { default_user_change_name: false }],
    ] as const) {
      const imported = (await admin.get(A + path)).body as Row
      const wanted = { ...imported, ...change }
      const put = await admin.put(A + path, wanted)
      assert.equal(put.status, 200, put.text)
      assert.deepEqual(put.body, wanted, path)
      assert.deepEqual((await admin.get(A + path)).body, wanted, path)
      assert.deepEqual((await admin.put(A + path, wanted)).body, wanted, path)
      await admin.put(A + path, imported)
    }
  })
})

describe('signing in on one screen', () => {
  const flow = async () => (await admin.get(`${A}/flows/instances/${SIGN_IN}/`)).body as Shown
  const bindings = async (): Promise<Shown[]> =>
    (await admin.get(`${A}/flows/bindings/?target=${(await flow()).pk}&ordering=order`)).body.results

  test('R-408, R-409: the password is asked for beside the name, and the second screen goes', async () => {
    const identification = await stageNamed('identification', 'default-authentication-identification')
    const { pk: password_stage } = await stageNamed('password', 'default-authentication-password')
    const path = `${A}/stages/identification/${identification.pk}/`
    const put = await admin.put(path, { ...identification, password_stage })
    assert.equal(put.status, 200, put.text)
    const second = (await bindings()).find(binding => binding.order === 20)!
    assert.equal((await admin.delete(`${A}/flows/bindings/${second.pk}/`)).status, 204)
    assert.deepEqual(
      (await bindings()).map(binding => binding.order),
      [10, 30, 100],
    )

    const user = await aUser(ctx, { password: 'right' })
    const visitor = new FlowVisitor(app)
    const shown = await visitor.challenge(SIGN_IN)
    assert.partialDeepStrictEqual(shown, { component: 'ak-stage-identification', password_fields: true, sources: [] })
    const refused = await visitor.challenge(SIGN_IN, '', { uid_field: user.username, password: 'wrong' })
    assert.deepEqual([refused.component, errorsOf(refused)], ['ak-stage-identification', { non_field_errors: ['Failed to authenticate.'] }])
    assertDone(await visitor.challenge(SIGN_IN, '', { uid_field: user.username, password: 'right' }), '/')
    assert.equal((await visitor.get(ME)).body.user.username, user.username)
  })

  test('R-410: a second password screen that is bound again is skipped by its policy, and without it is shown; an upgrade brings back neither', async () => {
    const { pk: stage } = await stageNamed('password', 'default-authentication-password')
    const user = await aUser(ctx, { password: 'right' })
    const afterFirst = async () => {
      const visitor = new FlowVisitor(app)
      await visitor.challenge(SIGN_IN)
      return (await visitor.challenge(SIGN_IN, '', { uid_field: user.username, password: 'right' })).component as string
    }
    await ctx.db.updateTable('blueprint_instance').set({ last_applied_hash: 'an older file' }).execute()
    await applyDefaults(deps, {})
    assert.ok(!(await bindings()).some(binding => binding.order === 20), 'the binding that the operator deleted stays deleted')

    const bound = await admin.post(`${A}/flows/bindings/`, { target: (await flow()).pk, stage, order: 20 })
    assert.equal(bound.status, 201, bound.text)
    assert.equal(await afterFirst(), 'ak-stage-password')
    const { pk: policy } = await one('/policies/expression/?name=default-authentication-flow-password-stage')
    const guarded = await admin.post(`${A}/policies/bindings/`, {
      policy,
      target: bound.body.policybindingmodel_ptr_id,
      order: 10,
      failure_result: true,
    })
    assert.equal(guarded.status, 201, guarded.text)
    assert.equal(await afterFirst(), 'xak-flow-redirect')
  })

  test('R-442: what a client does not know of a stage stays as it is when the client replaces the stage', async () => {
    const captcha = await aStage(ctx, 'captcha')
    const made = await admin.post(`${A}/stages/identification/`, {
      name: unique('identification'),
      user_fields: ['username'],
      enable_remember_me: true,
      show_source_labels: true,
      captcha_stage: captcha.stage_uuid,
    })
    const put = await admin.put(`${A}/stages/identification/${made.body.pk}/`, { name: made.body.name, user_fields: ['email'] })
    assert.equal(put.status, 200, put.text)
    assert.deepEqual(put.body, { ...made.body, user_fields: ['email'] })
    assert.ok('webauthn_stage' in put.body && 'enable_remember_me' in put.body, 'both are always told')
  })

  test('R-443: a search finds names that are alike; the filter finds the one', async () => {
    const word = unique('demo')
    await aUser(ctx, { username: `${word}-admin` })
    const { id } = await aUser(ctx, { username: word })
    assert.equal((await admin.get(`${A}/core/users/?search=${word}`)).body.results.length, 2)
    const exact = (await admin.get(`${A}/core/users/?username=${word}`)).body.results as Row[]
    assert.deepEqual(
      exact.map(user => user.pk),
      [id],
    )
    assert.deepEqual((await admin.get(`${A}/core/users/?username=${word.toUpperCase()}`)).body.results, [])
  })
})

describe('how long people stay signed in', () => {
  /** A flow that signs in, ending in this stage; what its cookie says, and the browser. */
  async function signInBy(login: Row): Promise<{ cookie: Shown; visitor: FlowVisitor; again: () => Promise<Shown> }> {
    const user = await aUser(ctx, { password: 'x' })
    const { slug } = await aFlow(ctx, ['identification', 'password', login])
    const visitor = new FlowVisitor(app)
    const again = async () => {
      await visitor.challenge(slug)
      await visitor.challenge(slug, '', { uid_field: user.username })
      await visitor.post(slug, { password: 'x' })
      const answer = await visitor.get(`${A}/flows/executor/${slug}/?query=`)
      return answer.cookies.find(cookie => cookie.name === 'authentik_session')!
    }
    return { cookie: await again(), visitor, again }
  }
  const daysLeft = (cookie: Shown) => Math.round(((cookie.expires as Date).getTime() - ctx.now().getTime()) / DAY)
  const isIn = async (visitor: FlowVisitor) => (await visitor.get(ME)).status === 200

  test('R-419: four weeks are four weeks from the login, whatever is done meanwhile; the next login begins them anew', async () => {
    const { pk } = await stageNamed('user_login', 'default-authentication-login')
    assert.equal((await admin.patch(`${A}/stages/user_login/${pk}/`, { session_duration: 'weeks=4' })).body.session_duration, 'weeks=4')
    const { cookie, visitor, again } = await signInBy(
      await ctx.db.selectFrom('stage').selectAll().where('stage_uuid', '=', pk).executeTakeFirstOrThrow(),
    )
    try {
      assert.equal(daysLeft(cookie), 28)
      for (let day = 0; day < 27; day += 9) {
        clock.advance(9 * DAY)
        assert.ok(await isIn(visitor), `after ${day + 9} days`)
      }
      clock.advance(DAY + 1_000)
      assert.ok(!(await isIn(visitor)), 'a use did not prolong it')
      assert.equal(daysLeft(await again()), 28)
      assert.ok(await isIn(visitor))
    } finally {
      clock.reset()
      await admin.patch(`${A}/stages/user_login/${pk}/`, { session_duration: 'seconds=0' })
    }
  })

  test('R-420: no duration is a cookie that ends with the browser, and on the server the unauthenticated age from the last use', async () => {
    const login = await aStage(ctx, 'user_login')
    const { cookie, visitor } = await signInBy(login)
    assert.deepEqual([cookie.expires, cookie.maxAge], [undefined, undefined])
    try {
      clock.advance(HOUR)
      assert.ok(await isIn(visitor))
      clock.advance(1.9 * HOUR)
      assert.ok(await isIn(visitor))
      clock.advance(2 * HOUR + 1_000)
      assert.ok(!(await isIn(visitor)))
    } finally {
      clock.reset()
    }
    await admin.patch(`${A}/stages/user_login/${String(login.stage_uuid)}/`, { session_duration: 'weeks=4' })
    assert.equal(daysLeft((await signInBy(login)).cookie), 28)
  })

  test('R-421: a brand has no say in it', async () => {
    const { body } = await admin.get(`${A}/core/brands/`)
    assert.deepEqual(
      Object.keys(body.results[0] as Row).filter(name => /session|duration|age$/.test(name)),
      [],
    )
  })

  test('R-422: sessions of visitors end after the age that is configured', async () => {
    assert.equal(ctx.config.sessions.unauthenticated_age, 2 * HOUR)
    const { slug } = await aFlow(ctx, ['dummy', 'dummy'])
    const visitor = new FlowVisitor(app)
    const first = await visitor.challenge(slug)
    const second = await visitor.challenge(slug, '', {})
    try {
      clock.advance(2 * HOUR - 60_000)
      assert.equal((await visitor.challenge(slug)).name, second.name)
      clock.advance(2 * HOUR + 60_000)
      assert.equal((await visitor.challenge(slug)).name, first.name)
    } finally {
      clock.reset()
    }
  })

  test('R-423: what was set by hand stays when a tool that does not know it replaces the stage', async () => {
    const login = await aStage(ctx, 'user_login', { remember_me_offset: 'days=30', terminate_other_sessions: true })
    const put = await admin.put(`${A}/stages/user_login/${String(login.stage_uuid)}/`, { name: login.name, session_duration: 'hours=1' })
    assert.partialDeepStrictEqual(put.body, { session_duration: 'hours=1', remember_me_offset: 'days=30', terminate_other_sessions: true })
  })

  test('staying signed in adds its time to the duration, and a login may end the other sessions', async () => {
    const user = await aUser(ctx, { password: 'x' })
    const login = await aStage(ctx, 'user_login', {
      session_duration: 'days=1',
      remember_me_offset: 'days=29',
      terminate_other_sessions: true,
    })
    const { slug } = await aFlow(ctx, ['identification', 'password', login])
    const enter = async (remember_me: boolean) => {
      const visitor = new FlowVisitor(app)
      await visitor.challenge(slug)
      await visitor.challenge(slug, '', { uid_field: user.username })
      assert.equal((await visitor.challenge(slug, '', { password: 'x' })).component, 'ak-stage-user-login')
      const answer = await visitor.post(slug, { remember_me })
      return { visitor, days: daysLeft(answer.cookies.find(cookie => cookie.name === 'authentik_session')!) }
    }
    const [first, second] = [await enter(true), await enter(false)]
    assert.deepEqual([first.days, second.days], [30, 1])
    assert.deepEqual([await isIn(first.visitor), await isIn(second.visitor)], [false, true])
  })
})
