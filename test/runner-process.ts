import { spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { memoryFolder } from './memory.ts'
import type { Chunk } from './runner-plan.ts'
import type { Report } from './runner-tests.ts'
import type { Summary } from './runner-summary.ts'

// Not how long anything may take: after so long without any news a process is believed to hang outside of a test, on a slow machine too.
const LOADING = 600_000 // ms, until its first test begins; longer than any test may take
const SILENCE = Number(process.env.SIGNET_TEST_SILENCE ?? LOADING) // ms, from then on
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
 * there: a process that crashes, hangs, ends early or leaves a file out.
 */
export async function runChunk(chunk: Chunk, { root, summary, namePattern, env }: Settings): Promise<void> {
  const started = performance.now()
  // Whatever tests leave in the folders for temporary files goes with them. Open to all: a database server runs as another user.
  const [folder, memory] = [tmpdir(), memoryFolder()].map(within => {
    const made = mkdtempSync(join(within, 'signet-test-'))
    chmodSync(made, 0o755)
    folders.add(made)
    return made
  }) as [string, string]
  const child = spawn(
    process.execPath,
    [
      '--disable-warning=ExperimentalWarning',
      // For tests inside of suites too, which do not inherit what the run itself is told.
      `--test-timeout=${TEST_TIMEOUT}`,
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

  const running = new Set<string>()
  let tests = 0
  let hung = false
  let finished = false
  const giveUp = () => {
    hung = true
    if (pid) endGroup(pid)
  }
  let silent = LOADING
  let watch = setTimeout(giveUp, silent)
  const lines = createInterface({ input: child.stdio[3] as Readable })
  const closed = new Promise<void>(resolve => void lines.once('close', resolve))
  lines.on('line', line => {
    clearTimeout(watch)
    watch = setTimeout(giveUp, (silent = SILENCE))
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
    const name = `${report.file ? relative(root, report.file) : ''} ${report.name}`
    if (report.type === 'begin') return void running.add(name)
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
  clearTimeout(watch)
  if (pid) groups.delete(pid)
  for (const made of [folder, memory]) {
    rmSync(made, { recursive: true, force: true })
    folders.delete(made)
  }

  const left = namePattern ? [] : chunk.files.filter(file => !summary.heardOf(chunk.label, file))
  const during = running.size > 0 ? ` while running:\n${[...running].join('\n')}` : ''
  if (error) summary.fail(chunk.label, 'process', error.message)
  else if (hung) summary.fail(chunk.label, 'process', `Nothing happened for ${silent / 1000} s${during}`)
  else if (signal) summary.fail(chunk.label, 'process', `Ended by ${signal}${during}`)
  else if (!finished && left.length === 0)
    summary.fail(chunk.label, 'process', `Ended with exit code ${code} before its tests were through${during}`)
  else if (code !== 0 && !summary.failedIn(chunk.label)) summary.fail(chunk.label, 'process', `Ended with exit code ${code}${during}`)
  for (const file of left) summary.fail(chunk.label, file, 'The file did not run.')
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  console.log(`${summary.failedIn(chunk.label) ? '✖' : '✔'} ${chunk.label}: ${chunk.files.length} files, ${tests} tests, ${seconds} s`)
}

function endGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
