import { spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { memoryFolder } from './memory.ts'
import { freePort } from './ports.ts'
import { Silence } from './runner-silence.ts'
import type { Chunk } from './runner-plan.ts'
import type { Report } from './runner-tests.ts'
import type { Summary } from './runner-summary.ts'

/** For one test, or what comes before a suite: none takes a tenth of it on a machine that does little else. ms */
const TEST_TIMEOUT = Number(process.env.SIGNET_TEST_TIMEOUT ?? 300_000)

export type Settings = { root: string; summary: Summary; namePattern?: string; env?: NodeJS.ProcessEnv }

const groups = new Set<number>()
const folders = new Set<string>()

/** Ends the processes that run tests, and what those started, and removes their files. */
export function stopAll(): void {
  for (const pid of groups) endGroup(pid)
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
}

/**
 * Runs a chunk in one process of node's test runner and adds the outcomes to the summary. Every way to not run a test is a failure
 * there: a process that crashes, hangs, ends early or leaves a file out. What one that hangs has not come to is run by another.
 */
export async function runChunk(chunk: Chunk, settings: Settings): Promise<void> {
  for (let { files } = chunk; files.length > 0;) files = await runFiles({ ...chunk, files }, settings)
}

/** Answers those files that are still to be run. */
async function runFiles(chunk: Chunk, { root, summary, namePattern, env }: Settings): Promise<string[]> {
  const started = performance.now()
  // Whatever tests leave in the folders for temporary files goes with them. Open to all: a database server runs as another user.
  const [folder, memory] = [tmpdir(), memoryFolder()].map(within => {
    const made = mkdtempSync(join(within, 'signet-test-'))
    chmodSync(made, 0o755)
    folders.add(made)
    return made
  }) as [string, string]
  const port = await freePort()
  const child = spawn(
    process.execPath,
    [
      '--disable-warning=ExperimentalWarning',
      // For tests inside of suites too, which do not inherit what the run itself is told.
      `--test-timeout=${TEST_TIMEOUT}`,
      // Where it listens for a debugger once it is asked what it is doing.
      `--inspect-port=127.0.0.1:${port}`,
      '--inspect-publish-uid=http',
      join(root, 'test/runner-tests.ts'),
      ...(namePattern ? [`--name=${namePattern}`] : []),
      ...chunk.files,
    ],
    {
      cwd: root,
      env: {
        NODE_COMPILE_CACHE: join(root, 'node_modules/.cache/tests'),
        ...process.env,
        ...env,
        TMPDIR: folder,
        SIGNET_TEST_MEMORY: memory,
        ...(chunk.engine && { SIGNET_TEST_ENGINE: chunk.engine }),
      },
      stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
      detached: true, // a process group of its own, so that all of it can be ended
    },
  )
  const pid = child.pid
  if (pid) groups.add(pid)

  /** Names of the tests that are under way, and their files. */
  const running = new Map<string, string>()
  const during = () => (running.size > 0 ? ` while running:\n${[...running.keys()].join('\n')}` : '')
  let tests = 0
  let hung = false
  let finished = false
  const silence =
    pid === undefined
      ? undefined
      : new Silence(pid, port, {
          silent: (seconds, doing) =>
            console.log(`  ${chunk.label}: nothing happened for ${seconds} s${`${during()}\n${doing}`.replaceAll('\n', '\n    ')}`),
          hangs(seconds, doing) {
            hung = true
            summary.fail(chunk.label, 'process', `Nothing happened for ${seconds} s${during()}\n${doing}`)
            endGroup(pid)
          },
        })
  const lines = createInterface({ input: child.stdio[3] as Readable })
  const closed = new Promise<void>(resolve => void lines.once('close', resolve))
  lines.on('line', line => {
    silence?.news()
    const report = JSON.parse(line) as Report
    if (report.type === 'note') {
      // An error that no test was there to catch.
      if (report.text.includes('asynchronous activity')) summary.fail(chunk.label, 'outside of a test', report.text)
      else console.log(`  ${chunk.label}: ${report.text}`)
      return
    }
    if (report.type === 'end') {
      finished = true
      return
    }
    const file = report.file ? relative(root, report.file) : ''
    const name = `${file} ${report.name}`
    if (report.type === 'begin') return void running.set(name, file)
    running.delete(name)
    if (report.kind === 'test') tests++
    summary.add(chunk.label, report)
  })

  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null; error?: Error }>(resolve => {
    child.on('error', error => resolve({ code: null, signal: null, error }))
    child.on('exit', (code, signal) => resolve({ code, signal }))
  })
  const { code, signal, error } = await ended
  // What a test started and left behind holds the pipe open; it ends with its group.
  if (pid) endGroup(pid)
  if (!error) await closed
  silence?.end()
  if (pid) groups.delete(pid)
  for (const made of [folder, memory]) {
    rmSync(made, { recursive: true, force: true })
    folders.delete(made)
  }

  const left = namePattern ? [] : chunk.files.filter(file => !summary.heardOf(chunk.label, file))
  // What hangs before anything has ended would hang again.
  const again = hung && tests > 0 ? left.filter(file => !running.values().some(begun => begun === file)) : []
  if (error) summary.fail(chunk.label, 'process', error.message)
  else if (signal && !hung) summary.fail(chunk.label, 'process', `Ended by ${signal}${during()}`)
  else if (!hung && !finished && left.length === 0)
    summary.fail(chunk.label, 'process', `Ended with exit code ${code} before its tests were through${during()}`)
  else if (code !== 0 && !summary.failedIn(chunk.label)) summary.fail(chunk.label, 'process', `Ended with exit code ${code}${during()}`)
  for (const file of left) if (!again.includes(file)) summary.fail(chunk.label, file, 'The file did not run.')
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  console.log(`${summary.failedIn(chunk.label) ? '✖' : '✔'} ${chunk.label}: ${chunk.files.length} files, ${tests} tests, ${seconds} s`)
  return again
}

function endGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
