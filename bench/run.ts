/**
 * Measures the program, side by side with peers where there are some, and prints one table.
 *
 *     npm run bench                       all benchmarks, about twenty minutes
 *     npm run bench -- users start        those two
 *     npm run bench -- --json out.json    where the figures go as JSON; default .cache/bench.json
 *     npm run bench -- tokens --only introspection --rounds 3 --seconds 1 --warmup 3
 *                                         some cases of it, and how long, where a benchmark can do with less
 *
 * A benchmark is a file of this folder that exports `benchmark`. Figures of a machine that does something else meanwhile are worth
 * little: look at the load that stands above the table.
 */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { circumstances, table, type Row } from './lib/report.ts'

/** How a benchmark is asked to run, where it knows how. */
export type Asked = {
  /** The cases whose names begin so. */
  only?: string
  rounds?: number
  /** Of a round, and before the first that counts. */
  seconds?: number
  warmup?: number
  /** Connections that ask at the same time. */
  clients?: number
}

/** What a file of this folder exports as `benchmark`. */
export type Benchmark = {
  /** In the order that the table shows; lower comes first. */
  order: number
  /** Measures; says lines as they come. `note` tells of a version of something that took part. */
  run: (say: (row: Row) => void, note: (name: string, version: string) => void, asked: Asked) => Promise<void>
}

const { values: options, positionals: wanted } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'string', default: join(dirname(import.meta.dirname), '.cache/bench.json') },
    only: { type: 'string' },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    warmup: { type: 'string' },
    clients: { type: 'string' },
  },
})
const asked: Asked = {
  ...(options.only !== undefined && { only: options.only }),
  ...Object.fromEntries(
    (['rounds', 'seconds', 'warmup', 'clients'] as const)
      .filter(name => options[name] !== undefined)
      .map(name => [name, Number(options[name])]),
  ),
}

const names = readdirSync(import.meta.dirname)
  .filter(file => /^[a-z-]+\.ts$/.test(file) && file !== 'run.ts')
  .map(file => file.slice(0, -3))
const unknown = wanted.filter(name => !names.includes(name))
if (unknown.length > 0) throw new Error(`There is no benchmark named ${unknown.join(', ')}; there are: ${names.join(', ')}`)

const about = circumstances(new Date())
const rows: (Row & { benchmark: string })[] = []
const found: { name: string; benchmark: Benchmark }[] = []
for (const name of wanted.length > 0 ? wanted : names) {
  const { benchmark } = (await import(`./${name}.ts`)) as { benchmark?: Benchmark }
  if (benchmark) found.push({ name, benchmark })
}
found.sort((a, b) => a.benchmark.order - b.benchmark.order)

for (const { name, benchmark } of found) {
  process.stderr.write(`${name} …\n`)
  const say = (row: Row) => {
    rows.push({ benchmark: name, ...row })
    process.stderr.write(
      `  ${row.case}: ${Object.entries(row.figures)
        .map(([figure, value]) => `${figure} ${value.toFixed(2)}`)
        .join(', ')}\n`,
    )
  }
  try {
    await benchmark.run(say, (part, version) => void (about.versions[part] = version), asked)
  } catch (error) {
    // The others are worth having all the same.
    console.error(`${name} failed:`, error)
    process.exitCode = 1
  }
}

console.log(table(about, rows))
mkdirSync(dirname(options.json), { recursive: true })
writeFileSync(options.json, `${JSON.stringify({ ...about, rows }, null, 2)}\n`)
