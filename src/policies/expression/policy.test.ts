import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aGroup, aRole, aToken, aUser, unique } from '../../../test/builders.ts'
import { server } from '../../../test/harness.ts'
import type { Row } from '../../api/model.ts'
import type { Ctx, RequestInfo } from '../../context.ts'
import { asObject, modelLabel } from '../../flows/objects.ts'
import { Plan } from '../../flows/plan.ts'
import { User } from '../../core/people.ts'
import { evaluateEach, evaluatePolicies } from '../engine.ts'

const text = (source: string): string => {
  const lines = source.split('\n')
  const indent = Math.min(...lines.filter(line => line.trim()).map(line => /^ */.exec(line)![0].length))
  return lines.map(line => line.slice(indent)).join('\n')
}

async function aPolicy(source: string, more: Row = {}): Promise<{ pk: string; name: string }> {
  const { admin } = await server()
  const made = await admin.post('/api/v3/policies/expression/', { name: unique('policy'), expression: text(source), ...more })
  assert.equal(made.status, 201, made.text)
  return made.body
}

const request: RequestInfo = {
  id: 'r',
  method: 'GET',
  path: '/api/v3/flows/executor/x/',
  query: `query=${encodeURIComponent('itoken=abc&next=/x')}`,
  clientIp: '10.1.2.3',
  userAgent: 'Browser/1',
  origin: 'https://id.example.test',
  host: 'id.example.test',
  headers: {
    'user-agent': 'Browser/1',
    cookie: 'authentik_session=secret; theme=dark',
    authorization: 'Bearer secret',
    'x-forwarded-for': '10.1.2.3',
  },
}

async function ask(source: string, options: { user?: Row | null; context?: Row; request?: RequestInfo | null; more?: Row } = {}) {
  const { ctx } = await server()
  const policy = await aPolicy(source, options.more)
  const asked: Ctx = { ...ctx, request: options.request === undefined ? null : options.request, caller: { ...ctx.caller, user: null } }
  return { ...(await evaluateEach(asked, [policy.pk], { user: options.user ?? null, context: options.context ?? {} })), policy }
}

/** What a queued mail says. */
const mailOf = (ctx: Ctx, args: unknown): Row => JSON.parse(ctx.secrets.open((args as { sealed: string }).sealed)) as Row

const eventsOf = async (ctx: Ctx, action: string, policy: string) =>
  (await ctx.db.selectFrom('event').select(['context', 'user', 'app']).where('action', '=', action).execute()).filter(
    row => (row.context as { policy?: { name?: string } }).policy?.name === policy,
  )

test('what is returned decides, as Python sees it', async () => {
  const { ctx } = await server()
  await aGroup(ctx)
  const cases: [string, boolean][] = [
    ['return True', true],
    ['return 1', true],
    ['return "no"', true],
    ['return [0]', true],
    ['return False', false],
    ['return None', false],
    ['pass', false],
    ['return 0.0', false],
    ['return {}', false],
    ['return ""', false],
    ['from authentik.core.models import Group\nreturn Group.objects.all()', true],
    ['from authentik.core.models import Group\nreturn Group.objects.filter(name="none")', false],
    ['import datetime\nreturn datetime.datetime.now()', true],
  ]
  for (const [source, expected] of cases) assert.equal((await ask(source)).passing, expected, source)
  assert.deepEqual((await ask('ak_message("one")\nak_message(2)\nreturn False')).messages, ['one', '2'])
})

test('changes inside the context reach whoever owns it, new keys only the same evaluation', async () => {
  const { ctx } = await server()
  const user = await aUser(ctx)
  const plan = new Plan({ flow_uuid: ctx.uuid(), slug: 'x' }, [], {
    prompt_data: { email: 'a@b.c', tags: ['x'] },
    list: [1],
    pending_user: asObject(User, user),
    keep: { same: true },
  })
  const kept = plan.context.keep
  const context: Row = { ...plan.context, flow_plan: plan }
  const decision = await ask(
    `
    assert context is request.context
    assert request.context["prompt_data"] is request.context["flow_plan"].context["prompt_data"]
    context["prompt_data"]["username"] = context["prompt_data"]["email"]
    context["prompt_data"]["tags"].append("y")
    context["list"].append(2)
    context["only_here"] = 1
    plan = request.context["flow_plan"]
    plan.context["groups"] = [request.context["pending_user"]]
    plan.context["deny_message"] = "x"
    del plan.context["prompt_data"]["email"]
    plan.redirect("https://example.org/")
    return context["pending_user"] == request.user
  `,
    { user, context },
  )
  assert.equal(decision.passing, true, decision.messages.join())
  assert.deepEqual(plan.context.prompt_data, { username: 'a@b.c', tags: ['x', 'y'] })
  assert.deepEqual(plan.context.list, [1, 2])
  assert.equal(plan.context.only_here, undefined)
  assert.equal(context.only_here, 1)
  assert.equal(plan.context.keep, kept)
  assert.equal(plan.context.deny_message, 'x')
  const [group] = plan.context.groups as Row[]
  assert.equal(modelLabel(group), 'authentik_core.user')
  assert.equal(group!.id, user.id)
  assert.equal(plan.stages.length, 1)
})

test('a later policy sees what an earlier one left in the context, also when that failed', async () => {
  const { ctx } = await server()
  const one = await aPolicy('context["seen"] = [1]\ncontext["prompt_data"]["x"] = 1\nraise ValueError("broken")')
  const two = await aPolicy('return context["seen"] == [1] and context["prompt_data"]["x"] == 1')
  const decision = await evaluateEach(ctx, [one.pk, two.pk], { user: null, context: { prompt_data: {} } })
  assert.deepEqual(
    decision.findings.map(finding => finding.passing),
    [false, true],
  )
})

test('an exception leaves an event with its traceback and counts as the failure result', async () => {
  const { ctx, admin } = await server()
  const user = await aUser(ctx)
  const policy = await aPolicy('x = 1\nreturn {}["missing"]')
  const app = await admin.post('/api/v3/core/applications/', { name: unique('app'), slug: unique('app') })
  for (const failure_result of [true, false]) {
    const binding = await admin.post('/api/v3/policies/bindings/', { target: app.body.pk, policy: policy.pk, order: 0, failure_result })
    const decision = await evaluatePolicies(ctx, { target: app.body.pk, user })
    assert.equal(decision.passing, failure_result)
    assert.deepEqual(decision.messages, ["'missing'"])
    await admin.delete(`/api/v3/policies/bindings/${binding.body.pk}/`)
  }
  const [event] = await eventsOf(ctx, 'policy_exception', policy.name)
  const { traceback, message } = event!.context as { traceback: string; message: string }
  assert.match(traceback, new RegExp(`File "${policy.name}", line 2`))
  assert.match(message, /could not be evaluated: 'missing'/)
  assert.equal((event!.user as Row).username, user.username)
})

test('a text that takes too long ends, and counts as failed', async () => {
  const loop = await ask('while True:\n    try:\n        pass\n    except:\n        pass')
  assert.equal(loop.passing, false)
  assert.match(loop.messages[0]!, /limit exceeded/)
  const memory = await ask('x = "a" * 10_000_000\nreturn [x + str(i) for i in range(100)]')
  assert.match(memory.messages[0]!, /limit exceeded/)
  const calls = await ask('for i in range(1000):\n    ak_user_by(username="x")\nreturn True')
  assert.match(calls.messages[0]!, /limit exceeded.*host calls/)
})

test('the request shows itself without what signs anybody in', async () => {
  const { ctx } = await server()
  const user = await aUser(ctx)
  const decision = await ask(
    `
    r = request.http_request
    assert r == http_request
    ak_message(repr([r.method, r.path, r.get_host(), r.build_absolute_uri("/x?y=1"), r.is_secure(), r.META["HTTP_USER_AGENT"], r.META.get("HTTP_AUTHORIZATION"), r.META.get("HTTP_COOKIE"), r.META["REMOTE_ADDR"]]))
    ak_message(repr([r.headers["User-Agent"], r.headers.get("authorization"), dict(r.COOKIES), r.GET.get("query"), r.GET["query"] == r.GET.getlist("query")[0], "nope" in r.GET, r.POST.get("a")]))
    ak_message(repr([r.session["authentik/flows/get"]["itoken"], r.session.get("authentik/flows/get", {}).get("next"), list(r.session.keys()), r.user.is_authenticated]))
    ak_message(repr([str(ak_client_ip), ak_client_ip in ip_network("10.0.0.0/8"), ak_client_ip.is_private, ak_is_sso_flow]))
    ak_message(repr([r.tenant.default_user_change_email, r.brand.branding_title != ""]))
    return True
  `,
    { user, request, context: { is_sso: true } },
  )
  assert.deepEqual(decision.messages, [
    "['GET', '/api/v3/flows/executor/x/', 'id.example.test', 'https://id.example.test/x?y=1', True, 'Browser/1', None, None, '10.1.2.3']",
    "['Browser/1', None, {'theme': 'dark'}, 'itoken=abc&next=/x', True, False, None]",
    "['abc', '/x', ['authentik/flows/get'], False]",
    "['10.1.2.3', True, True, True]",
    '[False, True]',
  ])
  const none = await ask('return request.http_request is None and str(ak_client_ip) == "255.255.255.255"')
  assert.equal(none.passing, true)
})

test('helpers do what their names say', async () => {
  const { ctx } = await server()
  const mark = unique('helper')
  const user = await aUser(ctx, { username: mark })
  const decision = await ask(
    `
    u = ak_user_by(username="${mark}")
    ak_message(repr([u == request.user, ak_user_by(username="nobody at all"), ak_user_by(nonsense=1), ak_user_has_authenticator(u), ak_user_has_authenticator(u, "totp")]))
    ak_message(repr([list_flatten(["a", "b"]), list_flatten([]), list_flatten("x"), slugify("Hello, World Ä"), regex_match("abc", "b."), regex_match("abc", "^b"), regex_replace("aXbX", "X", "-")]))
    ak_message(repr([resolve_dns("127.0.0.1"), reverse_dns("not an ip")]))
    ak_create_event("my_event", answer=42, password="secret")
    ak_logger.warning("look", n=1)
    try:
        ak_send_email("a@b.c", "s")
    except ValueError as e:
        ak_message(str(e))
    try:
        ak_send_email("a@b.c", "s", body="x", template="y")
    except ValueError as e:
        ak_message(str(e))
    return ak_send_email(["a@b.c", "d@e.f"], "Subject", body="Hello")
  `,
    { user },
  )
  assert.deepEqual(decision.messages, [
    '[True, None, None, False, False]',
    "['a', None, 'x', 'hello-world-a', True, False, 'a-b-']",
    "[['127.0.0.1'], 'not an ip']",
    'Either body or template parameter must be provided',
    'body and template parameters are mutually exclusive',
  ])
  assert.equal(decision.passing, true)
  const event = (await ctx.db.selectFrom('event').select('context').where('action', '=', 'custom_my_event').execute()).at(-1)!
    .context as Row
  assert.equal(event.answer, 42)
  assert.equal(event.password, '********************')
  const task = await ctx.db.selectFrom('task').select(['args', 'state']).where('uid', '=', decision.policy.name).executeTakeFirstOrThrow()
  assert.deepEqual(mailOf(ctx, task.args), { to: ['a@b.c', 'd@e.f'], cc: [], bcc: [], subject: 'Subject', text: 'Hello', stage: null })
})

test('mail goes out by a template, and by an email stage, where that is asked for', async () => {
  const { ctx, admin } = await server()
  const name = unique('mail-stage')
  const stage = await admin.post('/api/v3/stages/email/', {
    name,
    use_global_settings: false,
    host: 'mail.example.test',
    from_address: 'stage@example.test',
  })
  assert.equal(stage.status, 201, stage.text)
  const { passing, messages } = await ask(`
    from authentik.stages.email.models import EmailStage
    stage = EmailStage.objects.get(name="${name}")
    try:
        ak_send_email("a@b.c", "s", template="no/such.html")
    except ValueError as e:
        ak_message(str(e))
    ak_send_email("${name}@b.c", "By a stage", body="<p>Hi</p>", stage=stage)
    return ak_send_email("${name}@b.c", "By a template", template="email/password_reset.html", context={"url": "https://x.test/"}, stage=stage)
  `)
  assert.deepEqual([passing, messages], [true, ['ak_send_email: there is no template no/such.html']])
  const mails = (await ctx.db.selectFrom('task').select('args').where('actor_name', 'in', ['expression_mail', 'send_email']).execute())
    .map(row => mailOf(ctx, row.args))
    .filter(mail => (mail.to as string[])[0] === `${name}@b.c`)
  assert.deepEqual(
    new Set(mails.map(mail => `${String(mail.subject)} ${String(mail.stage)}`)),
    new Set([`By a stage ${stage.body.pk}`, `By a template ${stage.body.pk}`]),
  )
})

test('policies call each other, and not in circles', async () => {
  const called = await aPolicy('ak_message("from inside")\ncontext["left"] = extra\nreturn [extra]'.replaceAll('extra', 'context["given"]'))
  const decision = await ask(`
    r = ak_call_policy("${called.name}", given=5)
    ak_message(repr([r.passing, r.messages, r.raw_result, context["left"], context["given"]]))
    try:
        ak_call_policy("no such policy")
    except ValueError as e:
        ak_message(str(e))
    return r.passing
  `)
  assert.deepEqual(decision.messages, ["[True, ['from inside'], [5], 5, 5]", "Policy 'no such policy' not found."])
  const name = unique('circle')
  const { admin, ctx } = await server()
  const circle = await admin.post('/api/v3/policies/expression/', { name, expression: `return ak_call_policy("${name}").passing` })
  const answer = await evaluateEach(ctx, [circle.body.pk], { user: null, context: {} })
  assert.match(answer.messages.join(), /policies call each other/)
})

test('execution is recorded where that is asked for', async () => {
  const { ctx } = await server()
  const { policy } = await ask('ak_message("hi")\nreturn True', { more: { execution_logging: true } })
  const [event] = await eventsOf(ctx, 'policy_execution', policy.name)
  assert.deepEqual((event!.context as Row).result, { passing: true, messages: ['hi'] })
})

test('a changed text counts at the next question', async () => {
  const { admin, ctx } = await server()
  const policy = await aPolicy('return True')
  assert.equal((await evaluateEach(ctx, [policy.pk], { user: null, context: {} })).passing, true)
  assert.equal((await admin.patch(`/api/v3/policies/expression/${policy.pk}/`, { expression: 'return False' })).status, 200)
  assert.equal((await evaluateEach(ctx, [policy.pk], { user: null, context: {} })).passing, false)
})

test('a text that is no Python is refused; one that cannot run in full is saved with a warning', async () => {
  const { admin } = await server()
  const wrong = await admin.post('/api/v3/policies/expression/', { name: unique('p'), expression: 'if True\n  return' })
  assert.equal(wrong.status, 400)
  assert.match(wrong.body.expression[0], /^Expression Syntax Error: .*line 1, column \d+/)
  const odd = await admin.post('/api/v3/policies/expression/', {
    name: unique('p'),
    expression: 'import ldap3\nfrom authentik.core.models import Nonsense\nreturn open("x")',
  })
  assert.equal(odd.status, 201)
  assert.match(
    String(odd.headers['x-signet-warning']),
    /line 1: module 'ldap3' is not available.*'Nonsense' of module 'authentik\.core\.models' is not available/,
  )
  const fine = await admin.patch(`/api/v3/policies/expression/${odd.body.pk}/`, {
    expression: 'from authentik.core.models import User\nreturn User.objects.exists()',
  })
  assert.equal(fine.headers['x-signet-warning'], undefined)
  assert.equal((await admin.patch(`/api/v3/policies/expression/${odd.body.pk}/`, { expression: 'return (' })).status, 400)
  const long = await admin.post('/api/v3/policies/expression/', { name: unique('p'), expression: `x = "${'a'.repeat(70_000)}"` })
  assert.equal(long.status, 400)
})

test('trying a policy takes the right to change it, and records nothing', async () => {
  const { admin, client, ctx } = await server()
  const user = await aUser(ctx)
  const policy = await aPolicy(
    'ak_logger.info("line", n=1)\nak_message(context["word"])\nreturn request.debug and request.http_request.method == "POST" and request.user.username == context["who"]',
  )
  const path = `/api/v3/policies/all/${policy.pk}/test/`
  const body = { user: user.id, context: { word: 'hello', who: user.username } }
  const done = await admin.post(path, body)
  assert.equal(done.status, 200, done.text)
  assert.equal(done.body.passing, true)
  assert.deepEqual(done.body.messages, ['hello'])
  assert.equal(done.body.log_messages[0].event, 'line')
  assert.equal(done.body.log_messages[0].log_level, 'info')
  const failing = await admin.post(path, { user: user.id })
  assert.deepEqual([failing.body.passing, failing.body.messages], [false, ["'word'"]])
  assert.deepEqual(await eventsOf(ctx, 'policy_exception', policy.name), [])
  assert.equal((await admin.post(path, { user: 999_999 })).status, 400)

  const viewer = await aUser(ctx)
  await aRole(ctx, viewer, [
    'authentik_policies.view_policy',
    'authentik_policies_expression.view_expressionpolicy',
    'authentik_core.view_user',
  ])
  assert.equal((await client(await aToken(ctx, viewer)).post(path, body)).status, 403)
  const editor = await aUser(ctx)
  await aRole(ctx, editor, ['authentik_policies_expression.change_expressionpolicy', 'authentik_core.view_user'])
  assert.equal((await client(await aToken(ctx, editor)).post(path, body)).status, 200)
  await aRole(ctx, viewer, ['authentik_policies_expression.change_expressionpolicy'])
  const blind = await aUser(ctx)
  await aRole(ctx, blind, ['authentik_policies_expression.change_expressionpolicy'])
  assert.equal((await client(await aToken(ctx, blind)).post(path, body)).status, 400)
  assert.equal((await client().post(path, body)).status, 403)
})

test('the list of all policies knows their kinds; what is remembered can be forgotten', async () => {
  const { admin } = await server()
  const policy = await aPolicy('return True')
  const listed = await admin.get(`/api/v3/policies/all/?search=${policy.name}`)
  assert.equal(listed.body.results[0].component, 'ak-policy-expression-form')
  assert.equal(listed.body.results[0].meta_model_name, 'authentik_policies_expression.expressionpolicy')
  const types = await admin.get('/api/v3/policies/all/types/')
  assert.ok(types.body.some((type: Row) => type.model_name === 'expressionpolicy'))
  assert.equal((await admin.post('/api/v3/policies/all/cache_clear/')).status, 204)
  assert.deepEqual((await admin.get('/api/v3/policies/all/cache_info/')).body, { count: 0 })
  assert.equal((await admin.delete(`/api/v3/policies/all/${policy.pk}/`)).status, 204)
  assert.equal((await admin.get(`/api/v3/policies/expression/${policy.pk}/`)).status, 404)
})
