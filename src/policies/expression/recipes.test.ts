import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { parse } from 'yaml'
import { aGroup, aUser, unique } from '../../../test/builders.ts'
import { server } from '../../../test/harness.ts'
import type { Row } from '../../api/model.ts'
import type { Ctx, RequestInfo } from '../../context.ts'
import { User } from '../../core/people.ts'
import { asObject } from '../../flows/objects.ts'
import { Plan } from '../../flows/plan.ts'
import { runMapping } from '../../mappings/evaluate.ts'
import { expressionKind } from './policy.ts'

/** Asks a text as it stands, as a policy of this name. */
const ask = (ctx: Ctx, name: string, expression: string, request: { user: Row | null; context?: Row }) =>
  expressionKind
    .prepare({ policy_uuid: ctx.uuid(), name, expression, execution_logging: false })
    .evaluate(ctx, { context: {}, object: null, debug: false, ...request }, { timeout: 5_000 })

const requestTo = (host: string): RequestInfo => ({
  id: 'r',
  method: 'GET',
  path: '/outpost.goauthentik.io/auth/traefik',
  query: '',
  clientIp: '10.0.0.9',
  userAgent: 'x',
  origin: `https://${host}`,
  host,
  headers: { host },
})

const planOf = (ctx: Ctx, context: Row): { plan: Plan; context: Row } => {
  const plan = new Plan({ flow_uuid: ctx.uuid(), slug: 'f' }, [], context)
  return { plan, context: { ...plan.context, flow_plan: plan } }
}

const groupNames = async (ctx: Ctx, user: Row) =>
  (
    await ctx.db
      .selectFrom('user_group')
      .innerJoin('group', 'group.group_uuid', 'user_group.group')
      .select('name')
      .where('user', '=', user.id as number)
      .orderBy('name')
      .execute()
  ).map(row => row.name)

test('a mail goes out when an invitation with an address is made', async () => {
  const { ctx } = await server()
  const expression = `
event = request.context.get("event")
if event is None or event.get("action") != "model_created":
    return False
model = event["context"]["model"]
if model["model_name"] != "invitation":
    return False
data = event["context"].get("fixed_data", {})
if not data.get("email"):
    ak_logger.info("invitation without an address", invitation=model["name"])
    return False
link = f"https://id.example.test/if/flow/invitation-enrollment/?itoken={model['pk']}"
return ak_send_email(data["email"], subject="You've been invited to join Example", body=f"Hello {data.get('name', 'there')},\\n\\nuse this link: {link}\\n")
`
  const name = unique('invitation-email-sender')
  const event = (fixed_data: Row) => ({
    action: 'model_created',
    client_ip: '10.0.0.1',
    context: { model: { app: 'authentik_stages_invitation', model_name: 'invitation', pk: 'abc', name: 'jane' }, fixed_data },
  })
  assert.equal(
    (await ask(ctx, name, expression, { user: null, context: { event: event({ name: 'Jane', email: 'jane@example.test' }) } })).passing,
    true,
  )
  assert.equal((await ask(ctx, name, expression, { user: null, context: { event: event({ name: 'Jane' }) } })).passing, false)
  assert.equal((await ask(ctx, name, expression, { user: null })).passing, false)
  const tasks = await ctx.db.selectFrom('task').select('args').where('uid', '=', name).execute()
  assert.equal(tasks.length, 1)
  const { to, text } = JSON.parse(ctx.secrets.open((tasks[0]!.args as { sealed: string }).sealed)) as { to: string[]; text: string }
  assert.deepEqual(
    [to, text],
    [['jane@example.test'], 'Hello Jane,\n\nuse this link: https://id.example.test/if/flow/invitation-enrollment/?itoken=abc\n'],
  )
})

test('an invitation is looked up by what its event says of it', async () => {
  const { ctx, admin } = await server()
  const name = unique('invite')
  const made = await admin.post('/api/v3/stages/invitation/invitations/', {
    name,
    single_use: true,
    fixed_data: { name: 'Jane', email: `${name}@example.test` },
    expires: new Date(Date.now() + 86_400_000).toISOString(),
  })
  assert.equal(made.status, 201, made.text)
  const event = (await ctx.db.selectFrom('event').selectAll().where('action', '=', 'model_created').execute()).find(
    row => ((row.context as Row).model as Row).name === name,
  )!
  const expression = `
from authentik.stages.invitation.models import Invitation
event = request.context["event"]
if event.action != "model_created" or event.context["model"]["model_name"] != "invitation":
    return False
invitation = Invitation.objects.get(pk=event.context["model"]["pk"])
address = invitation.fixed_data.get("email")
if not address or Invitation.objects.filter(fixed_data__email=address).count() != 1:
    return False
ak_message(f"{address} {invitation.pk} {invitation.name} {invitation.single_use} {invitation.expires.year > 2000}")
return ak_send_email(address, "You've been invited", body=f"https://id.example.test/if/flow/x/?itoken={invitation.pk}")
`
  const { Event } = await import('../../events/event.ts')
  const answer = await ask(ctx, unique('sender'), expression, { user: null, context: { event: asObject(Event, event as Row) } })
  assert.deepEqual([answer.passing, answer.messages], [true, [`${name}@example.test ${made.body.pk} ${name} True True`]])
})

test('groups named in the prompt data are joined, unknown ones are noted', async () => {
  const { ctx, logged } = await server()
  const [one, two] = [await aGroup(ctx), await aGroup(ctx)]
  const expression = `
from authentik.core.models import Group
names = request.context.get("prompt_data", {}).get("groups", [])
if isinstance(names, str):
    names = [n.strip() for n in names.split(",") if n.strip()]
user = request.context["flow_plan"].context.get("pending_user")
if not names or user is None:
    return True
found = list(Group.objects.filter(name__in=names))
missing = set(names) - {g.name for g in found}
if missing:
    ak_logger.warning("unknown groups", names=sorted(missing))
for group in found:
    user.ak_groups.add(group)
return True
`
  for (const groups of [[one.name, two.name, 'no such group'], `${String(one.name)}, ${String(two.name)}`]) {
    const user = await aUser(ctx)
    const { context } = planOf(ctx, { pending_user: asObject(User, user), prompt_data: { groups } })
    const answer = await ask(ctx, 'invitation-group-assignment', expression, { user, context })
    assert.deepEqual([answer.passing, answer.messages], [true, []])
    assert.deepEqual(new Set(await groupNames(ctx, user)), new Set([one.name, two.name]))
  }
  assert.ok(logged.some(line => line.msg === 'unknown groups'))
  // Asked before anything was typed in, there are no groups to join.
  const early = await aUser(ctx)
  assert.equal(
    (
      await ask(ctx, 'invitation-group-assignment', expression, {
        user: early,
        context: planOf(ctx, { pending_user: asObject(User, early) }).context,
      })
    ).passing,
    true,
  )
  assert.deepEqual(await groupNames(ctx, early), [])
})

test('an avatar is kept when it is a picture, taken away on demand and refused otherwise', async () => {
  const { ctx } = await server()
  const expression = `
import base64
data = request.context["prompt_data"]
upload = data.pop("avatar_upload", None)
reset = data.pop("avatar_reset", False)
user = request.user
if reset:
    user.attributes.pop("avatar", None)
    user.save()
    return True
if not upload:
    return True
head, _, body = upload.partition(",")
mime = head.removeprefix("data:").split(";")[0]
if mime not in ("image/png", "image/jpeg", "image/webp"):
    ak_message("Only PNG, JPEG and WebP pictures are accepted.")
    return False
if len(base64.b64decode(body)) > 1_000_000:
    ak_message("The picture is too large.")
    return False
user.attributes["avatar"] = upload
user.save()
return True
`
  const user = await aUser(ctx, { attributes: { other: 1 } })
  const attributes = async () =>
    (
      await ctx.db
        .selectFrom('user')
        .select('attributes')
        .where('id', '=', user.id as number)
        .executeTakeFirstOrThrow()
    ).attributes
  const fresh = async () => ({ ...user, attributes: await attributes() })
  const run = async (prompt_data: Row) => ask(ctx, 'avatar', expression, { user: await fresh(), context: { prompt_data } })
  const picture = `data:image/png;base64,${Buffer.alloc(700_000, 7).toString('base64')}`
  const data: Row = { avatar_upload: picture, avatar_reset: false, name: 'N' }
  assert.deepEqual(await run(data).then(({ passing, messages }) => [passing, messages]), [true, []])
  assert.deepEqual(data, { name: 'N' })
  assert.deepEqual(await attributes(), { other: 1, avatar: picture })
  const refused = await run({ avatar_upload: 'data:text/html;base64,PGI+' })
  assert.deepEqual([refused.passing, refused.messages], [false, ['Only PNG, JPEG and WebP pictures are accepted.']])
  assert.equal((await run({ avatar_upload: '' })).passing, true)
  assert.deepEqual(await attributes(), { other: 1, avatar: picture })
  assert.equal((await run({ avatar_reset: true })).passing, true)
  assert.deepEqual(await attributes(), { other: 1 })
})

test('the group that an invitation names is joined at the end of enrolment', async () => {
  const { ctx } = await server()
  const group = await aGroup(ctx)
  const expression = `
from authentik.core.models import Group
plan = request.context["flow_plan"].context
invitation = plan.get("invitation")
name = None
if invitation:
    name = invitation.fixed_data.get("group") if hasattr(invitation, "fixed_data") else invitation["fixed_data"].get("group")
name = name or plan.get("prompt_data", {}).get("group")
if not name:
    return True
try:
    group = Group.objects.get(name=name)
except Group.DoesNotExist:
    ak_logger.error(f"group {name} does not exist")
    return True
user = plan["pending_user"]
user.groups.add(group)
user.save()
return True
`
  for (const where of [{ invitation: { fixed_data: { group: group.name } } }, { prompt_data: { group: group.name } }]) {
    const user = await aUser(ctx)
    assert.equal(
      (
        await ask(ctx, 'invitation-group', expression, {
          user,
          context: planOf(ctx, { pending_user: asObject(User, user), ...where }).context,
        })
      ).passing,
      true,
    )
    assert.deepEqual(await groupNames(ctx, user), [group.name])
  }
  const user = await aUser(ctx)
  assert.equal(
    (
      await ask(ctx, 'invitation-group', expression, {
        user,
        context: planOf(ctx, { pending_user: asObject(User, user), prompt_data: { group: 'nowhere' } }).context,
      })
    ).passing,
    true,
  )
})

test('some hosts are for some groups', async () => {
  const { ctx } = await server()
  const [admins, cluster] = [
    await aGroup(ctx, { name: unique('Server Admins') }),
    await aGroup(ctx, { name: unique('kubernetes-viewers') }),
  ]
  const expression = `
host = request.http_request.headers.get("X-Forwarded-Host") or request.http_request.get_host()
host = host.split(":")[0].lower()
restricted = {"proxmox.example.test", "nas.example.test", "k8s.example.test"}
if host not in restricted:
    return True
if ak_is_group_member(request.user, name="${String(admins.name)}"):
    return True
if host == "k8s.example.test" and any(g.name.startswith("kubernetes-") for g in request.user.all_groups()):
    return True
ak_message(f"You may not open {host}.")
return False
`
  const people = {
    admin: await aUser(ctx, { groups: [admins.group_uuid] }),
    cluster: await aUser(ctx, { groups: [cluster.group_uuid] }),
    plain: await aUser(ctx),
  }
  const expected: [keyof typeof people, string, boolean][] = [
    ['admin', 'nas.example.test', true],
    ['admin', 'k8s.example.test', true],
    ['admin', 'wiki.example.test', true],
    ['cluster', 'nas.example.test', false],
    ['cluster', 'k8s.example.test', true],
    ['cluster', 'wiki.example.test', true],
    ['plain', 'NAS.example.test:443', false],
    ['plain', 'k8s.example.test', false],
    ['plain', 'wiki.example.test', true],
  ]
  for (const [who, host, passing] of expected) {
    const answer = await ask({ ...ctx, request: requestTo(host) }, 'admin-services-restriction', expression, { user: people[who] })
    assert.equal(answer.passing, passing, `${who} ${host}: ${answer.messages.join()}`)
  }
})

test('common recipes: unique addresses, allowed domains, e-mail as username, groups from a provider of identities', async () => {
  const { ctx } = await server()
  const mark = unique('recipe')
  const user = await aUser(ctx, { username: mark, email: `${mark}@example.test` })
  const uniqueMail = `
from authentik.core.models import User
email = request.context["prompt_data"]["email"]
query = User.objects.filter(email__iexact=email)
if request.context.get("pending_user"):
    query = query.exclude(username=request.context["pending_user"].username)
if query.exists():
    ak_message("Email address in use")
    return False
return True
`
  const mail = { prompt_data: { email: `${mark.toUpperCase()}@EXAMPLE.test` } }
  assert.deepEqual((await ask(ctx, 'u', uniqueMail, { user: null, context: mail })).messages, ['Email address in use'])
  assert.equal((await ask(ctx, 'u', uniqueMail, { user, context: { ...mail, pending_user: asObject(User, user) } })).passing, true)
  const emailAsName: Row = { prompt_data: { email: 'a@b.c' }, is_sso: true }
  assert.equal(
    (
      await ask(ctx, 'e', 'context["prompt_data"]["username"] = context["prompt_data"]["email"]\nreturn False', {
        user: null,
        context: emailAsName,
      })
    ).passing,
    false,
  )
  assert.deepEqual(emailAsName.prompt_data, { email: 'a@b.c', username: 'a@b.c' })
  const domains =
    'allowed = ["example.test"]\ndomain = context["prompt_data"]["email"].split("@")[-1]\nif domain in allowed:\n    return ak_is_sso_flow\nak_message("Unknown domain")\nreturn False'
  assert.deepEqual((await ask(ctx, 'd', domains, { user: null, context: { ...emailAsName } })).messages, ['Unknown domain'])
  assert.deepEqual(
    await runMapping(
      ctx,
      {
        pm_uuid: ctx.uuid(),
        name: 'src',
        expression: `
return {
    "username": info["login"].casefold(),
    "attributes": {"teams": [t["name"] for t in info.get("teams", []) if t.get("active", True)]},
    "name": list_flatten(info.get("names")),
}`,
      },
      { user: null, variables: { info: { login: 'ADA', teams: [{ name: 'x' }, { name: 'y', active: false }], names: ['Ada', 'A.'] } } },
    ),
    { username: 'ada', attributes: { teams: ['x'] }, name: 'Ada' },
  )
})

type Entry = { model: string; attrs?: { expression?: string; name?: string }; identifiers?: { name?: string } }
const blueprintPolicies = (file: string): Map<string, string> => {
  const { entries } = parse(readFileSync(`blueprints/default/${file}`, 'utf8'), { logLevel: 'silent' }) as { entries: Entry[] }
  return new Map(
    entries.flatMap(({ model, attrs, identifiers }) =>
      model === 'authentik_policies_expression.expressionpolicy' ? [[identifiers!.name!, attrs!.expression!] as const] : [],
    ),
  )
}

test('the policies of the default flows run as they stand', async () => {
  const { ctx } = await server()
  const user = await aUser(ctx, { name: 'Old', attributes: { 'goauthentik.io/user/can-change-username': true } })
  const signIn = blueprintPolicies('flow-default-authentication-flow.yaml')
  const password = signIn.get('default-authentication-flow-password-stage')!
  for (const [backend, passing] of [
    [undefined, true],
    ['authentik.core.auth.InbuiltBackend', false],
  ] as const) {
    const { context } = planOf(ctx, { pending_user: { ...asObject(User, user), ...(backend && { backend }) } })
    const answer = await ask(ctx, 'p', password, { user, context })
    assert.deepEqual([answer.passing, answer.failed], [passing, undefined])
  }
  const mfa = signIn.get('default-authentication-flow-authenticator-validate-stage')!
  assert.equal((await ask(ctx, 'm', mfa, { user, context: planOf(ctx, { auth_method: 'auth_webauthn_pwl' }).context })).passing, false)
  assert.equal((await ask(ctx, 'm', mfa, { user, context: planOf(ctx, {}).context })).passing, true)

  const [guard] = [...blueprintPolicies('flow-default-user-settings-flow.yaml').values()]
  const browser = { ...ctx, request: requestTo('id.example.test') }
  const settings = async (prompt_data: Row) => ask(browser, 'g', guard!, { user, context: { prompt_data } })
  assert.deepEqual((await settings({ name: 'New', username: 'new' })).messages, [])
  assert.deepEqual((await settings({ email: 'other@example.test' })).messages, ['Not allowed to change email address.'])

  const setup = blueprintPolicies('flow-oobe.yaml')
  const names = [...setup.keys()]
  for (const name of names) {
    const { context, plan } = planOf(ctx, {})
    const answer = await ask(ctx, name, setup.get(name)!, { user: null, context })
    assert.equal(answer.failed, undefined, `${name}: ${answer.messages.join()}`)
    if (name === 'default-oobe-prefill-user' && answer.passing) assert.equal((plan.context.pending_user as Row).username, 'akadmin')
  }
})
