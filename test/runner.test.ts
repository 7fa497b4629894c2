import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, test } from 'node:test'
import { discover, plan, select, type TestFile } from './runner-plan.ts'

const root = dirname(import.meta.dirname)

/** A repository of its own with these files, the runner, and what the runner needs. */
function repository(files: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), 'runner-'))
  const runner = ['', '-plan', '-process', '-tests', '-summary', '-silence', '-diagnosis'].map(part => `runner${part}.ts`)
  for (const name of [...runner, 'memory.ts', 'ports.ts']) cpSync(join(root, 'test', name), join(folder, 'test', name))
  for (const name of ['bin', 'scripts']) cpSync(join(root, name), join(folder, name), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  for (const [path, text] of Object.entries({ 'package.json': '{"type":"module"}', ...files })) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  return folder
}

function run(files: Record<string, string>, ...args: string[]): { code: number | null; output: string } {
  return runWith({}, files, ...args)
}

function runWith(more: NodeJS.ProcessEnv, files: Record<string, string>, ...args: string[]): { code: number | null; output: string } {
  const { NODE_TEST_CONTEXT: _, CI: __, ...env } = process.env
  const { status, stdout, stderr } = spawnSync(process.execPath, ['test/runner.ts', ...args], {
    cwd: repository(files),
    env: { ...env, ...more },
    encoding: 'utf8',
  })
  return { code: status, output: stdout + stderr }
}

const passing = "import { test } from 'node:test'\ntest('holds', () => {})\n"

describe('the plan', () => {
  const folder = repository({
    'src/pure.test.ts': passing,
    'src/types.test.ts': "import type { Harness } from '../test/harness.ts'\n",
    'src/stored.test.ts': "import { aUser } from '../test/builders.ts'\n",
    'src/raw.test.ts': "import { throwawayPostgres } from '../test/postgres.ts'\n",
    'test/builders.ts': "import {\n  harness,\n} from './harness.ts'\nexport const aUser = harness\n",
    'test/harness.ts': "import './postgres.ts'\nexport const harness = 1\n",
    'test/postgres.ts': 'export const throwawayPostgres = 1\n',
    'test/e2e/login.test.ts': '// needs: chromium, apache2\n',
  })
  const files = discover(folder)

  test('imports tell what a file needs, through other files too', () => {
    assert.deepEqual(Object.fromEntries(files.map(({ path, kind }) => [path, kind])), {
      'src/pure.test.ts': 'unit',
      'src/raw.test.ts': 'postgres',
      'src/stored.test.ts': 'engine',
      'src/types.test.ts': 'unit',
      'test/e2e/login.test.ts': 'e2e',
    })
  })

  test('a comment names the programs that a file needs', () => {
    assert.deepEqual(files.find(({ kind }) => kind === 'e2e')?.programs, ['chromium', 'apache2'])
  })

  test('what uses the database runs once on each engine', () => {
    const chunks = plan(files).filter(chunk => chunk.files.includes('src/stored.test.ts'))
    assert.deepEqual(
      chunks.map(({ engine, needsPostgres }) => ({ engine, needsPostgres })),
      [
        { engine: 'postgres', needsPostgres: true },
        { engine: 'sqlite', needsPostgres: false },
      ],
    )
    assert.equal(
      plan(files, 'sqlite').some(chunk => chunk.engine === 'postgres'),
      false,
    )
  })

  test('a file that says so runs on SQLite alone', () => {
    const twice: TestFile = { path: 'a.test.ts', kind: 'engine', programs: [] }
    const once: TestFile = { path: 'b.test.ts', kind: 'once', programs: [] }
    const run = (engine?: 'sqlite' | 'postgres') => plan([twice, once], engine).map(chunk => [chunk.engine, ...chunk.files])
    assert.deepEqual(run(), [
      ['postgres', 'a.test.ts'],
      ['sqlite', 'a.test.ts', 'b.test.ts'],
    ])
    assert.deepEqual(run('postgres'), [['postgres', 'a.test.ts']])
    const marked = repository({
      'src/stored.test.ts': "// once: other.test.ts shows it\nimport { harness } from '../test/harness.ts'\n",
      'test/harness.ts': 'export const harness = 1\n',
    })
    assert.deepEqual(
      discover(marked).map(({ kind }) => kind),
      ['once'],
    )
  })

  test('a browser test that says so runs on both databases', () => {
    const page: TestFile = { path: 'test/e2e/a.test.ts', kind: 'e2e', programs: [], both: true }
    const enginesOf = (engine?: 'sqlite' | 'postgres') => plan([page], engine).map(chunk => [chunk.label, chunk.engine])
    assert.deepEqual(enginesOf(), [
      ['e2e', 'sqlite'],
      ['e2e postgres', 'postgres'],
    ])
    assert.deepEqual(enginesOf('sqlite'), [['e2e', 'sqlite']])
  })

  test('every file is in one chunk of its kind, and chunks are of one size', () => {
    const many = Array.from({ length: 70 }, (_, index): TestFile => ({ path: `src/${index}.test.ts`, kind: 'engine', programs: [] }))
    const chunks = plan(many, 'sqlite')
    assert.deepEqual(
      chunks.map(({ files: { length } }) => length),
      [24, 23, 23],
    )
    assert.equal(new Set(chunks.flatMap(chunk => chunk.files)).size, 70)
  })

  for (const [pattern, expected] of [
    ['stored', ['src/stored.test.ts']],
    ['./src/raw', ['src/raw.test.ts']],
    ['src/*.test.ts', ['src/pure.test.ts', 'src/raw.test.ts', 'src/stored.test.ts', 'src/types.test.ts']],
    ['**/login*', ['test/e2e/login.test.ts']],
    ['nothing', []],
  ] as const)
    test(`the argument ${pattern} selects ${expected.length} files`, () => {
      assert.deepEqual(
        select(files, { patterns: [pattern] }).map(({ path }) => path),
        expected,
      )
    })
})

describe('the run', () => {
  test('closes with the counts of what passed', () => {
    const { code, output } = run({ 'src/a.test.ts': passing, 'src/b.test.ts': passing })
    assert.equal(code, 0, output)
    assert.match(output, /^# tests 2\n# suites 0\n# pass 2\n# fail 0\n/m)
  })

  test('ends when the tests do, whatever they left open, and runs the hooks behind them all', () => {
    const open = "import { after, test } from 'node:test'\nimport { createServer } from 'node:net'\n"
    const left = "createServer().listen(0)\nafter(() => console.log('cleaned up'))\ntest('holds', () => {})\n"
    const { code, output } = run({ 'src/a.test.ts': open + left, 'src/b.test.ts': passing })
    assert.equal(code, 0, output)
    assert.match(output, /cleaned up/)
  })

  for (const [what, code, says] of [
    [
      'a test that fails',
      "import { test } from 'node:test'\ntest('breaks', () => { throw new Error('so it does') })",
      /a\.test\.ts:2 breaks[^]*so it does/,
    ],
    ['a file that cannot be loaded', "import './missing.ts'", /Cannot find module/],
    ['a file without a test', 'export {}', /holds no test/],
    [
      'a hook behind all tests that fails',
      "import { after, test } from 'node:test'\nafter(() => { throw new Error('left a mess') })\ntest('holds', () => {})",
      /left a mess/,
    ],
    [
      'a rejection that nobody handles',
      "import { test } from 'node:test'\ntest('a', async () => { void Promise.reject(new Error('unheard')); await new Promise(done => setTimeout(done, 5)) })",
      /unheard/,
    ],
    [
      'a process that ends between tests',
      "import { test } from 'node:test'\ntest('holds', () => {})\ntest('quits', () => process.exit(0))",
      /before its tests were through/,
    ],
    ['a process that ends early', "import { test } from 'node:test'\ntest('quits', () => process.exit(0))", /did not run/],
    [
      'an error after the test',
      "import { test } from 'node:test'\ntest('a', () => { setTimeout(() => { throw new Error('late') }, 1) })\ntest('b', () => new Promise(done => setTimeout(done, 50)))",
      /late/,
    ],
  ] as const)
    test(`${what} is a failure`, () => {
      const result = run({ 'src/a.test.ts': code })
      assert.equal(result.code, 1, result.output)
      assert.match(result.output, says)
      assert.match(result.output, /^# fail 1$/m)
    })

  test('a test that waits for ever ends, is named, and keeps none of the others from running', () => {
    const waits = (name: string) => `test('${name}', () => new Promise(() => setInterval(() => {}, 1000)))\n`
    const hangs = `import { describe, test } from 'node:test'\n${waits('waits')}describe('inside', () => ${waits('waits too').trim()})\n`
    const { code, output } = runWith({ SIGNET_TEST_TIMEOUT: '300' }, { 'src/a.test.ts': hangs, 'src/b.test.ts': passing })
    assert.equal(code, 1, output)
    assert.match(output, /a\.test\.ts:2 waits[^]*timed out after 300ms/)
    assert.match(output, /a\.test\.ts:3 inside › waits too[^]*timed out after 300ms/)
    assert.match(output, /^# pass 1\n# fail 2$/m)
  })

  for (const [does, body, shows] of [
    [
      'waits for what never comes',
      "Promise.reject(new Error('it was lost')); return new Promise(() => setInterval(() => {}, 9_000))",
      /: it waits\.$/m,
    ],
    ['loops', 'function forEver() { for (;;); }; forEver()', /: it works\.\n\s+It runs:\n\s+at forEver \(.*b\.test\.ts:2\)$/m],
  ] as const)
    test(`a process in which a test ${does} is ended, with what it was doing, and another runs what is left`, () => {
      const hangs = `import { test } from 'node:test'\ntest('hangs', () => { ${body} })\n`
      const files = { 'src/a.test.ts': passing, 'src/b.test.ts': hangs, 'src/c.test.ts': passing, 'src/d.test.ts': passing }
      const { code, output } = runWith({ SIGNET_TEST_SILENCE: '500' }, files)
      assert.equal(code, 1, output)
      assert.match(output, /^✖ process \[unit\]\n\s+Nothing happened for [\d.]+ s while running:\n\s+src\/b\.test\.ts hangs$/m)
      assert.match(output, shows)
      assert.equal(/nobody caught: Error: it was lost/.test(output), body.includes('lost'), output)
      assert.match(output, /^# pass 3\n# fail 2$/m)
    })

  test('a process that hangs before any test has ended is not tried again', () => {
    const hangs =
      "import { before, test } from 'node:test'\nbefore(() => new Promise(() => setInterval(() => {}, 9_000)))\ntest('a', () => {})\n"
    const { code, output } = runWith({ SIGNET_TEST_SILENCE: '500' }, { 'src/a.test.ts': hangs, 'src/b.test.ts': passing })
    assert.equal(code, 1, output)
    assert.match(output, /src\/b\.test\.ts \[unit\]\n\s+The file did not run\./)
  })

  test('a process that is killed is said to be, with what it was doing', () => {
    const dies = "import { test } from 'node:test'\ntest('dies', () => void process.kill(process.pid, 'SIGKILL'))\n"
    const { code, output } = run({ 'src/a.test.ts': dies })
    assert.equal(code, 1, output)
    assert.match(output, /Ended by SIGKILL while running:\n\s+src\/a\.test\.ts dies/)
  })

  test('a pattern that selects nothing is a failure', () => {
    assert.equal(run({ 'src/a.test.ts': passing }, 'elsewhere').code, 1)
  })

  test('what a test leaves in the temporary folder is removed', () => {
    const code =
      "import { mkdtempSync } from 'node:fs'\nimport { tmpdir } from 'node:os'\nconsole.log('left', mkdtempSync(tmpdir() + '/x-'))\n"
    const { output } = run({ 'src/a.test.ts': code + passing })
    const left = /left (\S+)/.exec(output)?.[1]
    assert.ok(left)
    assert.throws(() => symlinkSync('nowhere', join(left, 'link')), { code: 'ENOENT' })
  })
})
