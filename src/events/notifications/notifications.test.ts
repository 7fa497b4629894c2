import assert from 'node:assert/strict'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, test } from 'node:test'
import { aGroup, aRole, aToken, aUser, unique } from '../../../test/builders.ts'
import { ownServer } from '../../../test/harness.ts'
import { mailServer } from '../../../test/smtp.ts'
import type { Row } from '../../api/model.ts'
import { unnoticed } from '../../context.ts'
import { jobs } from '../../tasks/jobs.ts'
import { makeRunner } from '../../tasks/runner.ts'
import { recordEvent } from '../record.ts'
import { evaluateRules } from './evaluate.ts'

const A = '/api/v3'

type Call = { headers: IncomingHttpHeaders; body: Record<string, any> }

/** A server that takes webhooks. */
async function webhookServer() {
  const calls: Call[] = []
  let answers: number[] = []
  const server = createServer((request, response) => {
    void Array.fromAsync(request as AsyncIterable<Buffer>).then(chunks => {
      calls.push({ headers: request.headers, body: JSON.parse(Buffer.concat(chunks).toString()) as Row })
      response.writeHead(answers.shift() ?? 204, { location: 'http://127.0.0.1:1/' }).end()
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  after(() => new Promise<void>(resolve => void server.close(() => resolve())))
  return {
    calls,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    answer: (...next: number[]) => void (answers = next),
  }
}

const smtp = await mailServer()
after(smtp.close)
const hook = await webhookServer()
const { ctx, admin, client, clock, logged } = await ownServer({ ...smtp.env, SIGNET_OUTGOING_ALLOW: '127.0.0.1/32' })
const runner = makeRunner(ctx, jobs)
const adminAddress = (await admin.get(`${A}/core/users/me/`)).body.user.email as string

async function settled() {
  const mails = smtp.mails.length
  const calls = hook.calls.length
  await runner.step()
  clock.advance(1_000)
  await runner.step()
  return { mails: smtp.mails.slice(mails), calls: hook.calls.slice(calls) }
}

async function made(path: string, body: Row): Promise<Row> {
  const answer = await admin.post(`${A}${path}`, body)
  assert.equal(answer.status, 201, answer.text)
  return answer.body
}

const purge = () =>
  jobs.find(job => job.name === 'clean_expired_models')!.run(ctx, {}, { signal: new AbortController().signal, log: () => {} })

const transport = (values: Row) => made('/events/transports/', { name: unique('transport'), ...values })

/** A rule that an expression decides. */
async function aRule(expression: string, values: Row = {}): Promise<Row> {
  const policy = await made('/policies/expression/', { name: unique('policy'), expression })
  const rule = await made('/events/rules/', { name: unique('rule'), ...values })
  await made('/policies/bindings/', { target: rule.pk, policy: policy.pk, order: 0 })
  return { ...rule, policy }
}

const about = (mark: string) => `return request.context["event"].context.get("mark") == "${mark}"`
const happens = (mark: string, user?: Row) => recordEvent(ctx, 'custom_test', { mark, message: `It is ${mark}` }, user ? { user } : {})

async function bell(user: Row, query = '') {
  const api = client(await aToken(ctx, user))
  return { api, list: (await api.get(`${A}/events/notifications/${query}`)).body.results as Row[] }
}

test('members of the group and the one behind the event are told, on the page, by mail and by webhook', async () => {
  const member = await aUser(ctx)
  const gone = await aUser(ctx, { is_active: false })
  const actor = await aUser(ctx, { email: '' })
  const stranger = await aUser(ctx)
  const group = await aGroup(ctx)
  for (const user of [member, gone])
    await ctx.db
      .insertInto('user_group')
      .values({ user: user.id as number, group: group.group_uuid as string })
      .execute()
  const mark = unique('mark')
  const rule = await aRule(about(mark), {
    severity: 'alert',
    destination_group: group.group_uuid,
    destination_event_user: true,
    transports: [
      (await transport({ mode: 'local' })).pk,
      (await transport({ mode: 'email' })).pk,
      (await transport({ mode: 'webhook', webhook_url: hook.url })).pk,
    ],
  })
  assert.equal((rule.destination_group_obj as Row).name, group.name)
  await happens(mark, actor)
  const { mails, calls } = await settled()
  for (const user of [member, actor]) {
    const { list } = await bell(user)
    assert.deepEqual(
      list.map(({ severity, body, seen, event }) => [severity, body, seen, (event as Row).action]),
      [['alert', `It is ${mark}`, false, 'custom_test']],
    )
  }
  assert.deepEqual((await bell(stranger)).list, [])
  const told = await ctx.db
    .selectFrom('notification')
    .select('uuid')
    .where('user', '=', gone.id as number)
    .execute()
  assert.deepEqual(told, [])
  assert.deepEqual(
    mails.map(mail => [mail.to, mail.headers.subject]),
    [[[member.email], 'authentik Notification: Custom Test']],
  )
  assert.match(mails[0]!.text, new RegExp(`It is ${mark}`))
  assert.deepEqual(
    calls.map(({ body }) => body).toSorted((a, b) => String(a.user_username).localeCompare(String(b.user_username))),
    [member, actor]
      .map(user => ({
        body: `It is ${mark}`,
        severity: 'alert',
        user_email: user.email,
        user_username: user.username,
        event_user_email: '',
        event_user_username: actor.username,
      }))
      .toSorted((a, b) => String(a.user_username).localeCompare(String(b.user_username))),
  )
})

test('people see their own notifications alone, mark them and throw them away', async () => {
  const [one, two] = [await aUser(ctx), await aUser(ctx)]
  const mark = unique('mark')
  await aRule(about(mark), { destination_event_user: true })
  for (const user of [one, one, two]) await happens(mark, user)
  await settled()
  const { api, list } = await bell(one)
  assert.equal(list.length, 2)
  const [first, second] = list as [Row, Row]
  const url = (row: Row) => `${A}/events/notifications/${String(row.pk)}/`
  assert.equal((await api.patch(url(first), { seen: true, body: 'another' })).body.body, `It is ${mark}`)
  assert.deepEqual(
    (await bell(one, '?seen=false')).list.map(({ pk }) => pk),
    [second.pk],
  )
  // Neither another person nor an administrator reads or marks what is somebody's.
  for (const other of [(await bell(two)).api, admin]) {
    assert.equal((await other.get(url(first))).status, 404)
    assert.equal((await other.patch(url(first), { seen: true })).status, 404)
    assert.equal((await other.delete(url(first))).status, 404)
  }
  assert.ok(!(await admin.get(`${A}/events/notifications/?page_size=100`)).text.includes(mark))
  assert.equal((await api.post(`${A}/events/notifications/mark_all_seen/`)).status, 204)
  assert.deepEqual((await bell(one, '?seen=false')).list, [])
  assert.equal((await bell(two, '?seen=false')).list.length, 1)
  assert.equal((await api.delete(url(first))).status, 204)
  assert.equal((await bell(one)).list.length, 1)
  assert.equal((await client().get(`${A}/events/notifications/`)).status, 403)
})

test('a rule fires when one of its policies passes, and never without any or without somebody to tell', async () => {
  const user = await aUser(ctx)
  const mark = unique('mark')
  const rule = await aRule('return False', { destination_event_user: true })
  await made('/events/rules/', { name: unique('rule'), destination_event_user: true })
  await aRule(about(mark))
  await happens(mark, user)
  await settled()
  assert.deepEqual((await bell(user)).list, [])
  const passing = await made('/policies/expression/', { name: unique('policy'), expression: about(mark) })
  await made('/policies/bindings/', { target: rule.pk, policy: passing.pk, order: 1 })
  await happens(mark, user)
  await settled()
  assert.equal((await bell(user)).list.length, 1)
})

test('an event without an account is asked about as AnonymousUser, and its policy sees where it came from', async () => {
  const user = await aUser(ctx)
  const group = await aGroup(ctx)
  await ctx.db
    .insertInto('user_group')
    .values({ user: user.id as number, group: group.group_uuid as string })
    .execute()
  const mark = unique('mark')
  await aRule(
    `${about(mark)} and request.user.username == "AnonymousUser" and request.user.is_authenticated and str(ak_client_ip) == "192.0.2.7" and request.obj.client_ip == "192.0.2.7" and not request.http_request`,
    { destination_group: group.group_uuid },
  )
  const request = { id: 'x', method: 'GET', path: '/', query: '', clientIp: '192.0.2.7', userAgent: '', origin: '', host: '', headers: {} }
  await recordEvent({ ...ctx, request }, 'login_failed', { mark }, { user: null })
  await settled()
  assert.deepEqual(
    (await bell(user)).list.map(({ body }) => body),
    ['Login Failed: by AnonymousUser from 192.0.2.7'],
  )
})

test('a transport that sends once tells the first alone', async () => {
  const group = await aGroup(ctx)
  for (let count = 0; count < 3; count++)
    await ctx.db
      .insertInto('user_group')
      .values({ user: (await aUser(ctx)).id as number, group: group.group_uuid as string })
      .execute()
  const mark = unique('mark')
  const once = await transport({ mode: 'webhook_slack', webhook_url: hook.url, send_once: true })
  await aRule(about(mark), { destination_group: group.group_uuid, transports: [once.pk], severity: 'warning' })
  await happens(mark)
  const { calls } = await settled()
  assert.equal(calls.length, 1)
  const [attachment] = calls[0]!.body.attachments
  assert.equal(attachment.title, `It is ${mark}`)
  assert.equal(attachment.color, '#fd4b2d')
  assert.deepEqual(attachment.fields[0], { title: 'Severity', value: 'warning', short: true })
  assert.deepEqual(attachment.fields.at(-1), { title: 'message', value: `It is ${mark}`, short: true })
})

test('mappings write the body and the headers of a webhook', async () => {
  const user = await aUser(ctx)
  const mapping = (expression: string) => made('/propertymappings/notification/', { name: unique('mapping'), expression })
  const body = await mapping(
    'return {"text": notification.body, "level": notification.severity, "action": notification.event.action, "for": notification.user.username, "me": request.user.username}',
  )
  const headers = await mapping('return {"X-Key": "a key", "X-Number": 5}')
  const mark = unique('mark')
  const way = await transport({
    mode: 'webhook',
    webhook_url: hook.url,
    webhook_mapping_body: body.pk,
    webhook_mapping_headers: headers.pk,
  })
  await aRule(about(mark), { destination_event_user: true, transports: [way.pk] })
  await happens(mark, user)
  const { calls } = await settled()
  assert.deepEqual(
    calls.map(call => call.body),
    [{ text: `It is ${mark}`, level: 'notice', action: 'custom_test', for: user.username, me: user.username }],
  )
  assert.partialDeepStrictEqual(calls[0]!.headers, { 'x-key': 'a key', 'x-number': '5', 'content-type': 'application/json' })
  assert.equal((await admin.post(`${A}/propertymappings/notification/`, { name: unique('m'), expression: 'return (' })).status, 400)
})

test('a webhook that does not take it is asked again, and nothing that it causes calls a rule', async () => {
  const user = await aUser(ctx)
  const mark = unique('mark')
  const way = await transport({ mode: 'webhook', webhook_url: hook.url })
  await aRule(about(mark), { destination_event_user: true, transports: [way.pk] })
  // As wide as can be: told of everything, its own doings would never end.
  const everything = await aRule('ak_create_event("echo", mark="echo")\nreturn True', {
    destination_event_user: true,
    transports: [way.pk],
  })
  await settled()
  hook.answer(500, 302, 200, 500)
  await happens(mark, user)
  // Both rules, then both again, then the one that failed again.
  for (const calls of [2, 2, 1, 0]) {
    assert.equal((await settled()).calls.length, calls)
    clock.advance(60_000)
  }
  const left = await ctx.db.selectFrom('event').select('action').where('rules_due', '=', true).execute()
  assert.deepEqual(left, [])
  assert.ok(await ctx.db.selectFrom('event').select('action').where('action', '=', 'custom_echo').executeTakeFirst())
  await admin.delete(`${A}/events/rules/${String(everything.pk)}/`)
})

test('a policy that cannot be asked leaves an event and tells nobody; the others are told', async () => {
  const user = await aUser(ctx)
  const mark = unique('mark')
  const broken = await aRule('return request.context["nothing"]', { destination_event_user: true })
  await aRule(about(mark), { destination_event_user: true })
  await happens(mark, user)
  await settled()
  assert.equal((await bell(user)).list.length, 1)
  const failures = await ctx.db.selectFrom('event').select('context').where('action', '=', 'policy_exception').execute()
  assert.ok(failures.some(({ context }) => ((context as Row).policy as Row).name === (broken.policy as Row).name))
  await admin.delete(`${A}/events/rules/${String(broken.pk)}/`)
})

test('an event whose process died before the rules were asked is found again', async () => {
  const user = await aUser(ctx)
  const mark = unique('mark')
  await aRule(about(mark), { destination_event_user: true })
  await happens(mark, user)
  // The task of a process that is no more: taken, never settled.
  await ctx.db
    .insertInto('task')
    .values({
      message_id: ctx.uuid(),
      actor_name: evaluateRules.name,
      args: '{}',
      state: 'running',
      aggregated_status: 'running',
      uid: '',
      schedule: null,
      created: ctx.now(),
      mtime: ctx.now(),
      eta: ctx.now(),
      retries: 0,
      logs: '[]',
      previous_logs: '[]',
      lease_owner: 'gone',
      lease_until: new Date(ctx.now().getTime() + 30_000),
    })
    .execute()
  await runner.step()
  assert.deepEqual((await bell(user)).list, [])
  clock.advance(60_000)
  await runner.step()
  assert.equal((await bell(user)).list.length, 1)
  const kept = await ctx.db.selectFrom('task').select('state').where('actor_name', '=', evaluateRules.name).execute()
  assert.deepEqual(kept, [], 'runs that went well leave nothing behind')
})

test('transports can be tried out by whoever may change them', async () => {
  const way = await transport({ mode: 'webhook', webhook_url: hook.url })
  const url = `${A}/events/transports/${String(way.pk)}/test/`
  assert.deepEqual((await admin.post(url)).body, { messages: ['204'] })
  hook.answer(500)
  assert.deepEqual(await admin.post(url).then(({ status, body }) => [status, body]), [500, { detail: 'the server answered with 500' }])
  const mail = await transport({ mode: 'email', email_subject_prefix: 'Told: ' })
  assert.deepEqual((await admin.post(`${A}/events/transports/${String(mail.pk)}/test/`)).body, {
    messages: [`Email sent to ${adminAddress}`],
  })
  assert.equal(smtp.mails.at(-1)!.headers.subject, 'Told: Test notification')
  smtp.refuse({ code: 550, text: 'no such person' })
  assert.equal((await admin.post(`${A}/events/transports/${String(mail.pk)}/test/`)).status, 500)
  const local = await transport({})
  assert.deepEqual((await admin.post(`${A}/events/transports/${String(local.pk)}/test/`)).body, { messages: [] })
  assert.equal((await admin.get(`${A}/events/notifications/`)).body.results[0].body, 'Test notification')
  const viewer = await aUser(ctx)
  await aRole(ctx, viewer, ['authentik_events.view_notificationtransport'])
  const api = client(await aToken(ctx, viewer))
  assert.equal((await api.post(url)).status, 403)
  // The address of a chat is a key to it.
  assert.equal((await api.get(`${A}/events/transports/${String(way.pk)}/`)).body.webhook_url, '')
})

test('transports that lead nowhere are refused', async () => {
  const refused = async (body: Row) => {
    const answer = await admin.post(`${A}/events/transports/`, { name: unique('transport'), ...body })
    assert.equal(answer.status, 400)
    return answer.body as Row
  }
  assert.deepEqual(await refused({ mode: 'webhook' }), { webhook_url: ['Webhook URL may not be empty.'] })
  assert.deepEqual(await refused({ mode: 'webhook', webhook_url: 'ftp://x/' }), { webhook_url: ['Enter a valid URL.'] })
  assert.deepEqual(await refused({ mode: 'email', email_template: 'email/none.html' }), {
    email_template: ["Invalid template 'email/none.html' specified."],
  })
  assert.deepEqual(await refused({ mode: 'pigeon' }), { mode: ['"pigeon" is not a valid choice.'] })
})

test('79 a webhook reaches no loopback, link-local or metadata address, and follows no redirect to one', async () => {
  const own = await ownServer()
  const answer = async (webhook_url: string) => {
    const way = await own.admin.post(`${A}/events/transports/`, { name: unique('transport'), mode: 'webhook', webhook_url })
    assert.equal(way.status, 201, way.text)
    return own.admin.post(`${A}/events/transports/${way.body.pk}/test/`)
  }
  const before = hook.calls.length
  for (const url of [
    hook.url,
    hook.url.replace('127.0.0.1', 'localhost'),
    'http://169.254.169.254/latest/',
    'http://[::ffff:127.0.0.1]/',
  ]) {
    const { status, body } = await answer(url)
    assert.equal(status, 500, url)
    assert.match(body.detail, /is not reachable from here/)
  }
  assert.equal(hook.calls.length, before)
})

test('the same sentence is mailed once in five minutes, and the next mail says how often it was left out', async () => {
  const user = await aUser(ctx)
  const mark = unique('mark')
  const ways = [await transport({ mode: 'email' }), await transport({ mode: 'webhook', webhook_url: hook.url })]
  await aRule(about(mark), { destination_event_user: true, transports: ways.map(({ pk }) => pk) })
  for (let count = 0; count < 5; count++) await happens(mark, user)
  const { mails, calls } = await settled()
  assert.deepEqual([mails.length, calls.length], [1, 5])
  await recordEvent(ctx, 'custom_test', { mark, message: 'Something else' }, { user })
  assert.equal((await settled()).mails.length, 1)
  clock.advance(300_000)
  await happens(mark, user)
  const [next, ...more] = (await settled()).mails
  assert.equal(more.length, 0)
  assert.ok(next!.text.includes(`It is ${mark} (4 more since the last mail)`), next!.text)
})

test('one person keeps a thousand notifications', async () => {
  const user = await aUser(ctx)
  const { store } = await import('./evaluate.ts')
  for (let count = 0; count < 2; count++) {
    await store(
      ctx,
      Array.from({ length: 600 }, () => user),
      { severity: 'notice', body: `round ${count}`, event: null },
    )
    clock.advance(1_000)
  }
  await purge()
  const left = await ctx.db
    .selectFrom('notification')
    .select('body')
    .where('user', '=', user.id as number)
    .execute()
  assert.ok(left.length <= 1_000 && left.length >= 600, String(left.length))
  assert.equal(left.filter(({ body }) => body === 'round 1').length, 600)
})

test('notifications go when their time is over', async () => {
  const user = await aUser(ctx)
  await ctx.db
    .insertInto('notification')
    .values({
      uuid: ctx.uuid(),
      user: user.id as number,
      event: null,
      severity: 'notice',
      body: 'old',
      hyperlink: null,
      hyperlink_label: null,
      created: ctx.now(),
      seen: false,
      expires: ctx.now(),
    })
    .execute()
  clock.advance(1_000)
  await purge()
  assert.deepEqual((await bell(user)).list, [])
})

test('events that no rule is about are not marked, and neither is what notifications cause', async () => {
  const due = async (action: string, context = ctx) => {
    const mark = unique('mark')
    await recordEvent(context, action as 'login', { mark })
    const rows = await ctx.db.selectFrom('event').select(['context', 'rules_due']).where('action', '=', action).execute()
    return rows.find(row => (row.context as Row).mark === mark)!.rules_due
  }
  for (const { pk } of (await admin.get(`${A}/events/rules/?page_size=100&search=rule-`)).body.results)
    await admin.delete(`${A}/events/rules/${pk}/`)
  assert.equal(await due('login'), false)
  const matcher = await admin.post(`${A}/policies/event_matcher/`, { name: unique('matcher'), action: 'logout' })
  assert.equal(matcher.status, 201, matcher.text)
  const rule = await made('/events/rules/', { name: unique('rule') })
  await made('/policies/bindings/', { target: rule.pk, policy: matcher.body.pk, order: 0 })
  assert.deepEqual([await due('logout'), await due('login')], [true, false])
  await admin.patch(`${A}/policies/event_matcher/${matcher.body.pk}/`, { action: 'login' })
  assert.deepEqual([await due('logout'), await due('login'), await due('login', unnoticed(ctx))], [false, true, false])
  await aRule('return False')
  assert.equal(await due('logout'), true)
})

test('what a fresh installation tells its administrators reaches them', async () => {
  const rules = (await admin.get(`${A}/events/rules/?search=default-notify`)).body.results as Row[]
  assert.deepEqual(
    rules.map(rule => [rule.name, rule.severity, (rule.destination_group_obj as Row | null)?.name, (rule.transports as string[]).length]),
    [
      ['default-notify-configuration-error', 'alert', 'authentik Admins', 2],
      ['default-notify-configuration-warning', 'warning', 'authentik Admins', 2],
      ['default-notify-exception', 'alert', 'authentik Admins', 2],
      ['default-notify-update', 'alert', 'authentik Admins', 2],
    ],
  )
  await recordEvent(ctx, 'configuration_error', { message: 'Something is set wrong' })
  const { mails } = await settled()
  const [newest] = (await admin.get(`${A}/events/notifications/?body=Something+is+set+wrong`)).body.results
  assert.equal(newest.severity, 'alert')
  assert.ok(mails.some(mail => mail.to.includes(adminAddress) && mail.text.includes('Something is set wrong')))
})

test('nothing went wrong unseen', () => {
  const lines = logged.filter(line => line.msg === 'a notification rule cannot be asked')
  assert.deepEqual(lines, [])
})
