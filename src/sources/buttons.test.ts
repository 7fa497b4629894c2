import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { aSource, unique } from '../../test/builders.ts'
import { aFlow, aStage, FlowVisitor } from '../../test/flows.ts'
import { server } from '../../test/harness.ts'
import { PROVIDER_TYPES } from './oauth/types/index.ts'

test('the sign-in page has a button for each enabled source of its stage, by name, which takes the query of the page along', async () => {
  const { admin, app, ctx } = await server()
  const make = (name: string, values = {}) => aSource(ctx, { name, slug: unique(name.toLowerCase()), ...values })
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

test('there is a picture for every type of provider', () => {
  for (const { name } of PROVIDER_TYPES) assert.ok(existsSync(`web/public/assets/icons/sources/${name}.svg`), name)
})
