import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { SMTPServer } from 'smtp-server'
import { databaseEnv } from '../../test/databases.ts'
import { server, type TestServer } from '../../test/harness.ts'
import { aUser, unique } from '../../test/builders.ts'
import { generateKeypair } from '../crypto/self-signed.ts'
import { API_VERSION, VERSION } from '../version.ts'
import { runCommand } from './run.ts'

/** Runs a command on the database of the test server, which goes on meanwhile. */
async function signet(
  { deps }: TestServer,
  args: string[],
  { env = {}, input = '' }: { env?: Record<string, string>; input?: string } = {},
) {
  const { database, data_dir } = deps.config
  let stdout = ''
  let stderr = ''
  const code = await runCommand(args, {
    source: {
      env: { SIGNET_DATA_DIR: data_dir, SIGNET_SECRET_KEY: deps.config.secret_key!, ...databaseEnv(database), ...env },
      cwd: data_dir,
      readFile: path => {
        throw new Error(`tests read no file ${path}`)
      },
    },
    root: deps.root,
    now: deps.now,
    stdin: Readable.from(input === '' ? [] : [input]),
    stdout: { write: text => (stdout += text) },
    stderr: { write: text => (stderr += text) },
  })
  return { code, stdout, stderr }
}

test('a command that does not exist shows the usage and ends with 2', async () => {
  const { code, stdout, stderr } = await signet(await server(), ['conquer'])
  assert.deepEqual([code, stdout], [2, ''])
  assert.match(stderr, /^signet: there is no command "conquer"\n\nUsage: signet <command>/)
})

test('every command has a help', async () => {
  const s = await server()
  const { stdout } = await signet(s, ['--help'])
  const names = [...stdout.matchAll(/^ {2}(\w+) {2}/gm)].map(([, name]) => name!)
  assert.ok(names.length > 10)
  for (const name of names) {
    const { code, stdout } = await signet(s, [name, '--help'])
    assert.equal(code, 0)
    assert.match(stdout, new RegExp(`^Usage: signet ${name}`))
  }
})

test('wrong options and arguments end with 2 and the usage of the command', async () => {
  const s = await server()
  for (const args of [
    ['version', 'x'],
    ['create_token', '--user'],
    ['create_token', '--user', 'x'],
    ['changepassword'],
    ['change_user_type', '--type', 'king', '--all'],
    ['change_user_type', '--type', 'internal'],
    ['provider', 'delete', 'x'],
  ]) {
    const { code, stderr } = await signet(s, args)
    assert.equal(code, 2, args.join(' '))
    assert.match(stderr, new RegExp(`Usage: signet ${args[0]}`))
  }
})

test('version names the program and the API', async () => {
  assert.equal((await signet(await server(), ['version'])).stdout, `signet ${VERSION} (API ${API_VERSION})\n`)
})

test('dump_config shows settings in force, without secrets (R-444)', async () => {
  const s = await server()
  const env = {
    AUTHENTIK_WEB__WORKERS: '3',
    AUTHENTIK_WEB__THREADS: '5',
    AUTHENTIK_CACHE__TIMEOUT_FLOWS: '1800',
    AUTHENTIK_WORKER__THREADS: '4',
    AUTHENTIK_EMAIL__PASSWORD: 'hush',
  }
  const all = await signet(s, ['dump_config'], { env })
  assert.partialDeepStrictEqual(JSON.parse(all.stdout), {
    web: { workers: 3, threads: 5 },
    cache: { timeout_flows: 1800, timeout_policies: 300 },
    worker: { threads: 4 },
    secret_key: '******',
  })
  assert.ok(!all.stdout.includes('hush') && !all.stdout.includes(s.deps.config.secret_key!))
  assert.equal((await signet(s, ['dump_config', 'web.threads'], { env })).stdout, '5\n')
  assert.equal((await signet(s, ['dump_config', 'email.host'])).stdout, 'localhost\n')
  assert.match((await signet(s, ['dump_config', '--sources', 'web.threads'], { env })).stdout, /^web\.threads=5\tAUTHENTIK_WEB__THREADS\n$/)
  assert.deepEqual(await signet(s, ['dump_config', 'web.no_such']), { code: 1, stdout: '', stderr: 'There is no setting web.no_such.\n' })
  assert.match(
    (await signet(s, ['dump_config'], { env: { SIGNET_WEB__THREADS: 'x' } })).stderr,
    /SIGNET_WEB__THREADS: got "x", expected a whole number/,
  )
})

test('create_token prints a key that works, and the second call with its identifier fails (R-202)', async () => {
  const s = await server()
  const identifier = unique('automation')
  const args = ['create_token', '--user', 'test-admin', '--identifier', identifier, '--expiring']
  const { code, stdout } = await signet(s, args)
  assert.equal(code, 0)
  assert.match(stdout, /^[A-Za-z0-9]{60}\n$/)
  const client = s.client(stdout.trim())
  assert.equal((await client.get('/api/v3/core/users/me/')).body.user.username, 'test-admin')
  const { expires, intent } = (await s.admin.get(`/api/v3/core/tokens/${identifier}/`)).body
  assert.equal(intent, 'api')
  assert.ok(Math.abs(Date.parse(expires) - s.deps.now().getTime() - 86_400_000) < 60_000)
  const again = await signet(s, args)
  assert.deepEqual([again.code, again.stdout], [1, ''])
  assert.match(again.stderr, /^identifier: .* already exists\.\n$/)
  assert.deepEqual(await signet(s, ['create_token', '--user', 'nobody', '--identifier', 'x']), {
    code: 1,
    stdout: '',
    stderr: "User 'nobody' not found.\n",
  })
})

test('create_recovery_key prints a link that signs in once', async () => {
  const s = await server()
  const user = await aUser(s.ctx)
  const { code, stdout } = await signet(s, ['create_recovery_key', '60', String(user.username)])
  const [warning, validity, path, rest] = stdout.split('\n')
  assert.equal(code, 0)
  assert.match(warning!, new RegExp(String(user.username)))
  assert.equal(validity, 'This recovery token is valid for 1 hour.')
  assert.match(path!, /^\/recovery\/use-token\/[A-Za-z0-9]+\/$/)
  assert.equal(rest, '')
  assert.equal((await s.client().get(path!)).status, 302)
  assert.equal((await s.client().get(path!)).status, 404)
  assert.deepEqual(await signet(s, ['create_recovery_key', 'nobody']), { code: 0, stdout: '', stderr: "User 'nobody' not found.\n" })
  assert.equal((await signet(s, ['create_recovery_key', '0', 'nobody'])).code, 2)
})

test('changepassword takes the password from stdin where that is no terminal', async () => {
  const s = await server()
  const user = await aUser(s.ctx)
  const name = String(user.username)
  const stored = async () =>
    (
      await s.ctx.db
        .selectFrom('user')
        .select('password')
        .where('id', '=', user.id as number)
        .executeTakeFirstOrThrow()
    ).password
  const changed = await signet(s, ['changepassword', name], { input: 'first secret\nfirst secret\n' })
  assert.deepEqual([changed.code, changed.stderr], [0, ''])
  assert.match(changed.stdout, new RegExp(`^Changing password for user '${name}'\n`))
  assert.ok(await s.deps.passwords.verify(await stored(), 'first secret'))
  assert.equal((await signet(s, ['changepassword', name], { input: 'second secret\n' })).code, 0)
  assert.ok(await s.deps.passwords.verify(await stored(), 'second secret'))
  for (const input of ['one\ntwo\n', '\n', ''])
    assert.equal((await signet(s, ['changepassword', name], { input })).code, 1, JSON.stringify(input))
  assert.ok(await s.deps.passwords.verify(await stored(), 'second secret'))
  assert.match((await signet(s, ['changepassword', 'nobody'], { input: 'x\n' })).stderr, /User 'nobody' not found\./)
})

test('create_admin_group makes a superuser', async () => {
  const s = await server()
  const user = await aUser(s.ctx)
  const done = await signet(s, ['create_admin_group', String(user.username)])
  assert.deepEqual(done, {
    code: 0,
    stdout: `User '${String(user.username)}' successfully added to the group 'authentik Admins'.\n`,
    stderr: '',
  })
  assert.equal((await s.admin.get(`/api/v3/core/users/${String(user.id)}/`)).body.is_superuser, true)
  assert.equal((await signet(s, ['create_admin_group', String(user.username)])).code, 0)
  assert.deepEqual(await signet(s, ['create_admin_group', 'nobody']), { code: 1, stdout: '', stderr: "User 'nobody' not found.\n" })
})

test('change_user_type changes the named users', async () => {
  const s = await server()
  const [one, two] = [await aUser(s.ctx), await aUser(s.ctx)]
  assert.equal(
    (await signet(s, ['change_user_type', '--type', 'external', String(one.username), String(two.username), 'nobody'])).stdout,
    'Updated 2 users.\n',
  )
  assert.equal((await s.admin.get(`/api/v3/core/users/${String(two.id)}/`)).body.type, 'external')
})

test('import_certificate stores a pair and replaces it', async () => {
  const s = await server()
  const folder = s.deps.config.data_dir
  const name = unique('imported')
  const write = async (file: string) => {
    const { certificate, key } = await generateKeypair({ commonName: name, validityDays: 1, algorithm: 'ecdsa' }, { now: s.deps.now })
    writeFileSync(join(folder, `${file}.crt`), certificate)
    writeFileSync(join(folder, `${file}.key`), key)
  }
  await write('one')
  await write('two')
  const given = ['import_certificate', '--name', name, '--certificate']
  assert.deepEqual(await signet(s, [...given, 'one.crt', '--private-key', 'one.key']), { code: 0, stdout: '', stderr: '' })
  const found = async () =>
    (await s.admin.get(`/api/v3/crypto/certificatekeypairs/?name=${name}`)).body.results as {
      fingerprint_sha256: string
      private_key_available: boolean
    }[]
  const [first] = await found()
  assert.equal(first!.private_key_available, true)
  assert.equal((await signet(s, [...given, 'two.crt'])).code, 0)
  const [second, more] = await found()
  assert.deepEqual([second!.private_key_available, more], [false, undefined])
  assert.notEqual(second!.fingerprint_sha256, first!.fingerprint_sha256)
  for (const files of [['none.crt'], ['one.key'], ['one.crt', '--private-key', 'two.key']]) {
    const { code, stderr } = await signet(s, [...given, ...files])
    assert.equal(code, 1, files.join(' '))
    assert.notEqual(stderr, '')
  }
})

test('provider show gives the four facts (R-215)', async () => {
  const s = await server()
  assert.deepEqual(await signet(s, ['provider', 'show', 'none']), { code: 1, stdout: '', stderr: 'There is no OAuth2 provider "none".\n' })
  const { ctx } = s
  const flow = ctx.uuid()
  const target = ctx.uuid()
  await ctx.db.insertInto('policy_target').values({ pbm_uuid: target, policy_engine_mode: 'any', kind: 'authentik_flows.flow' }).execute()
  await ctx.db
    .insertInto('flow')
    .values({
      flow_uuid: flow,
      policybindingmodel_ptr_id: target,
      name: 'f',
      slug: unique('flow'),
      title: 'f',
      designation: 'authorization',
      background: '',
      compatibility_mode: false,
      layout: 'stacked',
      denied_action: 'message',
      authentication: 'none',
    })
    .execute()
  const mapping = await s.admin.post('/api/v3/propertymappings/provider/scope/', {
    name: unique('mapping'),
    scope_name: 'groups',
    expression: 'return {}',
  })
  assert.equal(mapping.status, 201, mapping.text)
  const name = unique('grafana')
  const made = await s.admin.post('/api/v3/providers/oauth2/', {
    name,
    authorization_flow: flow,
    invalidation_flow: flow,
    redirect_uris: [{ matching_mode: 'strict', url: 'https://grafana.example.test/' }],
    access_token_validity: 'minutes=10',
    property_mappings: [mapping.body.pk],
  })
  assert.equal(made.status, 201, made.text)
  assert.equal(
    (await signet(s, ['provider', 'show', name])).stdout,
    `access_token_validity: minutes=10\nrefresh_token_validity: ${made.body.refresh_token_validity}\nsigning_key: \nscopes: groups\n`,
  )
  assert.partialDeepStrictEqual(JSON.parse((await signet(s, ['provider', 'show', name, '--json'])).stdout), {
    scopes: ['groups'],
    signing_key: null,
  })
})

const portOf = (listening: Server | SMTPServer['server']) => String((listening.address() as AddressInfo).port)

test('test_email says so when the mail server took the mail, and fails aloud when it did not (R-014)', async () => {
  const s = await server()
  const received: string[] = []
  const smtp = new SMTPServer({
    disabledCommands: ['STARTTLS'],
    allowInsecureAuth: true,
    onAuth: ({ username, password }, _session, done) =>
      password === 'right' ? done(null, { user: username }) : done(new Error('Invalid login')),
    onData: (stream, _session, done) => {
      let text = ''
      stream.on('data', chunk => (text += String(chunk)))
      stream.on('end', () => (received.push(text), done()))
    },
  })
  smtp.listen(0, '127.0.0.1')
  await once(smtp.server, 'listening')
  const env = {
    SIGNET_EMAIL__HOST: '127.0.0.1',
    SIGNET_EMAIL__PORT: portOf(smtp.server),
    SIGNET_EMAIL__USERNAME: 'mailer',
    SIGNET_EMAIL__PASSWORD: 'right',
    SIGNET_EMAIL__FROM: 'id@example.test',
  }
  assert.deepEqual(await signet(s, ['test_email', 'admin@example.test'], { env }), {
    code: 0,
    stdout: 'Test email sent to admin@example.test\n',
    stderr: '',
  })
  assert.match(received.join(), /^From: id@example\.test\r?\nTo: admin@example\.test/m)
  const wrong = await signet(s, ['test_email', 'admin@example.test'], { env: { ...env, SIGNET_EMAIL__PASSWORD: 'wrong one' } })
  assert.deepEqual([wrong.code, wrong.stdout], [1, ''])
  assert.match(wrong.stderr, /^The email could not be sent: .*535/)
  assert.ok(!wrong.stderr.includes('wrong one'))
  assert.deepEqual(await signet(s, ['test_email', 'a@example.test', '-S', 'none'], { env }), {
    code: 0,
    stdout: '',
    stderr: "Stage 'none' does not exist\n",
  })
  assert.equal((await signet(s, ['test_email', 'no address'], { env })).code, 1)
  await new Promise<void>(resolve => smtp.close(() => resolve()))
})

test('healthcheck asks the address of the settings', async () => {
  const s = await server()
  const taken = createServer((_request, response) => response.end()).listen(0, '127.0.0.1')
  await once(taken, 'listening')
  const env = { SIGNET_LISTEN__HTTP: `127.0.0.1:${portOf(taken)}` }
  assert.equal((await signet(s, ['healthcheck'], { env })).code, 0)
  taken.close()
  await once(taken, 'close')
  assert.equal((await signet(s, ['healthcheck'], { env })).code, 1)
})

test('apply_blueprint applies files and examples of the server, and says which line is wrong', async () => {
  const s = await server()
  const folder = mkdtempSync(join(tmpdir(), 'signet-blueprint-'))
  const [good, bad] = [join(folder, 'good.yaml'), join(folder, 'bad.yaml')]
  const name = unique('applied')
  writeFileSync(good, `version: 1\nentries:\n  - { model: authentik_core.group, identifiers: { name: ${name} } }\n`)
  writeFileSync(bad, 'version: 2\nentries: []\n')
  assert.deepEqual(await signet(s, ['apply_blueprint', good]), { code: 0, stdout: `Applied ${good}.\n`, stderr: '' })
  assert.ok(await s.ctx.db.selectFrom('group').select('name').where('name', '=', name).executeTakeFirst())
  const refused = await signet(s, ['apply_blueprint', bad])
  assert.deepEqual([refused.code, refused.stdout], [1, ''])
  assert.match(refused.stderr, /version/)
  assert.match((await signet(s, ['apply_blueprint', 'example/none.yaml'])).stderr, /Blueprint file does not exist/)
  assert.match((await signet(s, ['apply_blueprint', join(folder, 'none.yaml')])).stderr, /cannot be read/)
  assert.equal((await signet(s, ['apply_blueprint', 'example/flow-authenticator-email-setup.yaml'])).code, 0)
  rmSync(folder, { recursive: true })
})
