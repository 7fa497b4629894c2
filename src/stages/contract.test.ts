import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Authenticator } from '../../test/authenticator.ts'
import { aUser } from '../../test/builders.ts'
import { aFlow, aForm, aStage, FlowVisitor, type Bound, type Shown } from '../../test/flows.ts'
import { server } from '../../test/harness.ts'
import { solve } from '../../web/flow/proof-of-work.ts'
import type { Ctx } from '../context.ts'

/**
 * What every stage must do (abuse 35): nothing but the right answer, in the browser whose turn it is, moves a flow on.
 * The flow behind each is `stage under test → dummy`; reaching the dummy is having advanced.
 */

type Case = {
  /** What stands before the stage, and the answers that lead through it. */
  before?: Bound[]
  lead?: (ctx: Ctx) => Promise<unknown[]>
  stage: (ctx: Ctx) => Promise<Record<string, unknown>>
  component: string
  /** Bodies that lack something or hold something wrong. */
  wrong: unknown[]
  /** A right answer, given the challenge. */
  right: (challenge: Shown, ctx: Ctx) => Record<string, unknown> | Promise<Record<string, unknown>>
}

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

const CASES: Record<string, Case> = {
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
  authenticator_email: {
    before: ['identification', 'password'],
    lead: async ctx => [...(await someone(ctx)), { password: 'right' }],
    stage: ctx => aStage(ctx, 'authenticator_email'),
    component: 'ak-stage-authenticator-email',
    wrong: [
      {},
      { code: '' },
      { code: null },
      { code: 'x' },
      { code: '0000000' },
      { code: {} },
      { email: '' },
      { email: 'other@example.test' },
      { email: null },
      { token: 'x' },
    ],
    right: async (_challenge, ctx) => ({ code: await lastCode(ctx) }),
  },
  dummy: {
    stage: ctx => aStage(ctx, 'dummy'),
    component: 'ak-stage-dummy',
    wrong: [],
    right: () => ({}),
  },
}

for (const [kind, { before = [], lead, stage, component, wrong, right }] of Object.entries(CASES)) {
  test(`${kind}: only a right answer of the right browser advances (abuse 35)`, async () => {
    const { app, ctx } = await server()
    const last = await aStage(ctx, 'dummy')
    const { slug } = await aFlow(ctx, [...before, await stage(ctx), last], { designation: 'stage_configuration' })
    const visitor = new FlowVisitor(app)
    await visitor.challenge(slug)
    for (const answer of (await lead?.(ctx)) ?? []) await visitor.challenge(slug, '', answer)
    const shown = await visitor.challenge(slug)
    assert.equal(shown.component, component)

    for (const body of [...wrong, [], 'text', 5]) {
      if (kind === 'dummy' && !Array.isArray(body) && typeof body === 'object') continue
      const answer = await visitor.post(slug, body)
      assert.equal(answer.status, 200, JSON.stringify(body))
      assert.equal(answer.body.component, component, JSON.stringify(body))
      assert.ok(Object.keys(answer.body.response_errors).length > 0, JSON.stringify(body))
    }
    const misplaced = await visitor.post(slug, {
      ...(await right(await visitor.challenge(slug), ctx)),
      component: 'ak-stage-somewhere-else',
    })
    assert.deepEqual([misplaced.status, misplaced.body.component], [200, component])

    const stranger = new FlowVisitor(app)
    const fromElsewhere = await stranger.post(slug, await right(shown, ctx))
    assert.notEqual(fromElsewhere.status, 302)
    assert.notEqual(fromElsewhere.body.name, last.name)

    const answer = await right(await visitor.challenge(slug), ctx)
    const accepted = await visitor.post(slug, { component, ...answer, unknown: 'is passed over' })
    assert.equal(accepted.status, 302)
    const next = await visitor.challenge(slug)
    assert.equal(next.name, last.name)

    const again = await visitor.post(slug, { ...answer, component })
    if (kind !== 'dummy')
      assert.deepEqual([again.status, again.body.name], [200, last.name], 'an answer given twice is not an answer to the next stage')
  })
}

/** Need more than a browser to be answered: the link of a mail, a phone. They are tested in their own folders. */
const UNANSWERABLE = ['email', 'authenticator_sms', 'authenticator_duo']

test('every stage that asks something stands in the table', async () => {
  const { ctx } = await server()
  const asking = ctx.registry.stages.filter(stage => stage.respond).map(stage => stage.model.table.replace('stage_', ''))
  assert.deepEqual(asking.sort(), [...Object.keys(CASES), ...UNANSWERABLE].sort())
})

test('stages that ask nothing do not look at answers', async () => {
  const { app, ctx } = await server()
  for (const kind of ['deny', 'user_write']) {
    const { slug } = await aFlow(ctx, ['dummy', kind], { designation: 'stage_configuration' })
    const visitor = new FlowVisitor(app)
    await visitor.challenge(slug)
    await visitor.post(slug, {})
    const answer = await visitor.post(slug, { anything: true, deny_message: 'x', username: 'intruder' })
    assert.equal(answer.body.component, 'ak-stage-access-denied', kind)
  }
})
