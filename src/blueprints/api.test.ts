import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aUser, unique } from '../../test/builders.ts'
import { form } from '../../test/contract/examples.ts'
import { ownServer, server } from '../../test/harness.ts'

const A = '/api/v3/managed/blueprints'

const group = (name: string, rest = '') => `version: 1
context: { suffix: "" }
entries:
  - model: authentik_core.group
    identifiers: { name: !Format ["${name}%s", !Context suffix] }
${rest}`

const yaml = (content: string) => ({ filename: 'mine.yaml', content, type: 'application/yaml' })

test('a blueprint is imported once, with values of its own, and refused by its line', async () => {
  const { admin, ctx } = await server()
  const name = unique('imported')
  const named = (wanted: string) => ctx.db.selectFrom('group').select('name').where('name', '=', wanted).executeTakeFirst()
  const send = (fields: Record<string, string>, content?: string) =>
    admin.request('POST', `${A}/import/`, form(fields, content === undefined ? undefined : yaml(content)))

  const { status, body } = await send({ context: '{"suffix": "-b"}' }, group(name))
  assert.deepEqual([status, body.success], [200, true])
  assert.ok(await named(`${name}-b`))

  const broken = await send({}, group(`${name}-c`, '  - model: authentik_core.nothing_such\n    identifiers: { name: x\n'))
  assert.equal(broken.status, 400)
  assert.match(broken.body.file[0], /line \d+/i)

  const half = await send(
    {},
    group(`${name}-d`, '  - { model: authentik_core.group, identifiers: { name: y }, attrs: { parents: [no] } }\n'),
  )
  assert.deepEqual([half.status, half.body.success], [200, false])
  assert.equal(half.body.logs.at(-1).log_level, 'error')
  assert.equal(await named(`${name}-d`), undefined)

  assert.deepEqual((await send({})).body, { non_field_errors: ['Either path or file must be set.'] })
  assert.deepEqual((await send({ context: '[]' }, group(name))).body, { context: ['Value must be a JSON object.'] })
  for (const path of ['example/none.yaml', '../package.json', '/etc/passwd', 'example/../default/flow-recovery.yaml'])
    assert.deepEqual((await send({ path })).body, { path: ['Blueprint file does not exist'] }, path)
})

test('an uploaded blueprint sees neither the environment nor files of the server', async () => {
  const { admin } = await server()
  for (const tag of ['!Env PATH', '!File /etc/hostname']) {
    const content = `version: 1\nentries:\n  - { model: authentik_core.group, identifiers: { name: ${tag} } }\n`
    const { body } = await admin.request('POST', `${A}/import/`, form({}, yaml(content)))
    assert.equal(body.success, false, tag)
    assert.ok(!JSON.stringify(body).includes(process.env.PATH!))
  }
})

test('every example that comes with the server can be listed and applied by its path, twice', async () => {
  const { admin } = await ownServer()
  const { body } = await admin.get(`${A}/available/`)
  const examples = (body as { path: string; meta: { name: string } }[]).filter(({ path }) => path.startsWith('example/'))
  assert.ok(examples.length > 3 && examples.every(({ meta }) => meta.name !== ''))
  for (const { path } of [...examples, ...examples]) {
    const answer = await admin.request('POST', `${A}/import/`, form({ path }))
    assert.deepEqual([answer.status, answer.body.success], [200, true], `${path} ${JSON.stringify(answer.body.logs?.at(-1))}`)
  }
})

test('only a superuser applies blueprints: they can make one of anybody', async () => {
  const { client, ctx, admin } = await server()
  const user = await aUser(ctx)
  const identifier = unique('token')
  await admin.post('/api/v3/core/tokens/', { identifier, intent: 'api', user: user.id })
  const { key } = (await admin.get(`/api/v3/core/tokens/${identifier}/view_key/`)).body
  const one = client(key as string)
  for (const answer of [await one.get(`${A}/available/`), await one.request('POST', `${A}/import/`, form({}, yaml(group(unique('no')))))])
    assert.deepEqual([answer.status, answer.body], [403, { detail: 'You do not have permission to perform this action.' }])
})
