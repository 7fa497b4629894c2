import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseMarkup, type MarkupNode } from '../../web/flow/markup.ts'
import { avatarOf } from '../../src/core/user/avatar.ts'
import { aUser, unique } from '../builders.ts'
import { aFlow, aForm, aStage, errorsOf, FlowVisitor } from '../flows.ts'
import { server } from '../harness.ts'

/** Attacks on what stages show and take, each numbered as in the list of abuse cases. */

const SCRIPTS = [
  'javascript:alert(1)',
  'JaVaScRiPt:alert(1)',
  ' javascript:alert(1)',
  'java\tscript:alert(1)',
  'java\nscript:alert(1)',
  '\u0001javascript:alert(1)',
  'data:text/html,<script>alert(1)</script>',
  'vbscript:msgbox(1)',
]

test('6 no stage sends a browser to an address that is code', async () => {
  const { app, ctx, admin } = await server()
  for (const target of SCRIPTS) {
    const { slug } = await aFlow(ctx, [await aStage(ctx, 'redirect', { mode: 'static', target_static: target })])
    const shown = await new FlowVisitor(app).challenge(slug)
    assert.equal(shown.component, 'ak-stage-access-denied', JSON.stringify(target))
    const captcha = { name: unique('captcha'), public_key: 'x', private_key: 'x' }
    for (const field of ['js_url', 'api_url']) {
      const answer = await admin.post('/api/v3/stages/captcha/', { ...captcha, [field]: target })
      assert.deepEqual([answer.status, Object.keys(answer.body as object)], [400, [field]], JSON.stringify(target))
    }
    // A policy that chooses the target of a redirect is held to the same.
    const { slug: chosen } = await aFlow(ctx, ['dummy', { stage: 'redirect', binding: { re_evaluate_policies: true } }])
    const flow = await ctx.db.selectFrom('flow').select('flow_uuid').where('slug', '=', chosen).executeTakeFirstOrThrow()
    const binding = await ctx.db
      .selectFrom('flow_stage_binding')
      .select('policybindingmodel_ptr_id')
      .where('target', '=', flow.flow_uuid)
      .where('order', '=', 10)
      .executeTakeFirstOrThrow()
    const expression = `context["flow_plan"].context["redirect_stage_target"] = ${JSON.stringify(target)}\nreturn True`
    const policy = await admin.post('/api/v3/policies/expression/', { name: unique('policy'), expression })
    assert.equal(policy.status, 201, policy.text)
    await admin.post('/api/v3/policies/bindings/', { policy: policy.body.pk, target: binding.policybindingmodel_ptr_id, order: 0 })
    const visitor = new FlowVisitor(app)
    await visitor.challenge(chosen)
    assert.equal((await visitor.challenge(chosen, '', {})).component, 'ak-stage-access-denied', JSON.stringify(target))
  }
})

test('6 what administrators write into forms links to no code', () => {
  const linksOf = (nodes: MarkupNode[]): string[] =>
    nodes.flatMap(node => (typeof node === 'string' ? [] : [...Object.values(node.attributes), ...linksOf(node.children)]))
  for (const target of SCRIPTS)
    assert.deepEqual(linksOf(parseMarkup(`<a href="${target}">x</a><img src="${target}">`)), [], JSON.stringify(target))
})

test('77 what an account calls its picture is shown as one only if it is one', async () => {
  const { ctx } = await server()
  const shown = (avatar: unknown) => avatarOf(ctx, { name: 'Jane Doe', attributes: { avatar } }, 'attributes.avatar,initials')
  const html = Buffer.from('<html><script>alert(1)</script>').toString('base64')
  for (const bad of [...SCRIPTS, `data:text/html;base64,${html}`, `data:image/png;base64,${html}`, `data:image/svg+xml;base64,${html}`])
    assert.match(shown(bad), /^data:image\/svg\+xml;base64,PHN2ZyB4bWxucz/, bad)
})

test('81 a password of more than 512 bytes is refused where it is chosen, and never checked where it is given', async () => {
  const { app, ctx } = await server()
  const user = await aUser(ctx, { password: 'x'.repeat(512) })
  const { slug } = await aFlow(ctx, ['identification', await aStage(ctx, 'password', { failed_attempts_before_cancel: 100 }), 'dummy'])
  const visitor = new FlowVisitor(app)
  await visitor.challenge(slug)
  await visitor.challenge(slug, '', { uid_field: user.username })
  for (const long of ['x'.repeat(513), `${'x'.repeat(512)}\u0301`, 'x'.repeat(1_000_000)])
    assert.deepEqual(errorsOf(await visitor.challenge(slug, '', { password: long })), { password: ['Invalid password'] })
  assert.equal((await visitor.challenge(slug, '', { password: 'x'.repeat(512) })).component, 'ak-stage-dummy')

  const { slug: choosing } = await aFlow(ctx, [await aForm(ctx, [{ field_key: 'password', type: 'password' }])], {
    designation: 'stage_configuration',
  })
  const other = new FlowVisitor(app)
  await other.challenge(choosing)
  for (const long of ['x'.repeat(513), 'ä'.repeat(257), 'x'.repeat(1_000_000)]) {
    const errors = errorsOf(await other.challenge(choosing, '', { password: long }))
    assert.deepEqual(errors, { password: ['Ensure this field has no more than 512 characters.'] })
  }
})

test('81 a form takes no more than it can keep', async () => {
  const { app, ctx } = await server()
  const form = await aForm(ctx, [
    { field_key: 'line', required: false },
    { field_key: 'text', type: 'text_area', required: false },
    { field_key: 'file', type: 'file', required: false },
  ])
  const { slug } = await aFlow(ctx, [form, 'dummy'], { designation: 'stage_configuration' })
  const visitor = new FlowVisitor(app)
  await visitor.challenge(slug)
  const shown = await visitor.challenge(slug, '', {
    line: 'x'.repeat(5_000),
    text: 'x'.repeat(70_000),
    file: `data:image/png;base64,${'A'.repeat(1_600_000)}`,
  })
  assert.deepEqual(Object.keys(errorsOf(shown)).toSorted(), ['file', 'line', 'text'])
  const flood = await visitor.post(slug, { text: 'x'.repeat(3_000_000) })
  assert.ok(flood.status === 413 || flood.body.component === 'ak-stage-flow-error', `${flood.status}`)
})
