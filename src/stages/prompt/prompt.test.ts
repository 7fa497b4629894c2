import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { aGroup, aUser, unique } from '../../../test/builders.ts'
import { aFlow, aForm, aStage, assertDone, errorsOf, FlowVisitor } from '../../../test/flows.ts'
import { server } from '../../../test/harness.ts'
import { assertFits } from '../../../test/contract/schema.ts'
import type { Row } from '../../api/model.ts'
import { findSession } from '../../core/session/session.ts'

const PASSWORDS = [
  { field_key: 'password', type: 'password' },
  { field_key: 'password_repeat', type: 'password' },
]

const userNamed = async (username: string) =>
  (await server()).ctx.db.selectFrom('user').selectAll().where('username', '=', username).executeTakeFirst()

test('an enrolment makes an account, and signs it in', async () => {
  const { app, ctx } = await server()
  const group = await aGroup(ctx)
  const form = await aForm(ctx, [
    { field_key: 'username', type: 'username' },
    { field_key: 'name', type: 'text' },
    { field_key: 'email', type: 'email' },
    { field_key: 'attributes.settings.locale', type: 'ak-locale', required: false },
    { field_key: 'attributes.phone', type: 'text' },
    ...PASSWORDS,
  ])
  const write = await aStage(ctx, 'user_write', {
    user_creation_mode: 'always_create',
    create_users_group: group.group_uuid,
    user_path_template: 'guests',
    user_type: 'internal',
  })
  const { slug } = await aFlow(ctx, [form, write, 'user_login'], { designation: 'enrollment' })
  const visitor = new FlowVisitor(app)
  await visitor.challenge(slug)
  const username = unique('fresh')
  const answer = {
    username,
    name: 'Fresh Person',
    email: `${username}@example.test`,
    'attributes.settings.locale': 'de',
    'attributes.phone': '5',
    password: 'secret',
    password_repeat: 'secret',
  }
  assertDone(await visitor.challenge(slug, '', answer), '/')
  const user = (await userNamed(username))!
  assert.partialDeepStrictEqual(user, {
    name: 'Fresh Person',
    path: 'guests',
    type: 'internal',
    is_active: true,
    attributes: { settings: { locale: 'de' }, phone: '5' },
  })
  assert.equal((await visitor.get('/api/v3/core/users/me/')).body.user.groups[0].name, group.name)
  const events = await ctx.db.selectFrom('event').select('context').where('action', '=', 'user_write').execute()
  const [event, ...more] = events.filter(({ context }) => (context as Row).username === username)
  assert.partialDeepStrictEqual(event!.context, { username, created: true })
  assert.equal(more.length, 0)
  assert.ok(!JSON.stringify(event!.context).includes('secret'))
  await new FlowVisitor(app).signIn(username, 'secret')
  const again = new FlowVisitor(app)
  await again.challenge(slug)
  assert.deepEqual(errorsOf(await again.challenge(slug, '', answer)), { username: ['Username is already taken.'] })
})

test('two passwords of one form have to be the same', async () => {
  const { app, ctx } = await server()
  const { slug } = await aFlow(ctx, [await aForm(ctx, PASSWORDS)])
  const visitor = new FlowVisitor(app)
  await visitor.challenge(slug)
  assert.deepEqual(errorsOf(await visitor.challenge(slug, '', { password: 'a', password_repeat: 'b' })), {
    non_field_errors: ["Passwords don't match."],
  })
  assertDone(await visitor.challenge(slug, '', { password: ' a', password_repeat: 'a ' }), '/')
})

test('a changed password ends the other sessions and keeps this one', async () => {
  const { app, ctx } = await server()
  const user = await aUser(ctx, { password: 'old' })
  const [here, there] = [new FlowVisitor(app), new FlowVisitor(app)]
  for (const visitor of [here, there]) await visitor.signIn(user.username as string, 'old')
  const { slug } = await aFlow(
    ctx,
    [await aForm(ctx, PASSWORDS), await aStage(ctx, 'user_write', { user_creation_mode: 'never_create' })],
    { designation: 'stage_configuration' },
  )
  await here.challenge(slug)
  assertDone(await here.challenge(slug, '', { password: 'new', password_repeat: 'new' }), '/')
  assert.equal((await here.get('/api/v3/core/users/me/')).status, 200)
  assert.equal((await there.get('/api/v3/core/users/me/')).status, 403)
  assertDone(await new FlowVisitor(app).signIn(user.username as string, 'new'), '/')
})

test('server values are not the client’s to choose', async () => {
  const { app, ctx } = await server()
  const form = await aForm(ctx, [
    { field_key: 'username', type: 'username' },
    { field_key: 'name', type: 'hidden', initial_value: 'From the server' },
    { field_key: 'email', type: 'text_read_only', initial_value: 'server@example.test' },
    { field_key: 'attributes.note', type: 'static', placeholder: 'a note' },
  ])
  const { slug } = await aFlow(ctx, [form, await aStage(ctx, 'user_write', { user_creation_mode: 'always_create' })], {
    designation: 'enrollment',
  })
  const visitor = new FlowVisitor(app)
  await visitor.challenge(slug)
  const username = unique('hidden')
  assertDone(
    await visitor.challenge(slug, '', {
      username,
      name: 'Mine',
      email: 'mine@example.test',
      'attributes.note': 'mine',
      is_active: false,
      type: 'internal',
      attributes: { x: 1 },
    }),
    '/',
  )
  assert.partialDeepStrictEqual(await userNamed(username), {
    name: 'From the server',
    email: 'server@example.test',
    type: 'external',
    attributes: { note: 'a note' },
  })
})

test('an initial value makes its field optional, and is what counts then', async () => {
  const { app, ctx } = await server()
  const form = await aForm(ctx, [
    { field_key: 'username', type: 'username' },
    { field_key: 'name', type: 'text', initial_value: 'Default' },
    { field_key: 'attributes.size', type: 'dropdown', placeholder: 'L' },
  ])
  const { slug } = await aFlow(ctx, [form, await aStage(ctx, 'user_write', { user_creation_mode: 'always_create' })], {
    designation: 'enrollment',
  })
  const visitor = new FlowVisitor(app)
  const shown = await visitor.challenge(slug)
  assert.deepEqual(
    shown.fields.map((field: Row) => [field.initial_value, field.placeholder, field.choices]),
    [
      ['', '', null],
      ['Default', '', null],
      ['L', '', [{ value: 'L', label: 'L' }]],
    ],
  )
  const username = unique('optional')
  assertDone(await visitor.challenge(slug, '', { username }), '/')
  assert.partialDeepStrictEqual(await userNamed(username), { name: 'Default', attributes: { size: 'L' } })
})

test('keys that reach into prototypes change nothing', async () => {
  const { app, ctx } = await server()
  const form = await aForm(ctx, [
    { field_key: '__proto__.polluted' },
    { field_key: 'attributes.__proto__.polluted' },
    { field_key: 'constructor.prototype.polluted' },
    { field_key: 'username' },
  ])
  const { slug } = await aFlow(ctx, [form, await aStage(ctx, 'user_write', { user_creation_mode: 'always_create' })], {
    designation: 'enrollment',
  })
  const visitor = new FlowVisitor(app)
  await visitor.challenge(slug)
  const answer = JSON.parse(
    `{"username":"${unique('proto')}","attributes.__proto__.polluted":"x","constructor.prototype.polluted":"x","__proto__.polluted":"x"}`,
  ) as Row
  assertDone(await visitor.challenge(slug, '', answer), '/')
  assert.equal(({} as Row).polluted, undefined)
})

test('a form that nobody filled writes nothing; nobody is no account to write to', async () => {
  const { app, ctx } = await server()
  const denied = async (stages: Parameters<typeof aFlow>[1], answers: Row[] = []) => {
    const { slug } = await aFlow(ctx, stages, { designation: 'stage_configuration' })
    const visitor = new FlowVisitor(app)
    let challenge = await visitor.challenge(slug)
    for (const answer of answers) challenge = await visitor.challenge(slug, '', answer)
    return challenge.error_message as string
  }
  const form = () => aForm(ctx, [{ field_key: 'name' }])
  const username = unique('ghost')
  assert.equal(await denied(['user_write']), 'No Pending data.')
  assert.equal(
    await denied([await form(), await aStage(ctx, 'user_write', { user_creation_mode: 'never_create' })], [{ name: 'x' }]),
    "No user found and can't create new user.",
  )
  assert.equal(await denied([await form(), 'user_write'], [{ name: 'x' }]), 'Unknown error')
  // Somebody who was only pretended to exist does not come into being (abuse 39).
  assert.equal(await denied(['identification', await form(), 'user_write'], [{ uid_field: username }, { name: 'x' }]), 'Unknown error')
  assert.equal(await userNamed(username), undefined)
})

test('values that an account cannot have are refused as a whole', async () => {
  const { app, ctx } = await server()
  const other = await aUser(ctx)
  for (const answer of [
    { username: other.username },
    { username: 'a'.repeat(151) },
    { username: unique('x'), email: 'no address' },
    { username: unique('x'), path: '/x/' },
  ]) {
    const form = await aForm(ctx, [
      { field_key: 'username' },
      { field_key: 'email', required: false },
      { field_key: 'path', required: false },
    ])
    const { slug } = await aFlow(ctx, [form, await aStage(ctx, 'user_write', { user_creation_mode: 'always_create' })], {
      designation: 'enrollment',
    })
    const visitor = new FlowVisitor(app)
    await visitor.challenge(slug)
    const refused = await visitor.challenge(slug, '', answer)
    assert.deepEqual(
      [refused.component, refused.error_message],
      ['ak-stage-access-denied', 'Failed to update user. Please try again later.'],
      JSON.stringify(answer),
    )
  }
})

test('prompts are offered by the API, with the stages that use them, and previewed', async () => {
  const { admin } = await server()
  const A = '/api/v3/stages/prompt/prompts/'
  const field = { name: unique('field'), field_key: 'color', label: 'Color', type: 'dropdown', placeholder: 'red' }
  const created = await admin.post(A, field)
  assert.equal(created.status, 201)
  assertFits('Prompt', created.body)
  const stage = await admin.post('/api/v3/stages/prompt/stages/', { name: unique('form'), fields: [created.body.pk] })
  assert.equal(stage.status, 201)
  assertFits('PromptStage', stage.body)
  const shown = await admin.get(`${A}${created.body.pk}/`)
  assert.deepEqual(
    shown.body.prompt_stages_obj.map((used: Row) => used.pk),
    [stage.body.pk],
  )
  assertFits('Prompt', shown.body)
  const preview = await admin.post(`${A}preview/`, field)
  assert.equal(preview.status, 200)
  assertFits('PromptChallenge', preview.body)
  assert.deepEqual(preview.body.fields[0].choices, [{ value: 'red', label: 'red' }])
  assert.deepEqual((await admin.post('/api/v3/stages/prompt/stages/', { name: 'x' })).body, { fields: ['This field is required.'] })
  const missing = '00000000-0000-4000-8000-000000000000'
  assert.deepEqual((await admin.post('/api/v3/stages/prompt/stages/', { name: 'x', fields: [missing] })).body, {
    fields: [`Invalid pk "${missing}" - object does not exist.`],
  })
})

describe('a form with a field of each kind', () => {
  /** What becomes of an answer to one field: its errors, or the value that later stages and policies see. */
  async function answered(field: Row, value: unknown): Promise<{ errors?: string[]; kept?: unknown }> {
    const { app, ctx } = await server()
    const form = await aForm(ctx, [{ field_key: 'field', ...field }])
    const { slug } = await aFlow(ctx, [form, 'dummy'], { designation: 'stage_configuration' })
    const visitor = new FlowVisitor(app)
    await visitor.challenge(slug)
    const shown = await visitor.challenge(slug, '', value === undefined ? {} : { field: value })
    if (shown.component === 'ak-stage-prompt') return { errors: errorsOf(shown).field ?? [] }
    const { data } = (await findSession(ctx, visitor.cookies.get('authentik_session')))!
    return { kept: ((data['authentik/flows/plan'] as Row).context as Row).prompt_data as Row }
  }
  const kept = async (field: Row, value: unknown) => ((await answered(field, value)).kept as Row | undefined)?.field
  const errors = async (field: Row, value: unknown) => (await answered(field, value)).errors

  const file = (bytes: number) => `data:image/png;base64,${Buffer.alloc(bytes).toString('base64')}`

  test('text is kept as typed, with its blanks, up to a length', async () => {
    assert.equal(await kept({ type: 'text' }, ' x '), ' x ')
    assert.equal(await kept({ type: 'text_area' }, ' a\nb '), ' a\nb ')
    assert.equal(await kept({ type: 'text', required: false }, ''), '')
    assert.deepEqual(await errors({ type: 'text' }, ''), ['This field may not be blank.'])
    assert.deepEqual(await errors({ type: 'text' }, undefined), ['This field is required.'])
    assert.deepEqual(await errors({ type: 'text' }, 'x'.repeat(4_097)), ['Ensure this field has no more than 4096 characters.'])
    assert.equal(((await kept({ type: 'text_area' }, 'x'.repeat(65_536))) as string).length, 65_536)
    assert.deepEqual(await errors({ type: 'text_area' }, 'x'.repeat(65_537)), ['Ensure this field has no more than 65536 characters.'])
  })

  test('names and addresses are trimmed and checked', async () => {
    assert.equal(await kept({ type: 'username' }, ' jane '), 'jane')
    assert.equal(await kept({ type: 'email' }, ' jane@example.org '), 'jane@example.org')
    assert.deepEqual(await errors({ type: 'email' }, 'jane'), ['Enter a valid email address.'])
    assert.equal(await kept({ type: 'email', required: false }, ''), '')
    assert.deepEqual(await errors({ type: 'username' }, ' '), ['This field may not be blank.'])
  })

  test('81 a password has at most 512 bytes', async () => {
    assert.equal(await kept({ type: 'password' }, ` ${'x'.repeat(512)} `), 'x'.repeat(512))
    for (const long of ['x'.repeat(513), 'ä'.repeat(257), 'x'.repeat(100_000)])
      assert.deepEqual(await errors({ type: 'password' }, long), ['Ensure this field has no more than 512 characters.'])
  })

  test('numbers, boxes and choices are what they are called', async () => {
    assert.equal(await kept({ type: 'number' }, '42'), 42)
    assert.equal(await kept({ type: 'number', required: false }, ''), undefined)
    assert.deepEqual(await errors({ type: 'number' }, 'x'), ['A valid integer is required.'])
    assert.equal(await kept({ type: 'checkbox' }, 'on'), true)
    assert.equal(await kept({ type: 'checkbox' }, undefined), undefined, 'a box that is not sent leaves no key, also where it is required')
    const choice = { type: 'radio-button-group', placeholder: 'return ["s", {"value": 2, "label": "Two"}]', placeholder_expression: true }
    assert.equal(await kept(choice, '2'), '2')
    assert.equal(await kept({ ...choice, type: 'dropdown' }, undefined), 's', 'the first choice is the default')
    assert.deepEqual(await errors(choice, 'xl'), ['"xl" is not a valid choice.'])
  })

  test('days and moments are checked against the calendar', async () => {
    assert.deepEqual(await kept({ type: 'date' }, '2024-02-29'), { $day: '2024-02-29' })
    assert.deepEqual(await errors({ type: 'date' }, '2023-02-29'), ['Date has wrong format. Use one of these formats instead: YYYY-MM-DD.'])
    assert.deepEqual(await kept({ type: 'date-time' }, '2024-02-29T12:30+02:00'), { $date: '2024-02-29T10:30:00.000Z' })
    assert.deepEqual(await kept({ type: 'date-time' }, '2024-02-29T12:30'), { $date: '2024-02-29T12:30:00.000Z' })
    assert.equal((await errors({ type: 'date-time' }, 'noon'))!.length, 1)
    assert.equal(await kept({ type: 'date', required: false }, ''), '')
  })

  test('files are data URIs of about a megabyte (R-317)', async () => {
    assert.equal(await kept({ type: 'file' }, file(1_000_000)), file(1_000_000))
    assert.equal(await kept({ type: 'file', required: false }, undefined), undefined)
    assert.equal(await kept({ type: 'file', required: false }, ''), '')
    assert.deepEqual(await errors({ type: 'file' }, file(1_200_000)), ['This file is too large.'])
    assert.deepEqual(await errors({ type: 'file' }, 'C:\\fakepath\\me.png'), ['Invalid scheme'])
    for (const bad of [
      'data:image/png,plain',
      'data:image/png;base64',
      'data:image/png;base64,ab c',
      'data:image/png;base64,ab=c',
      'data:image/png;base64,a===',
    ])
      assert.deepEqual(await errors({ type: 'file' }, bad), ['Invalid encoding'], bad)
  })

  test('what is only shown takes no answer, and what the server decides is the server’s', async () => {
    for (const type of ['separator', 'alert_info', 'alert_warning', 'alert_danger'])
      assert.equal(await kept({ type }, 'mine'), undefined, type)
    for (const type of ['hidden', 'static', 'text_read_only', 'text_area_read_only'])
      assert.equal(await kept({ type, initial_value: 'theirs' }, 'mine'), 'theirs', type)
    assert.equal(await kept({ type: 'hidden', placeholder: 'theirs' }, 'mine'), 'theirs')
    assert.equal(await kept({ type: 'ak-locale' }, 'de'), 'de')
    assert.equal(await kept({ type: 'ak-locale', required: false }, ''), '')
  })

  test('a policy sees days as days, and moments as moments', async () => {
    const { app, ctx, admin } = await server()
    const policy = await admin.post('/api/v3/policies/expression/', {
      name: unique('policy'),
      expression: `
day, moment = context["prompt_data"]["day"], context["prompt_data"]["moment"]
context["prompt_data"]["later"] = day
ak_message(f"{day.year} {day.isoformat()} {type(day).__name__} {moment.hour}")
return False`,
    })
    assert.equal(policy.status, 201, policy.text)
    const fields = [
      { field_key: 'day', type: 'date' },
      { field_key: 'moment', type: 'date-time' },
    ]
    const form = await aForm(ctx, fields, { validation_policies: [policy.body.pk] })
    const { slug } = await aFlow(ctx, [form, 'dummy'], { designation: 'stage_configuration' })
    const visitor = new FlowVisitor(app)
    await visitor.challenge(slug)
    const shown = await visitor.challenge(slug, '', { day: '2024-02-29', moment: '2024-02-29T12:30' })
    assert.deepEqual(errorsOf(shown), { non_field_errors: ['2024 2024-02-29 date 12'] })
  })
})
