import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import { systemRandom } from './lib/random.ts'
import type { Config } from './config.ts'
import { makePasswords } from './core/password/passwords.ts'
import { loadSecretKey } from './crypto/secret-key.ts'
import { refuseOtherKey, requireSameKey } from './crypto/same-key.ts'
import { makeSecrets } from './crypto/secrets.ts'
import { databaseOptions } from './db/options.ts'
import { isMigrated, migrate, pendingMigrations, type LockHolder } from './db/migrate.ts'
import { migrations } from './db/migrations/index.ts'
import { openDatabase, type Database } from './db/database.ts'
import { VERSION } from './version.ts'
import type { Deps } from './deps.ts'
import { registry, rowKeys, watchedTables } from './registry.ts'

export type Outside = {
  config: Config
  log: Logger
  now: () => Date
  /** The program's own folder, which holds `blueprints/` and `dist/web/`. */
  root: string
}

/** Opens the database that the configuration names. Nothing is migrated yet. */
export const openConfigured = ({ config, log }: Pick<Outside, 'config' | 'log'>): Promise<Database> =>
  openDatabase({ ...databaseOptions(config.database), watchedTables, rowKeys, report: error => log.error({ err: error }, 'database') })

/** The schema is not the one of this program, and whoever asked may not bring it up to date. */
export class SchemaPendingError extends Error {
  readonly pending: readonly string[]
  constructor(pending: readonly string[], advice: string) {
    super(`The database lacks what this version needs (${pending.join(', ')}). ${advice}`)
    this.name = 'SchemaPendingError'
    this.pending = pending
  }
}

export type AssembleOptions = {
  /** `demand`: changes no schema, for those who only visit a database. */
  migrations?: 'apply' | 'demand'
  /** `any`: also one that is not the database's. */
  secretKey?: 'same' | 'any'
}

/**
 * Brings the schema up to date and builds the parts that every surface stands on.
 * @throws SchemaNewerError, SchemaPendingError, OtherSecretKeyError
 */
export async function assemble(outside: Outside, database: Database, options: AssembleOptions = {}): Promise<Deps> {
  const { config, log, now, root } = outside
  const secrets = makeSecrets(await loadSecretKey(config))
  const anyKey = options.secretKey === 'any'
  if (!anyKey && (await isMigrated(database))) await refuseOtherKey(database, secrets) // before anything is changed
  if (options.migrations === 'demand') await demandSchema(database, 'Start the server of this version once: signet server')
  else if (config.skip_migrations) await demandSchema(database, 'SKIP_MIGRATIONS is set, so that this process does not change it.')
  else {
    await migrate(database, migrations, {
      now,
      programVersion: VERSION,
      log: (message, details) => log.info(details ?? {}, message),
      onWaiting: reportOnce(({ state: activity, ...holder }) =>
        log.warn({ holder: { ...holder, activity } }, 'another process migrates the database; waiting'),
      ),
    })
  }
  if (!anyKey) await requireSameKey(database, secrets)
  return {
    registry,
    root,
    config,
    database,
    db: database.db,
    now,
    uuid: () => randomUUID(),
    randomBytes: systemRandom,
    log,
    secrets,
    passwords: makePasswords(),
    installId: await installationId(database),
  }
}

/** Made once, at the first start; two processes that start together agree on one. */
async function installationId({ db }: Database): Promise<string> {
  await db
    .insertInto('installation')
    .values({ name: 'id', value: randomUUID() })
    .onConflict(conflict => conflict.doNothing())
    .execute()
  return (await db.selectFrom('installation').select('value').where('name', '=', 'id').executeTakeFirstOrThrow()).value
}

async function demandSchema(database: Database, advice: string): Promise<void> {
  const pending = await pendingMigrations(database, migrations)
  if (pending.length > 0) throw new SchemaPendingError(pending, advice)
}

/** Twice a second would fill the log; who holds the lock, and what it is doing, is told when it changes. */
function reportOnce(report: (holder: LockHolder) => void): (holder: LockHolder) => void {
  let last: string | undefined
  return holder => {
    const told = JSON.stringify([holder.pid, holder.state])
    if (told !== last) report(holder)
    last = told
  }
}
