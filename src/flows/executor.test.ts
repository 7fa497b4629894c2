import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aUser, unique } from '../../test/builders.ts'
import { aFlow, aForm, aStage, assertDone, errorsOf, FlowVisitor } from '../../test/flows.ts'
import { server } from '../../test/harness.ts'
import { assertFits } from '../../test/contract/schema.ts'

const EXECUTOR = '/api/v3/flows/executor'
const LOGIN = ['identification', 'password', 'user_login']

test('a sign-in by password, request by request, byte for byte', async () => {
  const { app, ctx } = await server()
  const user = await aUser(ctx, { password: 'right' })
  const { slug } = await aFlow(ctx, LOGIN, { title: 'Welcome to authentik!' })
  const url = `${EXECUTOR}/${slug}/?query=next%3D%252Fif%252Fuser%252F`
  const info =
    '"flow_info":{"title":"Welcome to authentik!","background":"/static/dist/assets/images/flow_background.jpg","background_themed_urls":null,"cancel_url":"/flows/-/cancel/?next=%2Fif%2Fuser%2F","layout":"stacked"}'
  const visitor = new FlowVisitor(app)

  const first = await visitor.get(url)
  assert.equal(first.status, 200)
  assert.equal(first.headers['x-frame-options'], 'SAMEORIGIN')
  assert.equal(
    first.text,
    `{${info},"component":"ak-stage-identification","user_fields":["username","email"],"password_fields":false,"allow_show_password":false,"flow_designation":"authentication","captcha_stage":null,"primary_action":"Log in","sources":[],"show_source_labels":false,"enable_remember_me":false,"passkey_challenge":null}`,
  )
  const anonymous = visitor.cookies.get('authentik_session')
  assert.ok(anonymous)

  const named = await visitor.request('POST', url, { body: { uid_field: user.username } })
  assert.deepEqual([named.status, named.headers.location, named.text], [302, url, ''])
  const asked = await visitor.get(url)
  const avatar = asked.body.pending_user_avatar as string
  const recovery = '"recovery_url":"https://id.example.test/if/flow/default-recovery-flow/?next=%2Fif%2Fuser%2F"'
  const who = `"pending_user":"${String(user.username)}","pending_user_avatar":"${avatar}",${recovery}`
  assert.equal(asked.text, `{${info},"component":"ak-stage-password",${who},"allow_show_password":false}`)

  const wrong = await visitor.request('POST', url, { body: { password: 'wrong' } })
  assert.equal(wrong.status, 200)
  assert.equal(
    wrong.text,
    `{${info},"component":"ak-stage-password","response_errors":{"password":[{"string":"Invalid password","code":"invalid"}]},${who},"allow_show_password":false}`,
  )

  const right = await visitor.request('POST', url, { body: { password: 'right' } })
  assert.deepEqual([right.status, right.headers.location], [302, url])
  assert.equal(visitor.cookies.get('authentik_session'), anonymous)
  const done = await visitor.get(url)
  assert.equal(done.text, '{"component":"xak-flow-redirect","to":"/if/user/","final_redirect":true}')
  assert.notEqual(visitor.cookies.get('authentik_session'), anonymous)
  const me = await visitor.get('/api/v3/core/users/me/')
  assert.equal(me.body.user.username, user.username)
})

test('the redirect goes to exactly the address that was asked, however it was encoded', async () => {
  const { app, ctx } = await server()
  const { slug } = await aFlow(ctx, ['dummy', 'dummy'])
  for (const query of ['next=%2Fa%20b', 'next%3D%2Fa+b', '', 'x=%7B%c3%a4&&y']) {
    const visitor = new FlowVisitor(app)
    const url = `${EXECUTOR}/${slug}/?query=${query}`
    await visitor.get(url)
    const answer = await visitor.request('POST', url, { body: {} })
    assert.deepEqual([answer.status, answer.headers.location], [302, url])
  }
})

test('the last answer is a redirect challenge, not a redirect', async () => {
  const { app, ctx } = await server()
  const { slug } = await aFlow(ctx, ['dummy'])
  const visitor = new FlowVisitor(app)
  await visitor.challenge(slug, '')
  const answer = await visitor.post(slug, {})
  assert.equal(answer.status, 200)
  assertDone(answer.body, '/')
})

test('everything that is wrong with an answer is a challenge with status 200', async () => {
  const { app, ctx } = await server()
  const form = await aForm(ctx, [
    { field_key: 'count', type: 'number' },
    { field_key: 'agree', type: 'checkbox', required: false },
    { field_key: 'mail', type: 'email' },
    { field_key: 'when', type: 'date' },
    { field_key: 'which', type: 'dropdown', placeholder: 'one' },
    { field_key: 'words', type: 'text' },
    { field_key: 'picture', type: 'file', required: false },
  ])
  const { slug } = await aFlow(ctx, [form])
  const visitor = new FlowVisitor(app)
  await visitor.challenge(slug, '')
  const cases: [unknown, Record<string, { string: string; code: string }[]>][] = [
    [[], { non_field_errors: [{ string: 'Invalid data. Expected a dictionary, but got list.', code: 'invalid' }] }],
    [
      { count: 'many', agree: 'perhaps', mail: 'nobody', when: '31.12.2026', which: 'two', words: '', picture: 'http://x/' },
      {
        count: [{ string: 'A valid integer is required.', code: 'invalid' }],
        agree: [{ string: 'Must be a valid boolean.', code: 'invalid' }],
        mail: [{ string: 'Enter a valid email address.', code: 'invalid' }],
        when: [{ string: 'Date has wrong format. Use one of these formats instead: YYYY-MM-DD.', code: 'invalid' }],
        which: [{ string: '"two" is not a valid choice.', code: 'invalid_choice' }],
        words: [{ string: 'This field may not be blank.', code: 'blank' }],
        picture: [{ string: 'Invalid scheme', code: 'invalid' }],
      },
    ],
    [
      { count: null, mail: 5, words: {}, when: '2026-02-30', picture: 'data:text/plain,hi' },
      {
        count: [{ string: 'This field may not be null.', code: 'null' }],
        mail: [{ string: 'Enter a valid email address.', code: 'invalid' }],
        words: [{ string: 'Not a valid string.', code: 'invalid' }],
        when: [{ string: 'Date has wrong format. Use one of these formats instead: YYYY-MM-DD.', code: 'invalid' }],
        picture: [{ string: 'Invalid encoding', code: 'invalid' }],
      },
    ],
  ]
  for (const [body, expected] of cases) {
    const answer = await visitor.post(slug, body)
    assert.equal(answer.status, 200)
    assert.deepEqual(answer.body.response_errors, expected)
    assertFits('ChallengeTypes', answer.body)
  }
  const accepted = await visitor.post(slug, {
    count: '5',
    agree: 'on',
    mail: 'a@example.org',
    when: '2026-02-28',
    words: ' kept ',
    picture: 'data:;base64,aGk=',
  })
  assertDone(accepted.body, '/')
})

test('a body that is no JSON is a flow error with status 200', async () => {
  const { app, ctx } = await server()
  const { slug } = await aFlow(ctx, ['dummy'])
  const answer = await app.inject({
    method: 'POST',
    url: `${EXECUTOR}/${slug}/?query=`,
    headers: { 'content-type': 'application/json' },
    payload: '{"a":',
  })
  assert.equal(answer.statusCode, 200)
  assert.match(answer.body, /^\{"component":"ak-stage-flow-error","request_id":"[0-9a-f]{32}"\}$/)
})

test('an unknown flow is 404', async () => {
  const { client } = await server()
  assert.equal((await client().get(`${EXECUTOR}/no-such-flow/?query=`)).status, 404)
})

test('a stage that throws shows nothing of it, and leaves an event', async () => {
  const { app, ctx } = await server()
  const { slug } = await aFlow(ctx, [await aStage(ctx, 'dummy', { throw_error: true })])
  const challenge = await new FlowVisitor(app).challenge(slug)
  assert.deepEqual(Object.keys(challenge), ['component', 'request_id'])
  const events = await ctx.db.selectFrom('event').select('context').where('action', '=', 'system_exception').execute()
  assert.equal(events.filter(({ context }) => JSON.stringify(context).includes(challenge.request_id as string)).length, 1)
})

test('the same flow goes on where it was; another one makes it forgotten', async () => {
  const { app, ctx } = await server()
  const user = await aUser(ctx, { password: 'x' })
  const [one, two] = [await aFlow(ctx, LOGIN), await aFlow(ctx, ['dummy'])]
  const visitor = new FlowVisitor(app)
  await visitor.challenge(one.slug)
  assert.equal((await visitor.challenge(one.slug, '', { uid_field: user.username })).component, 'ak-stage-password')
  assert.equal((await visitor.challenge(one.slug)).component, 'ak-stage-password')
  assert.equal((await visitor.challenge(two.slug)).component, 'ak-stage-dummy')
  assert.equal((await visitor.challenge(one.slug)).component, 'ak-stage-identification')
})

test('a wrong answer restarts the flow where the binding says so, with or without what was gathered', async () => {
  const { app, ctx } = await server()
  const user = await aUser(ctx, { password: 'x' })
  const hidden = { stage: await aStage(ctx, 'identification', { user_fields: ['username'], show_matched_user: false }), binding: {} }
  for (const [action, identifier] of [
    ['restart', undefined],
    ['restart_with_context', user.username],
  ] as const) {
    const { slug } = await aFlow(ctx, [hidden, { stage: 'password', binding: { invalid_response_action: action } }, 'user_login'])
    const visitor = new FlowVisitor(app)
    await visitor.challenge(slug)
    await visitor.challenge(slug, '', { uid_field: user.username })
    const answer = await visitor.post(slug, { password: 'wrong' })
    assert.equal(answer.status, 302)
    const again = await visitor.challenge(slug)
    assert.equal(again.component, 'ak-stage-identification')
    assert.equal(again.pending_user_identifier, identifier)
  }
})

test('a refusal restarts the flow where the binding says so', async () => {
  const { app, ctx } = await server()
  const { slug } = await aFlow(ctx, ['dummy', { stage: 'deny', binding: { invalid_response_action: 'restart' } }])
  const visitor = new FlowVisitor(app)
  await visitor.challenge(slug)
  assert.equal((await visitor.challenge(slug, '', {})).component, 'ak-stage-dummy')
})

test('a flow ends where `next` says only when that is a path of ours', async () => {
  const { app, ctx } = await server()
  const { slug } = await aFlow(ctx, ['dummy'])
  for (const [next, to] of [
    ['/if/user/#/x?a=b', '/if/user/#/x?a=b'],
    ['', '/'],
  ] as const) {
    const visitor = new FlowVisitor(app)
    const query = new URLSearchParams({ next }).toString()
    await visitor.challenge(slug, query)
    assertDone(await visitor.challenge(slug, query, {}), to)
  }
  for (const next of [
    'https://evil.example/',
    '//evil.example/',
    '/\\evil.example',
    'javascript:alert(1)',
    'evil',
    '/\t/evil.example',
    '\\\\evil.example',
  ]) {
    const visitor = new FlowVisitor(app)
    const query = new URLSearchParams({ next }).toString()
    await visitor.challenge(slug, query)
    const answer = await visitor.challenge(slug, query, {})
    assert.deepEqual([answer.component, answer.error_message], ['ak-stage-access-denied', 'Invalid next URL'], next)
  }
})

test('who may not run a flow is told so, or sent on, as the flow says', async () => {
  const { app, ctx } = await server()
  const denied = async (values: Record<string, unknown>, outer = '') => {
    const { slug } = await aFlow(ctx, ['dummy'], { designation: 'stage_configuration', authentication: 'require_authenticated', ...values })
    return (await new FlowVisitor(app).get(`${EXECUTOR}/${slug}/?query=${outer}`)).body
  }
  const message = await denied({})
  assert.deepEqual(
    [message.component, message.error_message, message.pending_user],
    ['ak-stage-access-denied', 'Flow does not apply to current user.', ''],
  )
  assert.equal(message.pending_user_avatar, '/static/dist/assets/images/user_default.png')
  assertFits('ChallengeTypes', message)
  assert.equal((await denied({ denied_action: 'continue' })).to, '/')
  assert.equal((await denied({}, '&next=/x')).to, '/x')
  assert.equal((await denied({}, '&next=//evil.example')).component, 'ak-stage-access-denied')
  assert.equal((await denied({ denied_action: 'message' }, '&next=/x')).component, 'ak-stage-access-denied')
})

test('each requirement of a flow holds for visitors, people and superusers', async () => {
  const { app, ctx } = await server()
  const person = new FlowVisitor(app)
  const user = await aUser(ctx, { password: 'x' })
  await person.signIn(user.username as string, 'x')
  const outcomes: Record<string, [visitor: boolean, person: boolean]> = {
    none: [true, true],
    require_authenticated: [false, true],
    require_unauthenticated: [true, false],
    require_superuser: [false, false],
    require_redirect: [false, false],
    require_outpost: [false, false],
    require_token: [false, false],
  }
  for (const [authentication, expected] of Object.entries(outcomes)) {
    const { slug } = await aFlow(ctx, ['dummy'], { designation: 'stage_configuration', authentication })
    const shown = [await new FlowVisitor(app).challenge(slug), await person.challenge(slug)].map(
      challenge => challenge.component === 'ak-stage-dummy',
    )
    assert.deepEqual(shown, expected, authentication)
  }
})

test('somebody who is signed in and opens the sign-in page is sent on', async () => {
  const { app, ctx } = await server()
  const user = await aUser(ctx, { password: 'x' })
  const visitor = new FlowVisitor(app)
  await visitor.signIn(user.username as string, 'x')
  const { slug } = await aFlow(ctx, LOGIN, { authentication: 'require_unauthenticated' })
  assertDone(await visitor.challenge(slug, 'next=/if/user/'), '/if/user/')
})

test('a flow without stages is at its end at once', async () => {
  const { app, ctx } = await server()
  const { slug } = await aFlow(ctx, [])
  assertDone(await new FlowVisitor(app).challenge(slug, 'next=/x'), '/x')
})

test('a stage whose binding names no one who is here is left out', async () => {
  const { app, ctx, admin } = await server()
  const user = await aUser(ctx, { password: 'x' })
  const { slug } = await aFlow(ctx, ['dummy', 'deny'])
  const { results } = (
    await admin.get(
      `/api/v3/flows/bindings/?ordering=order&target=${String((await admin.get(`/api/v3/flows/instances/${slug}/`)).body.pk)}`,
    )
  ).body
  const bound = await admin.post('/api/v3/policies/bindings/', { target: results[1].policybindingmodel_ptr_id, user: user.id, order: 0 })
  assert.equal(bound.status, 201)
  const visitor = new FlowVisitor(app)
  await visitor.challenge(slug)
  assertDone(await visitor.challenge(slug, '', {}), '/')
})

test('a stage that is taken out of a flow under way begins it anew', async () => {
  const { app, ctx, admin } = await server()
  const { slug, flow_uuid: target } = await aFlow(ctx, ['dummy', 'dummy', 'dummy'])
  const visitor = new FlowVisitor(app)
  const first = await visitor.challenge(slug)
  const second = await visitor.challenge(slug, '', {})
  assert.notEqual(second.name, first.name)
  const { results } = (await admin.get(`/api/v3/flows/bindings/?ordering=order&target=${String(target)}`)).body
  assert.equal((await admin.delete(`/api/v3/flows/bindings/${results[2].pk}/`)).status, 204)
  assert.equal((await visitor.challenge(slug)).name, first.name)
})

test('titles name the application and the user, and other uses of percent are left alone', async () => {
  const { flowTitle } = await import('./present.ts')
  const names = { app: 'Wiki', user: 'alice' }
  assert.equal(flowTitle('Redirecting to %(app)s', names), 'Redirecting to Wiki')
  assert.equal(flowTitle('%(user)s: 100%% of %(app)s', names), 'alice: 100% of Wiki')
  assert.equal(flowTitle('100% %(app)s', names), '100% %(app)s')
  assert.equal(flowTitle('%(other)s', names), '%(other)s')
})

test('another site cannot set a flow in motion', async () => {
  const { app, ctx } = await server()
  const { slug } = await aFlow(ctx, ['user_logout'], { designation: 'invalidation' })
  const user = await aUser(ctx, { password: 'x' })
  const visitor = new FlowVisitor(app)
  await visitor.signIn(user.username as string, 'x')
  assert.equal((await visitor.get(`${EXECUTOR}/${slug}/?query=`, { 'sec-fetch-site': 'cross-site' })).status, 403)
  assert.equal((await visitor.get('/api/v3/core/users/me/')).status, 200)
  assertDone(await visitor.challenge(slug), '/')
  assert.equal((await visitor.get('/api/v3/core/users/me/')).status, 403)
})

test('an answer of somebody who is signed in needs the CSRF token', async () => {
  const { app, ctx } = await server()
  const { slug } = await aFlow(ctx, ['dummy'])
  const user = await aUser(ctx, { password: 'x' })
  const visitor = new FlowVisitor(app)
  await visitor.signIn(user.username as string, 'x')
  await visitor.challenge(slug)
  const refused = await visitor.request('POST', `${EXECUTOR}/${slug}/?query=`, { body: {}, headers: { 'x-authentik-csrf': 'guess' } })
  assert.equal(refused.status, 403)
  assertDone(await visitor.challenge(slug, '', {}), '/')
})

test('errors of a person who may debug tell the reason', async () => {
  const { app, ctx } = await server()
  const user = await aUser(ctx, { username: unique('debugger'), password: 'x', attributes: { 'goauthentik.io/user/debug': true } })
  const visitor = new FlowVisitor(app)
  await visitor.signIn(user.username as string, 'x')
  const { slug } = await aFlow(ctx, [await aStage(ctx, 'dummy', { throw_error: true })])
  const challenge = await visitor.challenge(slug)
  assert.match(challenge.error as string, /throws/)
  assert.deepEqual(errorsOf(challenge), {})
})
