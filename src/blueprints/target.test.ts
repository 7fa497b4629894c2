import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { aGroup, unique } from '../../test/builders.ts'
import { ownServer, server } from '../../test/harness.ts'
import type { Ctx } from '../context.ts'
import { DatabaseTarget } from './database-target.ts'
import { applyDefaults } from './defaults.ts'
import { systemAccess } from './files.ts'
import { applyBlueprint } from './importer.ts'
import { parseBlueprint } from './parse.ts'

const BOOTSTRAP = {
  AUTHENTIK_BOOTSTRAP_PASSWORD: 'correct horse battery',
  AUTHENTIK_BOOTSTRAP_EMAIL: 'admin@example.test',
  AUTHENTIK_BOOTSTRAP_TOKEN: 'a-token-of-the-operator',
}

/** Applies a text as a blueprint that came with the program. */
async function apply(ctx: Ctx, source: string, options: { name?: string; protect?: boolean; force?: boolean; fromApi?: boolean } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'signet-blueprints-'))
  const { protect = true, fromApi = false, force = false } = options
  const system = fromApi ? null : systemAccess({ NAME: 'from the environment' })
  writeFileSync(join(folder, 'other.yaml'), 'version: 1\nentries: []\n')
  try {
    const target = new DatabaseTarget(ctx, { folder, system, protect })
    return await applyBlueprint(parseBlueprint(source), target, {
      name: options.name ?? unique('blueprint'),
      system,
      protect,
      force,
      now: ctx.now,
    })
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const groupNamed = (ctx: Ctx, name: string) => ctx.db.selectFrom('group').selectAll().where('name', '=', name).executeTakeFirst()

test('the shipped blueprints make the first administrator from the environment, once', async () => {
  const env = Object.fromEntries(Object.entries(BOOTSTRAP).map(([name, value]) => [name.replace('AUTHENTIK', 'SIGNET'), value]))
  const { deps, ctx, client, logged } = await ownServer(env)
  assert.deepEqual(
    logged.filter(line => line.level === 'error' || line.level === 'warn'),
    [],
  )
  const me = await client(BOOTSTRAP.AUTHENTIK_BOOTSTRAP_TOKEN).get('/api/v3/core/users/me/')
  assert.partialDeepStrictEqual(me.body.user, { username: 'akadmin', email: 'admin@example.test', is_superuser: true })
  const passwordNow = async () =>
    (await deps.db.selectFrom('user').select('password').where('username', '=', 'akadmin').executeTakeFirstOrThrow()).password
  const password = await passwordNow()
  assert.equal(await deps.passwords.verify(password, BOOTSTRAP.AUTHENTIK_BOOTSTRAP_PASSWORD), true)
  await deps.db.deleteFrom('token').where('identifier', '=', 'authentik-bootstrap-token').execute()
  await ctx.db.updateTable('blueprint_instance').set({ last_applied_hash: 'an older file' }).execute()
  await applyDefaults(deps, { ...BOOTSTRAP, AUTHENTIK_BOOTSTRAP_PASSWORD: 'another' })
  assert.equal(await passwordNow(), password)
  assert.equal(
    await deps.db.selectFrom('token').selectAll().where('identifier', '=', 'authentik-bootstrap-token').executeTakeFirst(),
    undefined,
  )
})

test('a new installation has applied every shipped blueprint once', async () => {
  const { ctx } = await ownServer()
  const changes = await ctx.db.selectFrom('event').select('context').where('action', '=', 'model_updated').execute()
  const fields = changes.map(({ context }) => Object.keys((context as { diff: object }).diff))
  // Prompts and their policy refer to each other, so that these two stages are completed by a later entry of their file.
  assert.deepEqual(fields, [['validation_policies'], ['validation_policies']])
  const unfinished = await ctx.db.selectFrom('blueprint_instance').select('path').where('status', '!=', 'successful').execute()
  assert.deepEqual(unfinished, [])
})

test('a blueprint that several others ask for in one run is applied once, and once more by the next run', async () => {
  const { ctx } = await server()
  const folder = mkdtempSync(join(tmpdir(), 'signet-blueprints-'))
  const name = unique('asked for')
  const asking = 'version: 1\nentries: [{ model: authentik_blueprints.metaapplyblueprint, attrs: { identifiers: { path: asked.yaml } } }]\n'
  writeFileSync(
    join(folder, 'asked.yaml'),
    `version: 1\nentries: [{ model: authentik_core.group, identifiers: { name: ${name} }, attrs: { is_superuser: false } }]\n`,
  )
  try {
    const target = new DatabaseTarget(ctx, { folder, system: null, protect: false })
    const run = (inPlace: Set<string>) =>
      applyBlueprint(parseBlueprint(asking), target, { name: unique('asking'), system: null, protect: false, now: ctx.now, inPlace })
    const inPlace = new Set<string>()
    const [first, second, nextRun] = [await run(inPlace), await run(inPlace), await run(new Set())]
    const told = (result: typeof first) => result.logs.map(({ event }) => event)
    assert.deepEqual([told(first), told(second), told(nextRun)], [['Created'], [], ['Updated']])
    assert.deepEqual(inPlace.has('asked.yaml'), true)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('a blueprint that failed is not in place for those that ask for it', async () => {
  const { ctx } = await server()
  const target = new DatabaseTarget(ctx, { folder: tmpdir(), system: null, protect: false })
  const inPlace = new Set<string>()
  const source = `version: 1\nentries: [{ model: authentik_core.group, identifiers: { name: '' }, attrs: {} }]\n`
  const { success } = await applyBlueprint(parseBlueprint(source), target, {
    name: unique('failing'),
    system: null,
    protect: false,
    now: ctx.now,
    inPlace,
  })
  assert.deepEqual([success, [...inPlace]], [false, []])
})

test('the default scope mappings are found by their scope names (R-203)', async () => {
  const { admin } = await server()
  const { body } = await admin.get('/api/v3/propertymappings/provider/scope/?ordering=scope_name&page_size=100')
  const scopes = body.results.map((mapping: { scope_name: string }) => mapping.scope_name)
  for (const scope of ['openid', 'email', 'profile', 'offline_access']) assert.ok(scopes.includes(scope), scope)
  assert.deepEqual(scopes, scopes.toSorted())
})

test('an upgrade keeps what an operator changed and takes what they left alone', async () => {
  const { ctx } = await server()
  const name = unique('blueprint')
  const group = unique('group')
  const version = (level: number) => `
version: 1
entries:
  - model: authentik_core.group
    id: group
    identifiers: { name: ${group} }
    attrs: { attributes: { level: ${level} }, is_superuser: false }
`
  await apply(ctx, version(1), { name })
  await apply(ctx, version(2), { name })
  assert.deepEqual((await groupNamed(ctx, group))?.attributes, { level: 2 }, 'nobody changed it: the new default is taken')
  await ctx.db
    .updateTable('group')
    .set({ attributes: { level: 'mine' } })
    .where('name', '=', group)
    .execute()
  await apply(ctx, version(3), { name })
  assert.deepEqual((await groupNamed(ctx, group))?.attributes, { level: 'mine' })
  await apply(ctx, version(3), { name, force: true })
  assert.deepEqual((await groupNamed(ctx, group))?.attributes, { level: 3 }, 'asked for by the operator')
})

test('an upgrade does not bring back what an operator deleted (R-410)', async () => {
  const { ctx } = await server()
  const name = unique('blueprint')
  const group = unique('group')
  const source = `version: 1\nentries:\n  - { model: authentik_core.group, id: group, identifiers: { name: ${group} }, attrs: {} }\n`
  await apply(ctx, source, { name })
  await ctx.db.deleteFrom('group').where('name', '=', group).execute()
  await apply(ctx, `${source}# a newer file\n`, { name })
  assert.equal(await groupNamed(ctx, group), undefined)
})

test('one refused entry undoes the whole blueprint', async () => {
  const { ctx } = await server()
  const group = unique('group')
  const { success, logs } = await apply(
    ctx,
    `
version: 1
entries:
  - { model: authentik_core.group, identifiers: { name: ${group} }, attrs: {} }
  - { model: authentik_core.application, identifiers: { slug: authorize }, attrs: { name: x } }
`,
  )
  assert.equal(success, false)
  assert.match(JSON.stringify(logs.at(-1)), /reserved/)
  assert.equal(await groupNamed(ctx, group), undefined)
})

test('entries refer to each other and to what exists', async () => {
  const { ctx } = await server()
  const parent = await aGroup(ctx)
  const [child, member] = [unique('group'), unique('user')]
  const { success } = await apply(
    ctx,
    `
version: 1
entries:
  - { model: authentik_core.group, id: child, identifiers: { name: ${child} }, attrs: { parents: [!Find [authentik_core.group, [name, ${String(parent.name)}]]] } }
  - { model: authentik_core.user, identifiers: { username: ${member} }, attrs: { name: !Env NAME, groups: [!KeyOf child] } }
`,
  )
  assert.equal(success, true)
  const { body } = await (await server()).admin.get(`/api/v3/core/users/?username=${member}`)
  assert.equal(body.results[0].name, 'from the environment')
  assert.equal(body.results[0].groups_obj[0].name, child)
})

test('a blueprint from outside reads neither environment nor files (abuse case 85)', async () => {
  const { ctx } = await server()
  const group = unique('group')
  for (const tag of ['!Env NAME', '!File /etc/passwd']) {
    const { success } = await apply(
      ctx,
      `version: 1\nentries:\n  - { model: authentik_core.group, identifiers: { name: ${group} }, attrs: { attributes: { x: ${tag} } } }\n`,
      { fromApi: true },
    )
    assert.equal(success, false)
  }
  assert.equal(await groupNamed(ctx, group), undefined)
})

test('sessions and other people’s visits are no business of a blueprint', async () => {
  const { ctx } = await server()
  const { success, logs } = await apply(
    ctx,
    'version: 1\nentries:\n  - { model: authentik_core.authenticatedsession, identifiers: { uuid: x }, attrs: {} }\n',
  )
  assert.equal(success, false)
  assert.match(JSON.stringify(logs), /not allowed/)
})
