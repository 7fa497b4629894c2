import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { aGroup, aSource, unique } from '../../test/builders.ts'
import { aFlow, aStage, FlowVisitor } from '../../test/flows.ts'
import { server } from '../../test/harness.ts'
import { PROVIDER_TYPES } from './oauth/types/index.ts'

test('the sign-in page has a button for each enabled source of its stage, by name, which takes the query of the page along', async () => {
  const { admin, app, ctx } = await server()
  const make = (name: string, values = {}) => aSource(ctx, { name, slug: unique(name.toLowerCase().replaceAll(' ', '-')), ...values })
  const [second, first, off] = [
    await make('Beta', { provider_type: 'google', promoted: true }),
    await make('Alpha', { icon: 'https://pictures.example.test/a.png' }),
    await make('Gamma', { enabled: false }),
  ]
  await make('Of another page')
  const sources = [second, first, off].map(source => source.pbm_uuid)
  const stage = await aStage(ctx, 'identification', { sources, show_source_labels: true })
  const { slug } = await aFlow(ctx, [stage, 'user_login'])
  const shown = await new FlowVisitor(app).challenge(slug, 'next=%2Fif%2Fuser%2F&itoken=a')
  const leads = (source: typeof first) => ({
    component: 'xak-flow-redirect',
    to: `/source/oauth/login/${String(source.slug)}/?next=%2Fif%2Fuser%2F&itoken=a`,
  })
  assert.deepEqual(shown.sources, [
    { name: 'Alpha', icon_url: 'https://pictures.example.test/a.png', promoted: false, challenge: leads(first) },
    { name: 'Beta', icon_url: '/static/dist/assets/icons/sources/google.svg', promoted: true, challenge: leads(second) },
  ])
  assert.equal(shown.show_source_labels, true)

  // What is switched on or off shows at once.
  await admin.patch(`/api/v3/sources/oauth/${String(off.slug)}/`, { enabled: true })
  await admin.patch(`/api/v3/sources/oauth/${String(first.slug)}/`, { enabled: false })
  const later = await new FlowVisitor(app).challenge(slug)
  assert.deepEqual(
    later.sources.map(({ name, challenge }: { name: string; challenge: { to: string } }) => [name, challenge.to.includes('?')]),
    [
      ['Beta', false],
      ['Gamma', false],
    ],
  )
})

test('sources whose policies would turn a visitor away have no button; groups are asked about once it is known who comes', async () => {
  const { admin, app, client, ctx } = await server()
  const group = await aGroup(ctx)
  const bindings = '/api/v3/policies/bindings/'
  const policy = async (expression: string) =>
    (await admin.post('/api/v3/policies/expression/', { name: unique('policy'), expression })).body.pk as string
  const [open, closed, sso, members] = [await aSource(ctx), await aSource(ctx), await aSource(ctx), await aSource(ctx)]
  await admin.post(bindings, { target: closed.pbm_uuid, policy: await policy('return False'), order: 0 })
  await admin.post(bindings, {
    target: sso.pbm_uuid,
    policy: await policy(`return ak_is_sso_flow and context["source"].slug == "${String(sso.slug)}"`),
    order: 0,
  })
  await admin.post(bindings, { target: members.pbm_uuid, group: group.group_uuid, order: 0 })
  const sources = [open, closed, sso, members]
  const stage = await aStage(ctx, 'identification', { sources: sources.map(source => source.pbm_uuid) })
  const { slug } = await aFlow(ctx, [stage, 'user_login'])
  const shown = async () =>
    ((await new FlowVisitor(app).challenge(slug)).sources as { name: string }[]).map(({ name }) => sources.find(one => one.name === name))
  assert.deepEqual(new Set(await shown()), new Set([open, sso, members]))
  for (const source of sources) {
    const { status } = await client().get(`/source/oauth/login/${String(source.slug)}/`)
    assert.equal(status, source === closed ? 200 : 302, String(status))
  }
})

test('there is a picture for every type of provider', () => {
  for (const { name } of PROVIDER_TYPES) assert.ok(existsSync(`web/public/assets/icons/sources/${name}.svg`), name)
})
