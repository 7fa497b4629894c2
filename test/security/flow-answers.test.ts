import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { URI } from 'otpauth'
import type { Ctx } from '../../src/context.ts'
import { registry } from '../../src/registry.ts'
import { solve } from '../../web/flow/proof-of-work.ts'
import { Authenticator } from '../authenticator.ts'
import { aUser } from '../builders.ts'
import { component as contractSchema } from '../contract/schema.ts'
import { aFlow, aForm, aStage, FlowVisitor, type Bound, type Shown } from '../flows.ts'
import { DUO_AUTH, duoServer } from '../duo.ts'
import { ownServer } from '../harness.ts'
import { receiver } from '../http-receiver.ts'
import { codeIn } from '../codes.ts'

/**
 * Abuse case 35, over every kind of stage that the program has: nothing but the right answer, in the browser whose turn it is, moves a
 * flow on. The flow behind each is `before → stage under test → dummy`; reaching the dummy is having advanced.
 *
 * A new kind of stage needs an entry under its table's name without `stage_`. Most of it can be left out:
 * - `{ right: challenge => ({ code: … }) }` is enough for a stage that asks a person who was identified by password;
 * - `{ right: null }` for one that no answer leads past (the link of a mail does, say);
 * - `{ silent: true }` for one that never asks.
 */

const { app, clock, ctx } = await ownServer({ SIGNET_OUTGOING_ALLOW: '127.0.0.1' })
const texts = await receiver(() => ({}))
const duo = await duoServer(ctx.now)
after(() => Promise.all([texts.close(), duo.close()]))

type Body = Record<string, unknown>
type Answering = (challenge: Shown, ctx: Ctx) => Body | Promise<Body>

type Case = {
  /** What stands before the stage, and the answers that lead through it. Default: a person with the password `right`. */
  before?: Bound[]
  lead?: (ctx: Ctx) => Promise<(Body | Answering)[]>
  /** Default: the least that is valid, by `aStage`. */
  stage?: (ctx: Ctx) => Promise<Record<string, unknown>>
  /** Default: `ak-stage-` and the kind. */
  component?: string
  /**
   * Bodies that lack something or hold something wrong. Beside them, each field that the contract knows is sent empty, null and with
   * values of other kinds, unless `empty` says that nothing is asked for.
   */
  wrong?: unknown[]
  /** An answer without any field is the right one. */
  empty?: true
  /** ms to wait before the right answer, where wrong ones are counted and too many of them close the way for a while. */
  patience?: number
  /** A right answer, given the challenge; null when there is none. */
  right: Answering | null
}
/** Never asks anything, so that no answer is even read. */
type Silent = { silent: true; before?: Bound[]; lead?: (ctx: Ctx) => Promise<(Body | Answering)[]> }

const someone = async (ctx: Ctx) => [{ uid_field: (await aUser(ctx, { password: 'right' })).username }]

/** The code of the mail that was queued last. */
async function lastCode(ctx: Ctx): Promise<string> {
  const { args } = await ctx.db
    .selectFrom('task')
    .select('args')
    .where('uid', '=', 'email/email_otp.html')
    .orderBy('created', 'desc')
    .limit(1)
    .executeTakeFirstOrThrow()
  const mail = JSON.parse(ctx.secrets.open((args as { sealed: string }).sealed)) as { variables: { token: string } }
  return mail.variables.token
}

/** Codes on paper that the person of `authenticator_validate` was given. */
let codes: string[] = []

const CASES: Record<string, Case | Silent> = {
  identification: {
    stage: ctx => aStage(ctx, 'identification', { pretend_user_exists: false }),
    component: 'ak-stage-identification',
    wrong: [
      {},
      { uid_field: '' },
      { uid_field: null },
      { uid_field: ' ' },
      { uid_field: {} },
      { uid_field: 'nobody' },
      { unknown: 'test-admin' },
      { password: 'x' },
    ],
    right: () => ({ uid_field: 'test-admin' }),
  },
  password: {
    before: ['identification'],
    lead: someone,
    stage: ctx => aStage(ctx, 'password', { failed_attempts_before_cancel: 100 }),
    component: 'ak-stage-password',
    wrong: [
      {},
      { password: '' },
      { password: null },
      { password: ['right'] },
      { password: 'wrong' },
      { passwort: 'right' },
      { password: 'right ' },
    ],
    right: () => ({ password: 'right' }),
  },
  user_login: {
    before: ['identification', 'password'],
    lead: async ctx => [...(await someone(ctx)), { password: 'right' }],
    stage: ctx => aStage(ctx, 'user_login', { remember_me_offset: 'days=1' }),
    component: 'ak-stage-user-login',
    wrong: [{}, { remember_me: null }, { remember_me: 'perhaps' }, { remember: true }],
    right: () => ({ remember_me: true }),
  },
  prompt: {
    stage: ctx =>
      aForm(ctx, [
        { field_key: 'word', type: 'text' },
        { field_key: 'number', type: 'number' },
      ]),
    component: 'ak-stage-prompt',
    wrong: [{}, { word: 'a' }, { word: '', number: 1 }, { word: 'a', number: 'b' }, { word: null, number: 1 }, { wort: 'a', number: 1 }],
    right: () => ({ word: 'a', number: 1 }),
  },
  consent: {
    stage: ctx => aStage(ctx, 'consent', { mode: 'always_require' }),
    component: 'ak-stage-consent',
    wrong: [{}, { token: '' }, { token: null }, { token: 'guess' }, { token: true }, { tokens: 'x' }],
    right: ({ token }) => ({ token }),
  },
  authenticator_webauthn: {
    before: ['identification'],
    lead: someone,
    stage: ctx => aStage(ctx, 'authenticator_webauthn'),
    component: 'ak-stage-authenticator-webauthn',
    wrong: [
      {},
      { response: null },
      { response: 'x' },
      { response: {} },
      { response: { id: 'x', rawId: 'x', type: 'public-key' } },
      { webauthn: {} },
    ],
    right: ({ registration }) => ({ response: new Authenticator().create(registration) }),
  },
  captcha: {
    stage: ctx => aStage(ctx, 'captcha'),
    component: 'ak-stage-captcha',
    wrong: [
      {},
      { token: '' },
      { token: null },
      { token: 'guess' },
      { token: { success: true } },
      { tokens: 'x' },
      { token: 'x'.repeat(20_000) },
    ],
    right: async ({ site_key }) => ({ token: await solve(site_key) }),
  },
  authenticator_totp: {
    wrong: [{ code: '000000 0' }, { code: 'abcdef' }, { config_url: 'x' }],
    right: ({ config_url }) => ({ code: URI.parse(config_url).generate() }),
  },
  authenticator_static: { empty: true, right: () => ({}) },
  authenticator_validate: {
    before: ['identification', 'password', 'authenticator_static'],
    lead: async ctx => [
      ...(await someone(ctx)),
      { password: 'right' },
      challenge => {
        codes = challenge.codes as string[]
        return {}
      },
    ],
    wrong: [
      { code: '00000000' },
      { webauthn: { id: 'x' } },
      { duo: 1 },
      { selected_stage: '00000000-0000-4000-8000-000000000000' },
      { selected_challenge: { device_class: 'webauthn', device_uid: '-1' } },
    ],
    patience: 3_600_000,
    right: () => ({ code: codes.at(-1) }),
  },
  authenticator_email: {
    wrong: [{ code: '0000000' }, { email: 'other@example.test' }, { token: 'x' }],
    right: async (_challenge, ctx) => ({ code: await lastCode(ctx) }),
  },
  authenticator_sms: {
    lead: async ctx => [...(await identified(ctx)), { phone_number: '+15561234567' }],
    stage: ctx => aStage(ctx, 'authenticator_sms', { account_sid: texts.origin }),
    wrong: [{ code: '000 000' }, { token: 'x' }],
    right: () => ({ code: codeIn(texts.received.at(-1)!.body) }),
  },
  authenticator_duo: {
    stage: ctx => aStage(ctx, 'authenticator_duo', { ...DUO_AUTH, api_hostname: duo.origin }),
    wrong: [{ activation_code: 'x' }, { duo: 1 }],
    right: () => {
      for (const enrollment of duo.enrollments.values()) enrollment.status = 'success'
      return {}
    },
  },
  email: {
    before: ['identification'],
    lead: someone,
    wrong: [{ token: 'x' }, { flow_token: 'x' }, { email: 'other@example.test' }],
    right: null,
  },
  deny: { silent: true },
  user_write: { silent: true },
  user_logout: { silent: true },
  user_delete: { silent: true },
  redirect: { silent: true },
  source: { silent: true },
  invitation: { silent: true },
  dummy: {
    before: [],
    lead: async () => [],
    empty: true,
    right: () => ({}),
  },
}

const nameOf = (table: string): string => table.replace('stage_', '')

/** Each field of the contract's answer to this view, with nothing in it and with what is of another kind. */
function brokenFields(view: string): Body[] {
  const { mapping } = contractSchema('FlowChallengeResponseRequest').discriminator as { mapping: Record<string, string> }
  const ref = mapping[view]
  assert.ok(ref, `the contract has no answer to ${view}`)
  const fields = Object.keys(contractSchema(ref.split('/').at(-1)!).properties ?? {})
  return fields
    .filter(field => field !== 'component')
    .flatMap(field => ['', null, {}, [], 'no such thing', -1, { [field]: field }].map(value => ({ [field]: value })))
}

/** A browser that stands before the stage under test. */
async function arrive(flow: { slug: string }, lead: (ctx: Ctx) => Promise<(Body | Answering)[]>): Promise<FlowVisitor> {
  const visitor = new FlowVisitor(app)
  let shown = await visitor.challenge(flow.slug)
  for (const answer of await lead(ctx)) {
    const body = typeof answer === 'function' ? await answer(shown, ctx) : answer
    shown = await visitor.challenge(flow.slug, '', body)
  }
  return visitor
}

const identified = async (ctx: Ctx) => [...(await someone(ctx)), { password: 'right' }]

async function holds(kind: string, entry: Case): Promise<void> {
  const { before = ['identification', 'password'], lead = identified, wrong = [], right, empty } = entry
  const view = entry.component ?? `ak-stage-${kind.replaceAll('_', '-')}`
  const last = await aStage(ctx, 'dummy')
  const stage = (await entry.stage?.(ctx)) ?? (await aStage(ctx, kind))
  const flow = await aFlow(ctx, [...before, stage, last], { designation: 'stage_configuration' })
  const { slug } = flow
  const visitor = await arrive(flow, lead)
  const shown = await visitor.challenge(slug)
  assert.equal(shown.component, view)

  const bodies = [...(empty ? [] : [{}, { no_such_field: 'x' }, ...brokenFields(view)]), ...wrong, [], 'text', 5, null]
  for (const body of bodies) {
    if (body === null && empty) continue
    const answer = await visitor.post(slug, body)
    assert.equal(answer.status, 200, JSON.stringify(body))
    assert.equal(answer.body.component, view, JSON.stringify(body))
    assert.notEqual(answer.body.name, last.name, JSON.stringify(body))
    if (right) assert.ok(Object.keys(answer.body.response_errors).length > 0, JSON.stringify(body))
  }
  if (!right) return

  clock.advance(entry.patience ?? 0)
  const misplaced = await visitor.post(slug, { ...(await right(await visitor.challenge(slug), ctx)), component: 'ak-stage-somewhere-else' })
  assert.deepEqual([misplaced.status, misplaced.body.component], [200, view], 'an answer to another view')

  const good = await right(await visitor.challenge(slug), ctx)
  const stranger = new FlowVisitor(app)
  const fromElsewhere = await stranger.post(slug, { component: view, ...good })
  assert.notEqual(fromElsewhere.status, 302, 'a browser that began nothing')
  assert.notEqual(fromElsewhere.body.name, last.name)
  if (before.length > 0) {
    const other = await stranger.challenge(slug, '', { component: view, ...good })
    assert.notEqual(other.component, view, 'a browser that stands at another place of the same flow')
  }

  const accepted = await visitor.post(slug, { component: view, ...good, no_such_field: 'is passed over' })
  assert.equal(accepted.status, 302, accepted.text)
  assert.equal((await visitor.challenge(slug)).name, last.name)
  if (kind === 'dummy') return
  const again = await visitor.post(slug, { component: view, ...good })
  assert.deepEqual([again.status, again.body.name], [200, last.name], 'an answer given twice is no answer to the next stage')
  assert.equal((await visitor.challenge(slug, '', {})).component, 'xak-flow-redirect')
  const replayed = await visitor.post(slug, { component: view, ...good })
  assert.notEqual(replayed.body.name, last.name, 'the page of a flow that has ended')
  assert.notEqual(replayed.status, 302, 'the page of a flow that has ended')
}

/** Whatever is sent to the stage before, and to this one, comes out alike. */
async function readsNothing(kind: string, { before = [], lead = async () => [] }: Silent): Promise<void> {
  const behaviour = registry.stages.find(stage => nameOf(stage.model.table) === kind)!
  assert.equal(behaviour.respond, undefined, `${kind} reads answers, so its entry must say which is right`)
  const { slug } = await aFlow(ctx, [...before, 'dummy', await aStage(ctx, kind), 'dummy'], { designation: 'stage_configuration' })
  const plain = async (body: Body) => {
    const visitor = await arrive({ slug }, lead)
    await visitor.post(slug, body)
    const { answer } = await visitor.follow(`/api/v3/flows/executor/${slug}/?query=`)
    const { response_errors: _, ...shown } = answer.body as Shown
    return shown
  }
  const intruding = {
    deny_message: 'x',
    username: 'intruder',
    to: 'https://evil.example/',
    token: 'x',
    pending_user: 1,
    is_superuser: true,
  }
  assert.deepEqual(await plain(intruding), await plain({}))
}

for (const { model } of registry.stages) {
  const kind = nameOf(model.table)
  test(`35 ${kind}: only a right answer of the right browser advances`, async () => {
    const entry = CASES[kind]
    assert.ok(
      entry,
      `The stage ${model.label} has no entry in the table of ${import.meta.filename}. Add "${kind}" there; its head says how little that takes.`,
    )
    try {
      await ('silent' in entry ? readsNothing(kind, entry) : holds(kind, entry))
    } finally {
      clock.reset()
    }
  })
}

test('35 the table names no stage that the program does not have', () => {
  const kinds = new Set(registry.stages.map(stage => nameOf(stage.model.table)))
  assert.deepEqual(
    Object.keys(CASES).filter(kind => !kinds.has(kind)),
    [],
  )
})
