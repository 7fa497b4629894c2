/**
 * One process of the run: `node test/runner-tests.ts [--name pattern] file…` runs the files one after the other and tells the runner
 * what happens as lines of JSON on file descriptor 3, written at once so that nothing is lost when the process ends.
 */
import { AssertionError } from 'node:assert'
import hooks, { AsyncResource } from 'node:async_hooks'
import { channel, subscribe } from 'node:diagnostics_channel'
import { writeSync } from 'node:fs'
import { resolve } from 'node:path'
import type { EventData } from 'node:test'
import { inspect, parseArgs } from 'node:util'

export type Report =
  | { type: 'begin'; name: string; file?: string }
  | {
      type: 'pass' | 'fail'
      kind: 'test' | 'suite'
      name: string
      path: string[]
      file?: string
      line?: number
      ms: number
      skip: boolean
      todo: boolean
      error?: string
    }
  | { type: 'note'; text: string }
  /** All tests are through, and the hooks behind them. */
  | { type: 'end'; success: boolean }

const { values: options, positionals: files } = parseArgs({ allowPositionals: true, options: { name: { type: 'string' } } })

// Node's test runner follows every promise there is, to name the test that an error nobody caught belongs to. That takes a quarter of
// the time of all tests; such errors are failures without a name just as well.
const { createHook } = hooks
hooks.createHook = callbacks => createHook({ ...callbacks, trackPromises: false })
const { after, run } = await import('node:test')

/** Told before the first test of each file, for what the files of a process share. */
const nextFile = channel('signet:test-file')
let current: string | undefined
/** Names of the suites around the test that is reported next. */
const around: string[] = []
let began = false

// Node tells of errors that no test was there to catch when all is through. Whoever asks why nothing goes on any more wants to know now.
const uncaught: string[] = []
for (const event of ['uncaughtExceptionMonitor', 'unhandledRejection'] as const)
  process.on(event, (error: unknown) => void uncaught.push(`nobody caught: ${inspect(error)}`))
subscribe('signet:test-silent', lines => void (lines as string[]).push(...uncaught))

const paths = files.map(file => resolve(file))
const events = run({
  files: paths,
  isolation: 'none',
  ...(options.name && { testNamePatterns: [options.name] }),
})
// Listeners hear of an event at once; what waits in the stream would be lost when the process is made to end.
events.on('test:dequeue', ({ name, file }) => {
  if (file !== current && paths.includes(file ?? '')) nextFile.publish((current = file))
  tell({ type: 'begin', name, file })
})
const outside = new AsyncResource('the run')
// All files are loaded when the first test begins, so this hook comes behind theirs.
events.once('test:dequeue', () => outside.runInAsyncScope(() => after(end)))
events.on('test:start', ({ name, nesting }) => {
  around.length = nesting
  around.push(name)
  began = true
})
events.on('test:pass', data => tell(outcome('pass', data)))
events.on('test:fail', data => {
  const { error } = data.details
  // A suite whose tests failed says nothing new.
  if ('failureType' in error && error.failureType === 'subtestsFailed') return
  tell({ ...outcome('fail', data), error: describe(error) })
  // A hook at the end of all has failed: those behind it, and ours, are not called.
  if (data.nesting === 0 && 'failureType' in error && error.failureType === 'hookFailed' && data.name === data.file) end()
})
events.on('test:diagnostic', ({ message }) => {
  // Before the first test these are warnings of set-up; the closing counts repeat what the runner counts itself.
  if (!(began && /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) /.test(message))) tell({ type: 'note', text: message })
})
events.on('test:summary', ({ success, file }) => {
  if (file !== undefined) return
  tell({ type: 'end', success })
  process.exit()
})
events.resume()

/** Closes the run, whatever tests have left open that would keep the process: first comes what went wrong outside of tests, then the summary. */
function end(): void {
  setImmediate(() => process.emit('beforeExit', 0))
}

function outcome(type: 'pass' | 'fail', data: EventData.TestPass | EventData.TestFail): Extract<Report, { kind: unknown }> {
  return {
    type,
    kind: data.details.type === 'suite' ? 'suite' : 'test',
    name: data.name,
    path: around.slice(0, data.nesting),
    file: data.file,
    line: data.line,
    ms: data.details.duration_ms,
    skip: data.skip !== undefined && data.skip !== false,
    todo: data.todo !== undefined && data.todo !== false,
  }
}

/** The error a test threw, as a developer wants to read it: message with its diff, own stack, cause; without the runner's frames. */
function describe(error: Error): string {
  const thrown = error.cause ?? error
  if (typeof thrown === 'string') return thrown
  const text = thrown instanceof AssertionError ? (thrown.stack ?? thrown.message) : inspect(thrown, { colors: false, depth: 6 })
  return text.replaceAll(/\n +at (?:async )?(?:[^\n]*\()?node:[^\n]*|\n +at async Promise\.all[^\n]*/g, '')
}

function tell(event: Report): void {
  let rest = Buffer.from(`${JSON.stringify(event)}\n`)
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(3, rest))
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'EPIPE') process.exit(1) // nobody listens any more
      if (code !== 'EAGAIN') throw error
    }
  }
}
