/**
 * The reporter inside a test process: tells the runner what happens as lines of JSON on file descriptor 3, written at once so that
 * nothing is lost when the process ends.
 */
import { AssertionError } from 'node:assert'
import { writeSync } from 'node:fs'
import type { TestEvent } from 'node:test/reporters'
import { inspect } from 'node:util'

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

// oxlint-disable-next-line require-yield -- node wants a generator; what it yields would go to stdout, and nothing should
export default async function* report(events: AsyncIterable<TestEvent>): AsyncGenerator<never> {
  /** Names of the suites around the test that is reported next. */
  const around: string[] = []
  let began = false
  for await (const { type, data } of events) {
    if (type === 'test:dequeue') tell({ type: 'begin', name: data.name, file: data.file })
    if (type === 'test:start') {
      around.length = data.nesting
      around.push(data.name)
      began = true
    }
    if (type === 'test:pass' || type === 'test:fail') {
      const error = type === 'test:fail' ? data.details.error : undefined
      // A suite whose tests failed says nothing new.
      if (error && 'failureType' in error && error.failureType === 'subtestsFailed') continue
      tell({
        type: type === 'test:pass' ? 'pass' : 'fail',
        kind: data.details.type === 'suite' ? 'suite' : 'test',
        name: data.name,
        path: around.slice(0, data.nesting),
        file: data.file,
        line: data.line,
        ms: data.details.duration_ms,
        skip: data.skip !== undefined && data.skip !== false,
        todo: data.todo !== undefined && data.todo !== false,
        ...(error && { error: describe(error) }),
      })
    }
    // Before the first test these are warnings of set-up; the closing counts repeat what the runner counts itself.
    if (type === 'test:diagnostic' && !(began && /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) /.test(data.message)))
      tell({ type: 'note', text: data.message })
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
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
    }
  }
}
