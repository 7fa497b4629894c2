import { spawn } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { DatabaseOptions } from '../../src/db/database.ts'
import { throwawayPostgres } from '../../test/postgres.ts'
import { ended, freePort, memory, usage } from './processes.ts'

const root = dirname(dirname(import.meta.dirname))

/** What API calls of benchmarks present: a token of the first administrator. */
export const ADMIN_TOKEN = 'benchmark-token-of-the-first-administrator'
export const ADMIN_PASSWORD = 'benchmark password'

/** A place for a server's data, empty at first. */
export type Home = {
  folder: string
  database: DatabaseOptions
  env: Record<string, string>
  /** The database server's version, where there is one. */
  postgres?: string
  remove: () => Promise<void>
}

/** A data directory with the embedded database, or one beside a PostgreSQL server of its own. */
export async function makeHome(engine: 'sqlite' | 'postgres'): Promise<Home> {
  const folder = mkdtempSync(join(tmpdir(), 'signet-bench-'))
  const removeFolder = () => rmSync(folder, { recursive: true, force: true })
  if (engine === 'sqlite') {
    return { folder, database: { engine, file: join(folder, 'signet.db') }, env: {}, remove: async () => removeFolder() }
  }
  const server = await throwawayPostgres()
  const { host, port, user, password } = server
  const database = await server.createDatabase()
  const env = { HOST: host, PORT: String(port), USER: user, PASSWORD: password, NAME: database }
  return {
    folder,
    database: { engine, host, port, user, password, database, schema: 'public', ssl: false, pool_size: 4 },
    env: Object.fromEntries(Object.entries(env).map(([name, value]) => [`SIGNET_POSTGRESQL__${name}`, value])),
    postgres: String((await server.query('show server_version'))[0]!['server_version']),
    async remove() {
      await server.stop()
      removeFolder()
    },
  }
}

export type Signet = {
  pid: number
  origin: string
  /** ms from the start of the process to the first 200 of the readiness probe. */
  readyAfter: number
  /** CPU in ms and memory in MiB, by the kernel's account. */
  usage: () => { cpu: number; rss: number }
  /** Memory in MiB, with the share of what other processes hold too. */
  memory: () => { rss: number; pss?: number }
  stop: () => Promise<void>
}

/** The program of `npm start`, or another build of it to compare with: `SIGNET_BENCH_PROGRAM`. */
const program = () => process.env['SIGNET_BENCH_PROGRAM'] ?? join(root, 'bin/signet.mjs')

/** Each probe is a connection of its own, and what answering it costs is counted with the start. */
const PROBE_EVERY = 20 // ms

/** Starts the program as its users do, on the loopback interface, and waits until it is ready. */
export async function startSignet(home: Home, extra: Record<string, string> = {}): Promise<Signet> {
  const port = await freePort()
  const loopback = Object.fromEntries(
    ['HTTPS', 'METRICS', 'LDAP', 'LDAPS', 'RADIUS'].map(name => [`SIGNET_LISTEN__${name}`, '127.0.0.1:0']),
  )
  const env = {
    PATH: process.env['PATH'],
    SIGNET_DATA_DIR: home.folder,
    SIGNET_LISTEN__HTTP: `127.0.0.1:${port}`,
    ...loopback,
    SIGNET_BOOTSTRAP_TOKEN: ADMIN_TOKEN,
    SIGNET_BOOTSTRAP_PASSWORD: ADMIN_PASSWORD,
    ...home.env,
    ...extra,
  }
  const logFile = join(home.folder, 'bench.log')
  const log = openSync(logFile, 'a')
  const begun = performance.now()
  const child = spawn(process.execPath, [...(process.env['SIGNET_BENCH_NODE_OPTIONS']?.split(' ') ?? []), program(), 'server'], {
    env,
    cwd: home.folder,
    stdio: ['ignore', log, log],
  })
  closeSync(log)
  const killNow = () => child.kill('SIGKILL')
  process.once('exit', killNow)
  const origin = `http://127.0.0.1:${port}`
  while (!(await isReady(origin))) {
    if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}:\n${readFileSync(logFile, 'utf8').slice(-2000)}`)
    if (performance.now() - begun > 60_000)
      throw new Error(`the server was not ready within a minute:\n${readFileSync(logFile, 'utf8').slice(-2000)}`)
    await new Promise(resolve => setTimeout(resolve, PROBE_EVERY))
  }
  const readyAfter = performance.now() - begun
  return {
    pid: child.pid!,
    origin,
    readyAfter,
    usage: () => usage(child.pid!),
    memory: () => memory(child.pid!),
    async stop() {
      child.kill('SIGTERM')
      await ended(child)
      process.off('exit', killNow)
    },
  }
}

async function isReady(origin: string): Promise<boolean> {
  try {
    const answer = await fetch(`${origin}/-/health/ready/`, { headers: { connection: 'close' } })
    await answer.arrayBuffer()
    return answer.status === 200
  } catch {
    return false // nobody listens yet
  }
}
