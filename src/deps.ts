import type { Logger } from 'pino'
import type { Config } from './config.ts'
import type { Passwords } from './core/password/passwords.ts'
import type { Secrets } from './crypto/secrets.ts'
import type { Database, Db } from './db/database.ts'
import type { Metrics } from './observability/metrics.ts'
import type { Registry } from './registry.ts'

/** The parts that `main.ts` builds once; a function takes the few it needs. */
export type Deps = {
  /** What the program consists of: models, resources, kinds of policies … */
  registry: Registry
  /** The program's own folder, which holds `blueprints/` and `dist/web/`. */
  root: string
  config: Config
  database: Database
  /** Where to read and write: the database's pool, or the transaction that is open. */
  db: Db
  now: () => Date
  /** A random version 4 UUID. */
  uuid: () => string
  /** Cryptographically strong random bytes. */
  randomBytes: (count: number) => Uint8Array
  log: Logger
  secrets: Secrets
  passwords: Passwords
  /** Where durations are counted; absent where nobody reads them. */
  metrics?: Metrics
  /** Identifies this installation; part of every hashed user id, so it must survive a move of the database. */
  installId: string
}
