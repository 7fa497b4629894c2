import { timeOrderedUuid } from '../../lib/random.ts'
/** What the functions of expressions ask of the program: policies, events, tokens, mail, names of hosts. */
import { Resolver } from 'node:dns/promises'
import { isIP } from 'node:net'
import type { Row } from '../../api/model.ts'
import { findObject } from '../../api/store.ts'
import { currentBrand } from '../../core/brand/model.ts'
import { systemSettings } from '../../core/settings.ts'
import { commitTogether } from '../../db/planned-write.ts'
import { recordEvent } from '../../events/record.ts'
import { parseDuration } from '../../lib/duration.ts'
import { LruMap } from '../../lib/lru.ts'
import { issuerOf } from '../../providers/oauth2/addresses.ts'
import { accessTokenClaims, idTokenClaims } from '../../providers/oauth2/claims/claims.ts'
import { clientOfProvider } from '../../providers/oauth2/client/client.ts'
import { tokenWrites } from '../../providers/oauth2/token/issue.ts'
import { machineFacts } from '../../providers/oauth2/claims/sign-in-facts.ts'
import { askPolicy } from '../../policies/ask.ts'
import { EMAIL_STAGE, queueMail } from '../../mail/queue.ts'
import { templateExists } from '../../mail/templates.ts'
import { raise } from '../errors.ts'
import { fromJson, toJson } from '../json.ts'
import { PyList } from '../values.ts'
import type { Kwargs, Value, PyDict } from '../values.ts'
import { describe } from '../../flows/describe.ts'
import { queueText } from './mail-job.ts'
import { ModelObject } from './object.ts'
import { nodeOf } from './q.ts'
import { startQuery } from './queryset.ts'
import { Facts } from './request.ts'
import type { Operation, Scope } from './scope.ts'
import { storeOperations } from './store.ts'

/** Policies that may call each other in a row. */
const MOST_CALLS = 10

async function callPolicy(scope: Scope, { name, kwargs }: { name: Value; kwargs: Kwargs }): Promise<Value> {
  const { asked, question, conversion } = scope
  if (!question) return raise('RuntimeError', 'only policies can call policies')
  const base = await asked.db.selectFrom('policy').select(['policy_uuid', 'kind']).where('name', '=', String(name)).executeTakeFirst()
  const kind = base && asked.registry.policyKinds.find(({ model }) => model.label === base.kind)
  const row = kind && (await findObject(asked, kind.model, base.policy_uuid))
  if (!row) return raise('ValueError', `Policy '${String(name)}' not found.`)
  if (scope.callers.length >= MOST_CALLS || scope.callers.includes(String(row.policy_uuid)))
    return raise('RecursionError', `policies call each other: ${String(name)}`)
  const context = conversion.dict(question.context)
  for (const [key, value] of kwargs) if (key !== 'name') context.entries.set(key, { key, value })
  conversion.finish()
  const before = new Map(Object.entries(question.context))
  const caller = { ...asked.caller, expression: { ...scope.source, callers: [...scope.callers, String(row.policy_uuid)] } }
  const answer = await askPolicy({ ...asked, caller }, { kind, row, policy: kind.prepare(row) }, { ...question }, 0)
  for (const [key, value] of Object.entries(question.context)) {
    if (before.get(key) !== value) context.entries.set(key, { key, value: conversion.enter(value) })
  }
  return new Facts('PolicyResult', 'authentik.policies.types', {
    passing: () => !answer.failed && answer.passing,
    messages: () => new PyList([...answer.messages]),
    raw_result: () => (answer.failed ? null : fromJson(answer.raw ?? answer.passing)),
  })
}

async function createEvent(scope: Scope, { action, kwargs }: { action: Value; kwargs: Kwargs }): Promise<null> {
  if (typeof action !== 'string' || action === '') return raise('TypeError', 'the action of an event is a str')
  const given = Object.fromEntries(
    [...kwargs].filter(([name]) => name !== 'action').map(([name, value]) => [name, describe(scope.conversion.leave(value))]),
  )
  const user = scope.asked.caller.user ?? scope.question?.user
  await recordEvent(
    scope.asked,
    `custom_${action.replace(/^custom_/, '')}`,
    { ...(describe(scope.variables()) as Row), ...given },
    user ? { user } : {},
  )
  return null
}

/** The provider that an object or a name stands for. */
async function clientFor(scope: Scope, provider: Value) {
  const id =
    provider instanceof ModelObject
      ? provider.key
      : (await scope.ctx.db.selectFrom('provider').select('id').where('name', '=', String(provider)).executeTakeFirst())?.id
  const client = typeof id === 'number' ? await clientOfProvider(scope.ctx, id) : undefined
  return client ?? raise('ValueError', 'there is no such OAuth2 provider')
}

const lifetime = (validity: Value): number => {
  try {
    return parseDuration(String(validity))
  } catch {
    return raise('ValueError', `${String(validity)} is not in the correct format of 'hours=3;minutes=1'.`)
  }
}

async function createJwt(
  scope: Scope,
  { user, provider, scopes, validity }: { user: ModelObject; provider: Value; scopes: Value[]; validity: Value },
): Promise<Value> {
  const { ctx } = scope
  if (ctx.request === null) return null
  const client = await clientFor(scope, provider)
  const expires = new Date(ctx.now().getTime() + lifetime(validity))
  const facts = machineFacts(ctx.now())
  const names = scopes.map(String)
  const claims = await idTokenClaims(ctx, client, { user: user.row, scopes: names, facts, nonce: null, expires })
  const family = timeOrderedUuid(ctx.now(), ctx.randomBytes)
  const access = await client.signer.sign(accessTokenClaims(ctx, client, claims, names, family))
  const authorization = {
    user: user.row,
    scopes: names,
    asking: null,
    facts,
    nonce: null,
    session_hash: null,
    family,
    idToken: false,
    refresh: undefined,
  }
  const tokens = {
    bound: {},
    lifetime: lifetime(validity),
    claims,
    access,
    id: undefined,
    refresh: undefined,
    expires,
    refreshExpires: expires,
  }
  await commitTogether(ctx, tokenWrites(client, authorization, tokens))
  return access
}

async function createRawJwt(
  scope: Scope,
  { provider, validity, claims }: { provider: Value; validity: Value; claims: PyDict },
): Promise<Value> {
  const { ctx } = scope
  if (ctx.request === null) return null
  const client = await clientFor(scope, provider)
  const now = Math.floor(ctx.now().getTime() / 1000)
  return client.signer.sign({
    iss: issuerOf(ctx, client),
    aud: client.client_id,
    iat: now,
    exp: now + Math.floor(lifetime(validity) / 1000),
    ...(toJson(claims) as Row),
  })
}

type MailRequest = {
  to: string[]
  cc: string[]
  bcc: string[]
  subject: string
  body: string | null
  template: string | null
  stage: Value
  context: Value
}

async function sendMail(scope: Scope, { to, cc, bcc, subject, body, template, stage, context }: MailRequest): Promise<boolean> {
  const { ctx } = scope
  if (to.length === 0) return raise('ValueError', 'ak_send_email: nobody to send to')
  // A line break in a head field would begin another one.
  for (const text of [...to, ...cc, ...bcc, subject])
    if (/[\r\n]/.test(text)) return raise('ValueError', 'addresses and subjects have no line breaks')
  if (stage !== null && !(stage instanceof ModelObject && stage.model.label === EMAIL_STAGE))
    return raise('TypeError', 'ak_send_email: stage is an email stage')
  const by = stage === null ? null : String(stage.key)
  if (template === null) {
    await queueText(ctx, { to, cc, bcc, subject, text: body!, stage: by }, scope.source.name)
    return true
  }
  if (!(await templateExists(ctx, template))) return raise('ValueError', `ak_send_email: there is no template ${template}`)
  const given = context === null ? {} : (describe(scope.conversion.leave(context)) as Row)
  const variables = { ...(describe(scope.variables()) as Row), ...given }
  await queueMail(ctx, { to, cc, bcc, subject, template, variables, stage: by, until: null, user: null })
  return true
}

type Memory = LruMap<string, string[]>
const memories = new WeakMap<() => Date, { forward: Memory; reverse: Memory }>()
const THREE_MINUTES = 180_000 // ms

const memoryOf = (now: () => Date) => {
  let memory = memories.get(now)
  if (!memory)
    memories.set(
      now,
      (memory = {
        forward: new LruMap({ max: 1000, ttlMs: THREE_MINUTES, now }),
        reverse: new LruMap({ max: 1000, ttlMs: THREE_MINUTES, now }),
      }),
    )
  return memory
}

const resolver = () => new Resolver({ timeout: 2_000, tries: 1 })

/** Addresses of a host; none when it cannot be resolved. */
async function resolveHost(host: string, version: Value): Promise<string[]> {
  if (isIP(host)) return [host]
  const dns = resolver()
  const found = await Promise.allSettled([version === 6 ? [] : dns.resolve4(host), version === 4 ? [] : dns.resolve6(host)])
  return found.flatMap(one => (one.status === 'fulfilled' ? one.value : []))
}

/** Kinds of authenticators are the models that are named so. */
const deviceModels = (scope: Scope, type: string | null) =>
  [...scope.classes.byLabel.values()].filter(
    ({ model }) =>
      /^authentik_stages_authenticator_\w+$/.test(model.app) &&
      model.modelName.endsWith('device') &&
      (type === null || model.app === `authentik_stages_authenticator_${type}`),
  )

async function devicesOf(scope: Scope, user: unknown, type: string | null, confirmed: boolean): Promise<Value[]> {
  const devices: Value[] = []
  for (const own of deviceModels(scope, type)) {
    const filters: [string, Value][] = [
      ['user', user as Value],
      ...(confirmed && own.field('confirmed') ? [['confirmed', true] as [string, Value]] : []),
    ]
    const list = (await storeOperations['query.fetch']!(scope, {
      query: { ...startQuery(own), node: nodeOf([], new Map(filters)) },
    })) as PyList
    devices.push(...list.items)
  }
  return devices
}

export const programOperations: Readonly<Record<string, Operation>> = {
  'policy.call': callPolicy,
  'event.create': createEvent,
  'jwt.create': createJwt,
  'jwt.raw': createRawJwt,
  'mail.queue': sendMail,
  'user.by': async (scope, { filters }: { filters: Kwargs }) => {
    const query = { ...startQuery(scope.classes.byLabel.get('authentik_core.user')!), node: nodeOf([], filters), order: ['pk'], limit: 1 }
    const list = (await storeOperations['query.fetch']!(scope, { query })) as PyList
    return list.items[0] ?? null
  },
  'user.is_member': (scope, { user, filters }: { user: ModelObject; filters: Kwargs }) => {
    const origin = user.stored ? ({ kind: 'groups_of', user: user.key as number } as const) : ({ kind: 'nothing' } as const)
    return storeOperations['query.exists']!(scope, {
      query: { ...startQuery(scope.classes.byLabel.get('authentik_core.group')!, origin), node: nodeOf([], filters) },
    })
  },
  'user.has_device': async (scope, { user, type }: { user: unknown; type: string | null }) =>
    (await devicesOf(scope, user, type, true)).length > 0,
  'user.devices': async (scope, { user, confirmed }: { user: unknown; confirmed: boolean }) =>
    new PyList(await devicesOf(scope, user, null, confirmed)),
  'dns.resolve': async (scope, { host, version }: { host: string; version: Value }) => {
    const { forward } = memoryOf(scope.ctx.now)
    const key = `${host} ${String(version)}`
    const found = forward.get(key) ?? (await resolveHost(host, version))
    forward.set(key, found)
    return new PyList([...found])
  },
  'dns.reverse': async (scope, { ip }: { ip: string }) => {
    if (!isIP(ip)) return ip
    const { reverse } = memoryOf(scope.ctx.now)
    const found =
      reverse.get(ip) ??
      (await resolver()
        .reverse(ip)
        .catch(() => []))
    reverse.set(ip, found)
    return found[0] ?? ip
  },
  'request.brand': async scope => {
    const brand = await currentBrand(scope.asked)
    const row = scope.classes.byLabel.get('authentik_brands.brand')
    const stored = row && (await findObject(scope.ctx, row.model, brand.matched_domain, 'domain'))
    if (stored) return scope.conversion.object('authentik_brands.brand', stored)
    return new Facts(
      'Brand',
      'authentik.brands.models',
      { domain: () => brand.matched_domain, branding_title: () => brand.title, attributes: () => fromJson(brand.attributes) },
      brand.matched_domain,
    )
  },
  'request.tenant': async scope => {
    const settings = await systemSettings(scope.ctx)
    return new Facts(
      'Tenant',
      'authentik.tenants.models',
      Object.fromEntries(Object.entries(settings).map(([name, value]) => [name, () => fromJson(value)])),
      'Tenant',
    )
  },
  'program.install_id': scope => scope.ctx.installId,
}
