/** Both engines for contract suites: what holds on one must hold on the other. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import type { DatabaseConfig } from '../src/config.ts'
import type { Database, DatabaseOptions, Engine, SqliteOptions } from '../src/db/database.ts'
import { openDatabase } from '../src/db/database.ts'
import type { PostgresOptions } from '../src/db/postgres/dialect.ts'
import type { ThrowawayPostgres } from './postgres.ts'
import { throwawayPostgres } from './postgres.ts'

/** What `openDatabase` may be told besides the place. */
export type Extra = Pick<Partial<DatabaseOptions>, 'watchedTables' | 'rowKeys' | 'report' | 'elapsed' | 'connectWithin'> &
  Pick<SqliteOptions, 'busy_timeout'> &
  Pick<Partial<PostgresOptions>, 'pool_size' | 'prepared' | 'schema'>

export type TestEngine = {
  engine: Engine
  /** Makes an empty database and says where it is: for tests that open it more than once, or elsewhere. */
  place: () => Promise<DatabaseOptions>
  /** Makes an empty database and opens it. Databases that a test leaves open are closed when its file is through. */
  open: (extra?: Extra) => Promise<Database>
  /** Opens one that is there already. */
  reopen: (place: DatabaseOptions, extra?: Extra) => Promise<Database>
}

let server: Promise<ThrowawayPostgres> | undefined
let folder: Promise<string> | undefined
let files = 0
const made: string[] = []
const opened = new Set<Database>()

const openTracked = async (options: DatabaseOptions): Promise<Database> => {
  const database = await openDatabase(options)
  const close = database.close.bind(database)
  const tracked: Database = {
    ...database,
    async close() {
      opened.delete(tracked)
      await close()
    },
  }
  opened.add(tracked)
  return tracked
}

const cleanUp = async (): Promise<void> => {
  await Promise.all([...opened].map(database => database.close()))
  if (server !== undefined) {
    const running = await server
    // Some at once: each waits for a checkpoint, which they then share.
    const drop = async () => {
      for (let name = made.pop(); name; name = made.pop()) await running.dropDatabase(name)
    }
    await Promise.all(Array.from({ length: 8 }, drop))
    await running.stop()
    server = undefined
  }
  if (folder !== undefined) await rm(await folder, { recursive: true, force: true })
  folder = undefined
}

const engine = (name: Engine, place: () => Promise<DatabaseOptions>): TestEngine => {
  const reopen = (where: DatabaseOptions, extra: Extra = {}) => openTracked({ ...where, ...extra })
  return { engine: name, place, reopen, open: async extra => reopen(await place(), extra) }
}

/**
 * The engines, each with fresh databases: SQLite files in a temporary folder, PostgreSQL databases in the server of the run. Call
 * it once at the top of a test file; what was made is gone when the file is through.
 */
export const databases = (): TestEngine[] => {
  after(cleanUp)
  return [
    engine('sqlite', async () => {
      folder ??= mkdtemp(join(tmpdir(), 'signet-sqlite-'))
      return { engine: 'sqlite', file: join(await folder, `${++files}.db`) }
    }),
    engine('postgres', async () => {
      server ??= throwawayPostgres()
      const { host, port, user, password, createDatabase } = await server
      const database = await createDatabase()
      made.push(database)
      return { engine: 'postgres', host, port, user, password, database, schema: 'public', ssl: false, pool_size: 5 }
    }),
  ]
}

/** What a program is told to work on the same database; SQLite's lies in the data directory. */
export const databaseEnv = (database: DatabaseConfig): Record<string, string> =>
  database.engine === 'sqlite'
    ? {}
    : {
        SIGNET_POSTGRESQL__HOST: database.hosts[0]!.host,
        SIGNET_POSTGRESQL__PORT: String(database.hosts[0]!.port),
        SIGNET_POSTGRESQL__USER: database.user,
        SIGNET_POSTGRESQL__PASSWORD: database.password,
        SIGNET_POSTGRESQL__NAME: database.database,
      }
