import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { memoryFolder } from '../memory.ts'

/** What `npm start` runs; needs the bundles. */
const PROGRAM = fileURLToPath(new URL('../../bin/signet.mjs', import.meta.url))

/** What the first start gives the administrator `akadmin`. */
export const PASSWORD = 'correct horse battery staple'
export const TOKEN = 'a-token-for-whoever-automates-this-installation'
export const BOOTSTRAP = {
  AUTHENTIK_BOOTSTRAP_EMAIL: 'admin@example.test',
  AUTHENTIK_BOOTSTRAP_PASSWORD: PASSWORD,
  AUTHENTIK_BOOTSTRAP_TOKEN: TOKEN,
}

/** How much of what it says is kept, for the message of a failure. */
const KEPT = 200

export type Api = (method: string, path: string, body?: unknown) => Promise<any>

export type Program = {
  pid: number
  /** Where it is reached, without a slash at the end. */
  origin: string
  /** Calls `/api/v3` + path as the administrator; throws unless the answer is a success. */
  api: Api
  /** Its last lines. */
  said: () => string
  /** Resolves to the exit code, or the signal, when it has ended. */
  ended: Promise<number | NodeJS.Signals>
  /** Sends a signal and waits for the end. */
  stop: (signal?: NodeJS.Signals) => Promise<number | NodeJS.Signals>
}

/** A new folder for data, in memory unless told otherwise; `remove` takes it away. */
export function aDataFolder(within = memoryFolder()): { folder: string; remove: () => void } {
  const folder = mkdtempSync(join(within, 'signet-data-'))
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) }
}

export type Start = {
  /** Where the data lives. */
  data: string
  env?: Record<string, string>
  /** The program and its arguments; `bin/signet.mjs server` unless told otherwise. */
  command?: readonly string[]
  cwd?: string
}

/**
 * Starts the built program as its users do, on free ports of loopback, and waits until it says that it is ready.
 * @throws Error with what it said, when it ends before that
 */
export async function start({ data, env = BOOTSTRAP, command = [process.execPath, PROGRAM, 'server'], cwd }: Start): Promise<Program> {
  const [file, ...args] = command
  const child = spawn(file!, args, {
    env: {
      PATH: process.env.PATH,
      ...(process.env.NODE_COMPILE_CACHE && { NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE }),
      SIGNET_DATA_DIR: data,
      SIGNET_LISTEN__HTTP: '127.0.0.1:0',
      SIGNET_LISTEN__HTTPS: '',
      SIGNET_LISTEN__METRICS: '',
      SIGNET_LISTEN__LDAP: '',
      SIGNET_LISTEN__LDAPS: '',
      SIGNET_LISTEN__RADIUS: '',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(cwd !== undefined && { cwd }),
  })
  const killed = () => child.kill('SIGKILL')
  process.once('exit', killed)
  const ended = once(child, 'exit').then(([code, signal]) => {
    process.off('exit', killed)
    return (code ?? signal) as number | NodeJS.Signals
  })
  const lines: string[] = []
  const said = () => lines.join('\n')
  const keep = (line: string) => {
    lines.push(line)
    if (lines.length > KEPT) lines.shift()
  }
  createInterface({ input: child.stderr }).on('line', keep)
  const stdout = createInterface({ input: child.stdout }).on('line', keep)
  const ready = new Promise<string>(resolve => {
    stdout.on('line', line => {
      const address = /^Signet is ready: (http\S+)\/$/.exec(line)?.[1]
      if (address) resolve(address)
    })
  })
  const origin = await Promise.race([ready, ended.then(end => Promise.reject(new Error(`the program ended (${end}):\n${said()}`)))])
  return {
    pid: child.pid!,
    origin,
    api: apiAt(origin),
    said,
    ended,
    stop(signal = 'SIGTERM') {
      child.kill(signal)
      return ended
    },
  }
}

/** The API of an installation, as its administrator. */
export function apiAt(origin: string, token = TOKEN): Api {
  return async (method, path, body) => {
    const headers = { authorization: `Bearer ${token}`, ...(body !== undefined && { 'content-type': 'application/json' }) }
    const response = await fetch(`${origin}/api/v3${path}`, { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
    return text === '' ? undefined : JSON.parse(text)
  }
}
