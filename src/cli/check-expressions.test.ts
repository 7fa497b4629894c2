import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { unique } from '../../test/builders.ts'
import { databaseEnv } from '../../test/databases.ts'
import { ownServer } from '../../test/harness.ts'
import { runCommand } from './run.ts'

async function run(args: string[], folder: string, env: Record<string, string> = {}) {
  let stdout = ''
  let stderr = ''
  const code = await runCommand(['check_expressions', ...args], {
    source: { env: { SIGNET_DATA_DIR: folder, ...env }, cwd: folder, readFile: path => readFileSync(path, 'utf8') },
    root: process.cwd(),
    now: () => new Date(),
    stdin: Readable.from([]),
    stdout: { write: text => (stdout += text) },
    stderr: { write: text => (stderr += text) },
  })
  return { code, stdout, stderr }
}

test('files of several kinds are read, and every finding has a line', async () => {
  const { deps } = await ownServer()
  const folder = deps.config.data_dir
  const file = (name: string, content: string) => (writeFileSync(join(folder, name), content), name)
  const blueprint = file(
    'b.yaml',
    `
version: 1
entries:
  - model: authentik_policies_expression.expressionpolicy
    identifiers: { name: needs-ldap }
    attrs:
      expression: |
        import ldap3
        return True
  - model: authentik_stages_prompt.prompt
    identifiers: { name: field }
    attrs: { placeholder: "return (", placeholder_expression: true, initial_value: "not a text", stage: !Find [a.b, [name, x]] }
`,
  )
  const answer = file(
    'answer.json',
    JSON.stringify({
      results: [
        { name: 'fine', expression: 'from authentik.core.models import User\nreturn User.objects.exists()' },
        { pk: 1, fields: { name: 'odd', expression: 'async def f(): pass' } },
      ],
    }),
  )
  const alone = file('one.py', 'return user.name if user else None')
  const { code, stdout } = await run([blueprint, answer, alone], folder)
  assert.equal(code, 1)
  const lines = stdout.trim().split('\n')
  assert.equal(lines[0], "b.yaml: needs-ldap: line 1, column 1: module 'ldap3' is not available")
  assert.match(lines[1]!, /^b\.yaml: field \(placeholder\): line 1, column \d+: syntax error: /)
  assert.match(lines[2]!, /^answer\.json: odd: line 1/)
  assert.equal(lines.at(-1), `5 expressions checked, ${lines.length - 1} findings`)
  assert.deepEqual(await run([alone], folder), { code: 0, stdout: '1 expression checked, 0 findings\n', stderr: '' })
  assert.equal((await run(['missing.json'], folder)).code, 2)
  assert.equal((await run([file('broken.json', '{')], folder)).code, 2)
  assert.equal((await run([], folder)).code, 2)
})

test('what the program ships is fit to run', async () => {
  const { deps } = await ownServer()
  const files = ['default', 'system'].flatMap(name =>
    readdirSync(join('blueprints', name)).map(file => join(process.cwd(), 'blueprints', name, file)),
  )
  const { code, stdout } = await run(files, deps.config.data_dir)
  assert.equal(code, 0, stdout)
  assert.match(stdout, /^1[0-9] expressions checked, 0 findings\n$|^[2-9][0-9] expressions checked, 0 findings\n$/)
})

test('the database is looked through on demand', async () => {
  const { admin, deps } = await ownServer()
  const name = unique('stored')
  assert.equal((await admin.post('/api/v3/policies/expression/', { name, expression: 'import nothing_of_that_name' })).status, 201)
  const { database, secret_key } = deps.config
  const { code, stdout } = await run(['--all'], deps.config.data_dir, { ...databaseEnv(database), SIGNET_SECRET_KEY: secret_key! })
  assert.equal(code, 1)
  assert.match(stdout, new RegExp(`^policy: ${name}: line 1, column 1: module 'nothing_of_that_name' is not available\n`))
})
