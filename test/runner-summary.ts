import { relative } from 'node:path'
import type { Report } from './runner-tests.ts'

type Outcome = Extract<Report, { type: 'pass' | 'fail' }>

/** Collects what the test processes tell, prints failures as they come, and closes with the counts that node's own runner prints. */
export class Summary {
  readonly #root: string
  readonly #counts = { tests: 0, suites: 0, pass: 0, fail: 0, skipped: 0, todo: 0 }
  readonly #failures: string[] = []
  readonly #skipped: string[] = []
  readonly #times = new Map<string, number>()
  readonly #seen = new Set<string>()
  readonly #failedIn = new Set<string>()

  constructor(root: string) {
    this.#root = root
  }

  /** Records the outcome of one test or suite of the chunk with that label. */
  add(label: string, outcome: Outcome): void {
    const file = outcome.file ? relative(this.#root, outcome.file) : '(unknown file)'
    this.#seen.add(`${label}:${file}`)
    const name = [...outcome.path, outcome.name].join(' › ')
    // Node stands in a test of the file's own name for a file that registered none.
    const empty = outcome.type === 'pass' && (outcome.name === outcome.file || outcome.name === file)
    if (outcome.path.length === 0) this.#times.set(`${file} [${label}]`, (this.#times.get(`${file} [${label}]`) ?? 0) + outcome.ms)
    if (empty) return this.fail(label, file, 'The file holds no test.')
    if (outcome.kind === 'suite') this.#counts.suites++
    if (outcome.type === 'fail' && !outcome.todo) return this.fail(label, `${file}:${outcome.line ?? 1} ${name}`, outcome.error ?? 'failed')
    if (outcome.kind === 'suite') return
    this.#counts.tests++
    if (outcome.skip) {
      this.#counts.skipped++
      this.#skipped.push(`${file} ${name} [${label}]`)
    } else if (outcome.todo) this.#counts.todo++
    else this.#counts.pass++
  }

  /** Records and prints a failure, be it of a test or of what should have run it. */
  fail(label: string, where: string, error: string): void {
    this.#counts.tests++
    this.#counts.fail++
    this.#failedIn.add(label)
    this.#failures.push(`${where} [${label}]`)
    console.log(`✖ ${where} [${label}]\n${error.replaceAll(/^/gm, '    ')}\n`)
  }

  /** Whether any outcome of this file came from that chunk. */
  heardOf(label: string, file: string): boolean {
    return this.#seen.has(`${label}:${file}`)
  }

  /** Whether anything failed in that chunk. */
  failedIn(label: string): boolean {
    return this.#failedIn.has(label)
  }

  get failed(): boolean {
    return this.#counts.fail > 0
  }

  /** Prints what to look at, then the counts. `ms` is the time of the whole run. */
  close(ms: number): void {
    if (this.#skipped.length > 0) console.log(`\nSkipped:\n${indent(this.#skipped)}`)
    if (ms > 60_000) {
      const slowest = [...this.#times].sort(([, a], [, b]) => b - a).slice(0, 8)
      console.log(`\nSlowest files:\n${indent(slowest.map(([name, time]) => `${(time / 1000).toFixed(1)} s  ${name}`))}`)
    }
    if (this.#failures.length > 0) console.log(`\nFailed:\n${indent(this.#failures)}`)
    const { tests, suites, pass, fail, skipped, todo } = this.#counts
    console.log(`\n# tests ${tests}\n# suites ${suites}\n# pass ${pass}\n# fail ${fail}`)
    console.log(`# cancelled 0\n# skipped ${skipped}\n# todo ${todo}\n# duration_ms ${ms.toFixed(0)}`)
  }
}

const indent = (lines: string[]) => lines.map(line => `  ${line}`).join('\n')
