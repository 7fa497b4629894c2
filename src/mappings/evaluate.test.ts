import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aGroup, aRole, aToken, aUser, unique } from '../../test/builders.ts'
import { server } from '../../test/harness.ts'
import type { Row } from '../api/model.ts'
import { evaluateMapping, runMapping, scopeClaims, SkipObject, type ScopeMappingRow } from './evaluate.ts'

const mapping = (expression: string, more: Partial<ScopeMappingRow> = {}): ScopeMappingRow => ({
  pm_uuid: 'a0b1c2d3-0000-4000-8000-000000000000',
  name: 'm',
  managed: null,
  expression,
  scope_name: 'profile',
  description: '',
  ...more,
})

test('what a mapping returns becomes plain data in its order', async () => {
  const { ctx } = await server()
  const user = await aUser(ctx, { name: 'Ada Lovelace', attributes: { z: 1, a: 2 } })
  const run = (expression: string, variables?: Row) => runMapping(ctx, mapping(expression), { user, variables })
  assert.equal(
    JSON.stringify(await run('return {"b": 1, "a": [1.5, None, True, "x"], "t": (1, 2), "s": {3}, **user.attributes}')),
    '{"b":1,"a":[1.5,null,true,"x"],"t":[1,2],"s":[3],"z":1}'.replace('"a":[1.5,null,true,"x"]', '"a":2'),
  )
  assert.deepEqual(await run('for part in request.user.name.split():\n    yield part'), ['Ada', 'Lovelace'])
  assert.equal(await run('pass'), null)
  assert.equal(await run('return request.user'), user.id)
  assert.deepEqual(
    await run('return [info["id"], ldap_name, request.context.get("x"), http_request]', { info: { id: 5 }, 'ldap.name': 'n' }),
    [5, 'n', null, null],
  )
  assert.equal(await run('return 2 ** 60'), 2 ** 60)
  await assert.rejects(run('raise SkipObject()'), SkipObject)
})

test('a mapping that fails says nothing and leaves an event', async () => {
  const { ctx } = await server()
  const user = await aUser(ctx)
  const name = unique('mapping')
  assert.equal(await evaluateMapping(ctx, mapping('return {}["x"]', { name }), { user }), undefined)
  assert.equal(await evaluateMapping(ctx, mapping('return (', { name }), { user }), undefined)
  const events = (
    await ctx.db.selectFrom('event').select(['context', 'user']).where('action', '=', 'property_mapping_exception').execute()
  ).filter(row => ((row.context as Row).mapping as Row).name === name)
  assert.equal(events.length, 2)
  assert.match(String((events[0]!.context as Row).traceback), /line 1/)
  assert.equal((events[0]!.user as Row).username, user.username)
  // Nobody asked about anybody: nothing to report.
  assert.equal(
    await evaluateMapping(ctx, mapping('return request.user.attributes["x"]', { name: unique('mapping') }), { user: null }),
    undefined,
  )
})

test('claims of the granted scopes are merged in order', async () => {
  const { ctx } = await server()
  const group = await aGroup(ctx)
  const user = await aUser(ctx, { groups: [group.group_uuid] })
  const claims = await scopeClaims(ctx, {
    provider: { id: 1, name: 'the provider', client_id: 'c' },
    user,
    scopes: ['openid', 'profile', 'roles'],
    mappings: [
      mapping('return {"groups": [g.name for g in user.groups.all()], "a": {"x": 1}}'),
      mapping('return {"groups": ["extra"], "a": {"y": provider.name}, "scopes": token.scope}', { scope_name: 'roles' }),
      mapping('return None', { scope_name: 'roles' }),
      mapping('return {"never": 1}', { scope_name: 'other' }),
    ],
  })
  assert.deepEqual(claims, { groups: [group.name, 'extra'], a: { x: 1, y: 'the provider' }, scopes: ['openid', 'profile', 'roles'] })
})

test('a mapping can be tried by whoever may change it', async () => {
  const { ctx, admin, client } = await server()
  const group = await aGroup(ctx)
  const user = await aUser(ctx, { groups: [group.group_uuid] })
  const made = await admin.post('/api/v3/propertymappings/provider/scope/', {
    name: unique('scope'),
    scope_name: 'x',
    expression: 'return {"name": request.user.username, "word": context_word, "g": group.name if group else None}'
      .replace('context_word', 'request.context["word"]')
      .replace('group.name if group else None', 'request.context.get("group")'),
  })
  assert.equal(made.status, 201, made.text)
  const path = `/api/v3/propertymappings/all/${made.body.pk}/test/`
  const body = { user: user.id, context: { word: 'w' } }
  assert.deepEqual((await admin.post(path, body)).body, {
    result: JSON.stringify({ name: user.username, word: 'w', g: null }),
    successful: true,
  })
  const pretty = await admin.post(`${path}?format_result=true`, body)
  assert.equal(pretty.body.result, JSON.stringify({ name: user.username, word: 'w', g: null }, null, 4))
  assert.deepEqual((await admin.post(path, { user: user.id })).body, { result: "'word'", successful: false })
  assert.equal((await admin.post(path, { user: 999_999 })).status, 400)
  assert.equal(
    (await admin.post('/api/v3/propertymappings/provider/scope/', { name: unique('scope'), scope_name: 'x', expression: 'return ]' }))
      .status,
    400,
  )
  const viewer = await aUser(ctx)
  await aRole(ctx, viewer, ['authentik_core.view_propertymapping', 'authentik_core.view_user'])
  assert.equal((await client(await aToken(ctx, viewer)).post(path, body)).status, 403)
})
