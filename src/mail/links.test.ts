import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ownServer } from '../../test/harness.ts'
import { linkOrigin, warnOfLinks } from './links.ts'

const WARNING = 'links in mails follow the Host header'

test('an installation that nobody has named is warned of once, until it has an address or its default brand a host', async () => {
  const { ctx, logged } = await ownServer()
  const warnings = () => logged.filter(line => String(line.msg).startsWith(WARNING)).length
  await warnOfLinks(ctx)
  assert.equal(warnings(), 1)
  await ctx.db.updateTable('brand').set({ domain: 'id.example.test' }).where('default', '=', true).execute()
  await warnOfLinks(ctx)
  assert.equal(warnings(), 1)
  await ctx.db.updateTable('brand').set({ domain: 'authentik-default' }).where('default', '=', true).execute()
  await warnOfLinks({ ...ctx, config: { ...ctx.config, public_url: 'https://id.example.test' } })
  assert.equal(warnings(), 1)
})

test('links lead to the configured address, else to a brand of ours, whatever the request says (abuse 45)', async () => {
  const { ctx } = await ownServer()
  const asked = (host: string, public_url: string | null = null) =>
    linkOrigin({ ...ctx, config: { ...ctx.config, public_url }, request: { origin: `https://${host}`, host } as never })
  assert.equal(await asked('evil.test', 'https://id.example.test/auth'), 'https://id.example.test')
  await ctx.db.updateTable('brand').set({ domain: 'id.example.test' }).where('default', '=', true).execute()
  assert.equal(await asked('evil.test'), 'https://id.example.test')
  assert.equal(await asked('id.example.test.evil.test'), 'https://id.example.test')
  assert.equal(await asked('eu.id.example.test'), 'https://eu.id.example.test')
})
