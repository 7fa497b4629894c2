/**
 * What can be told about the code without running it: types, lint, format, unused code, circles of imports, and that generated files are fresh.
 *
 *     npm run check [-- types|lint|format|lock|unused|cycles|generated …]     npm run fix
 */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'

type Step = { name: string; command: string[] }

/** Each rewrites a file that is committed; with --check it only says whether the file is what it would write. */
const generators = ['scripts/db-types.ts', 'scripts/api-spec.ts']

const checks: Step[] = [
  { name: 'types', command: ['tsc', '-p', 'tsconfig.json'] },
  { name: 'types', command: ['tsc', '-p', 'web/tsconfig.json'] },
  { name: 'lint', command: ['oxlint'] },
  { name: 'format', command: ['oxfmt', '--check'] },
  { name: 'lock', command: ['node', 'scripts/lock.mjs', '--check'] },
  { name: 'unused', command: ['knip', '--no-progress', '--no-config-hints'] },
  { name: 'cycles', command: ['node', 'scripts/cycles.ts'] },
  ...generators.filter(file => existsSync(file)).map(file => ({ name: 'generated', command: ['node', file, '--check'] })),
]
const fixes: Step[] = [
  { name: 'lock', command: ['node', 'scripts/lock.mjs'] },
  { name: 'lint', command: ['oxlint', '--fix'] },
  { name: 'format', command: ['oxfmt'] },
]

const { args, steps } =
  process.argv[2] === '--fix' ? { args: process.argv.slice(3), steps: fixes } : { args: process.argv.slice(2), steps: checks }
const unknown = args.filter(arg => !steps.some(step => step.name === arg))
if (unknown.length > 0)
  throw new Error(`There is no check named ${unknown.join(', ')}; there are: ${[...new Set(steps.map(step => step.name))].join(', ')}`)
const wanted = steps.filter(step => args.length === 0 || args.includes(step.name))

// Fixes change files and so go one by one; checks only read, and the slowest decides how long they take.
const results: boolean[] = []
if (steps === fixes) for (const step of wanted) results.push(await run(step))
else results.push(...(await Promise.all(wanted.map(run))))
process.exitCode = results.every(Boolean) ? 0 : 1

/** Runs one step, prints its output in one piece when it is done, and tells whether it passed. */
async function run({ name, command: [program, ...rest] }: Step): Promise<boolean> {
  const started = performance.now()
  const child = spawn(program!, rest, { stdio: ['ignore', 'pipe', 'pipe'] })
  const chunks: Buffer[] = []
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  const code = await new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve))
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  const output = Buffer.concat(chunks).toString().trimEnd()
  if (code !== 0 && output) console.log(output)
  console.log(`${code === 0 ? '✔' : '✖'} ${name}: ${[program, ...rest].join(' ')} (${seconds} s)`)
  return code === 0
}
