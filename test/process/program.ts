import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { after } from 'node:test'
import { build } from '../../scripts/prepare.mjs'
import { memoryFolder } from '../memory.ts'

build()
/** What `npm start` runs: it starts in a fraction of the time that the sources take. */
const PROGRAM = fileURLToPath(new URL('../../bin/signet.mjs', import.meta.url))
/** The same, unbundled. */
export const SOURCES = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

const running = new Set<ChildProcess>()
const folders: string[] = []
after(() => {
  for (const child of running) child.kill('SIGKILL')
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

/** A folder that is gone when the test file is through. */
export function aFolder(): string {
  const folder = mkdtempSync(join(memoryFolder(), 'signet-process-'))
  folders.push(folder)
  return folder
}

export type Line = Record<string, unknown> & { event: string }

export type Program = {
  child: ChildProcess
  /** What it printed so far. */
  stdout: () => string
  stderr: () => string
  /** The first line of the log for which the condition holds; rejects when the program ends before it. */
  logged: (wanted: (line: Line) => boolean) => Promise<Line>
  /** The addresses it listens on, http first; known as soon as it does. */
  addresses: () => Promise<{ http: URL; https: URL }>
  /** Resolves when it printed that it is ready. */
  ready: () => Promise<void>
  /** Sends a signal and waits for the end. */
  stop: (signal?: NodeJS.Signals) => Promise<number | null>
  exit: Promise<number | null>
}

/**
 * Runs the program with its own ports and nothing of this process's settings.
 * @param through a command that the whole is an argument of, and that becomes it in the end
 */
export function run(args: readonly string[], env: Record<string, string>, program = PROGRAM, through: readonly string[] = []): Program {
  const [command, ...rest] = [...through, process.execPath, program, ...args]
  const child = spawn(command!, rest, {
    env: {
      PATH: process.env.PATH,
      NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
      SIGNET_LISTEN__HTTP: '127.0.0.1:0',
      SIGNET_LISTEN__HTTPS: '127.0.0.1:0',
      SIGNET_LISTEN__METRICS: '',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  running.add(child)
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const exit = once(child, 'close').then(([code]) => {
    running.delete(child)
    return code as number | null
  })
  /** Waits until `look` finds something in what the program writes. */
  const found = <T>(look: () => T | undefined): Promise<T> =>
    new Promise((resolve, reject) => {
      const check = () => {
        const value = look()
        if (value !== undefined) resolve(value)
      }
      child.stdout.on('data', check)
      child.stderr.on('data', check)
      child.once('close', () => {
        check()
        reject(new Error(`the program ended:\n${stdout}${stderr}`))
      })
      check()
    })
  const lines = () =>
    stderr
      .split('\n')
      .slice(0, -1)
      .filter(line => line.startsWith('{'))
      .map(line => JSON.parse(line) as Line)
  const logged: Program['logged'] = wanted => found(() => lines().find(wanted))
  return {
    child,
    stdout: () => stdout,
    stderr: () => stderr,
    logged,
    async addresses() {
      const { addresses } = await logged(line => line.event === 'listening')
      const [http, https] = (addresses as string[]).map(address => new URL(address))
      return { http: http!, https: https! }
    },
    ready: async () => void (await found(() => /Signet (is ready|runs jobs).*\n/.exec(stdout)?.[0])),
    async stop(signal = 'SIGTERM') {
      child.kill(signal)
      return exit
    },
    exit,
  }
}

/** Sends bytes as they are and answers everything that comes back until the other side hangs up, or `until` matches. */
export async function raw({ hostname, port }: URL, bytes: string, until?: RegExp): Promise<string> {
  const socket = connect(Number(port), hostname)
  let answer = ''
  socket.setEncoding('latin1').on('data', (text: string) => {
    answer += text
    if (until?.test(answer)) socket.destroy()
  })
  socket.on('error', () => {}) // a connection that is cut is an answer too
  socket.write(bytes, 'latin1')
  await once(socket, 'close')
  return answer
}
