/**
 * Runs the tests: those that use the database once on each engine, few processes with many files each, one more at a time than the machine has cores.
 *
 *     npm test                             everything this machine can run; with CI set, everything there is
 *     npm test -- src/flows oauth2         files whose path holds one of these (or matches it, if it holds a `*`)
 *     npm test -- --name 'spent once'      tests whose name matches the regular expression
 *     npm test -- --engine postgres        the tests of one engine only
 *     npm test -- --list                   what would run, where
 *     npm run e2e                          what drives a browser, web servers or the built program; `--no-e2e` is all but that
 */
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { inspect, parseArgs } from 'node:util'
import { build } from '../scripts/prepare.mjs'
import { memoryFolder } from './memory.ts'
import { discover, plan, select, type Engine, type TestFile } from './runner-plan.ts'
import { runChunk, stopAll } from './runner-process.ts'
import { Summary } from './runner-summary.ts'

/** Where one program does as well as the one that files name. */
const SUBSTITUTES: Record<string, string> = { chromium: 'chromium-headless-shell' }

const root = dirname(import.meta.dirname)
const started = performance.now()

const { values: options, positionals: patterns } = parseArgs({
  allowPositionals: true,
  allowNegative: true,
  options: { name: { type: 'string' }, engine: { type: 'string' }, e2e: { type: 'boolean' }, list: { type: 'boolean' } },
})
if (options.engine && !['sqlite', 'postgres'].includes(options.engine)) throw new Error('--engine is sqlite or postgres')
const engine = options.engine as Engine | undefined

const summary = new Summary(root)
const cleanups: (() => Promise<void>)[] = []

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.once(signal, () => {
    stopAll()
    void cleanUp().finally(() => {
      stopAll() // and what began meanwhile
      process.exit(1)
    })
  })

const only = options.e2e === undefined ? undefined : options.e2e ? 'e2e' : 'not-e2e'
const wanted = select(discover(root), { patterns, ...(only && { only }) })
const chunks = plan(wanted.filter(runnable), engine)
if (wanted.length === 0) summary.fail('runner', patterns.join(' ') || 'test/', 'No test file matches.')

if (options.list) {
  for (const { label, files } of chunks) console.log(`${label}\n${files.map(file => `  ${file}`).join('\n')}`)
} else {
  await runAll()
  summary.close(performance.now() - started)
}
process.exitCode = summary.failed ? 1 : 0

async function runAll(): Promise<void> {
  const shared = mkdtempSync(join(memoryFolder(), 'signet-test-shared-'))
  cleanups.push(async () => rmSync(shared, { recursive: true, force: true }))
  process.env.SIGNET_TEST_SHARED = shared // for all that run in this process and in those it starts
  const postgres = chunks.some(chunk => chunk.needsPostgres) ? startPostgres() : Promise.resolve({})
  postgres.catch(() => {}) // reported by each chunk that awaits it
  try {
    if (chunks.some(chunk => chunk.needsBundles)) build()
  } catch (error) {
    summary.fail('runner', 'npm run build', String(error))
  }
  const queue = [...chunks]
  const work = async () => {
    for (let chunk = queue.shift(); chunk; chunk = queue.shift()) {
      try {
        const env = chunk.needsPostgres ? await postgres : {}
        await runChunk(chunk, { root, summary, env, ...(options.name && { namePattern: options.name }) })
      } catch (error) {
        summary.fail(chunk.label, chunk.files.join(' '), `Could not be run: ${inspect(error)}`)
      }
    }
  }
  // One more than there are cores: now and then each waits for a program, a browser or a database.
  const workers = Math.max(2, Math.min(4, availableParallelism())) + 1
  await Promise.all(Array.from({ length: workers }, work))
  await cleanUp()
}

/** Starts one PostgreSQL for all test processes, unless the caller brought one; resolves to the environment that names it. */
async function startPostgres(): Promise<NodeJS.ProcessEnv> {
  if (process.env.SIGNET_TEST_POSTGRES) return {}
  const { throwawayPostgres } = await import('./postgres.ts')
  const server = await throwawayPostgres()
  cleanups.push(() => server.stop())
  return { SIGNET_TEST_POSTGRES: server.connection }
}

async function cleanUp(): Promise<void> {
  for (const cleanup of cleanups.splice(0)) await cleanup()
}

/** A file that names programs this machine lacks is left out and said to be; where everything must run, that is a failure. */
function runnable({ path, programs }: TestFile): boolean {
  const missing = programs.filter(program => !installed(program))
  if (missing.length === 0) return true
  const why = `needs ${missing.join(', ')}, which this machine lacks; .ci/run installs it on Debian.`
  if (process.env.CI || options.e2e) summary.fail('runner', path, `It ${why}`)
  else console.log(`not run: ${path} ${why}`)
  return false
}

function installed(program: string): boolean {
  const names = [program, SUBSTITUTES[program] ?? program]
  return [...(process.env.PATH ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin'].some(folder =>
    names.some(name => {
      try {
        accessSync(join(folder, name), constants.X_OK)
        return true
      } catch {
        return false
      }
    }),
  )
}
