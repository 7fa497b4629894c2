import { copyFileSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import pino from 'pino'
import { assemble, openConfigured } from '../src/assemble.ts'
import { boot } from '../src/boot.ts'
import { readConfig, type Config } from '../src/config.ts'
import { memoryFolder } from './memory.ts'
import { installationOnPostgres, throwawayPostgres, type ThrowawayPostgres } from './postgres.ts'

/** Which database this process tests against; the runner starts one process an engine. */
export const ENGINE = process.env.SIGNET_TEST_ENGINE === 'postgres' ? 'postgres' : 'sqlite'

type Env = Record<string, string>

/** Configuration of a test server: everything in a folder of its own. */
function testConfig(folder: string, env: Env): Config {
  return readConfig({
    env: { SIGNET_DATA_DIR: folder, SIGNET_SECRET_KEY: 'a secret key for tests, long enough to be one', ...env },
    cwd: folder,
    readFile: path => {
      throw new Error(`tests read no file ${path}`)
    },
  })
}

/**
 * Prepares the database of an installation: a copy of one that has started before, which takes a tenth of the time that all migrations
 * and blueprints take.
 * @param options.anew an empty one, for tests of the first start and for those where two installations must have nothing in common
 */
export async function installation(folder: string, env: Env, { anew = 'SIGNET_BOOTSTRAP_PASSWORD' in env } = {}): Promise<Config> {
  const template = anew ? undefined : await templateReady()
  return testConfig(folder, { ...(await database(folder, template)), ...env })
}

/** The server of this process, when it is to have one of its own. */
let postgres: Promise<ThrowawayPostgres> | undefined

/** Call it when all databases are closed. */
export async function stopDatabases(): Promise<void> {
  await (await postgres)?.stop()
}

/** A file, or the name of a database. */
let made: Promise<string> | undefined

/** Resolves to the template that databases are copies of; on a busy machine it takes a minute to make. */
export const templateReady = (): Promise<string> => (made ??= existing() ?? make())

/** Where the processes of a run leave word of the template that one of them made. */
const note = process.env.SIGNET_TEST_SHARED && join(process.env.SIGNET_TEST_SHARED, `template-${ENGINE}`)

const existing = (): Promise<string> | undefined => (note && existsSync(note) ? Promise.resolve(readFileSync(note, 'utf8')) : undefined)

/** Starts an installation once and leaves its database for others to copy. */
async function make(): Promise<string> {
  const folder = mkdtempSync(join(process.env.SIGNET_TEST_SHARED ?? memoryFolder(), 'signet-template-'))
  const config = testConfig(folder, await database(folder))
  const log = pino({ level: 'silent' })
  const opened = await openConfigured({ config, log })
  await boot(await assemble({ config, log, now: () => new Date(), root: process.cwd() }, opened))
  // Each copy is given one of its own.
  await opened.db.deleteFrom('installation').where('name', 'in', ['id', 'secret_key']).execute()
  await opened.close()
  const template = config.database.engine === 'sqlite' ? config.database.path : config.database.database
  if (note) {
    // Two that make one at the same time leave whole notes, one after the other, and either is as good.
    writeFileSync(`${note}.${process.pid}`, template)
    renameSync(`${note}.${process.pid}`, note)
  } else process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  return template
}

/** Makes a database, empty or a copy, and says how it is reached. */
async function database(folder: string, template?: string): Promise<Env> {
  if (ENGINE === 'postgres') return (await installationOnPostgres((postgres ??= throwawayPostgres()), template)).env
  if (template) copyFileSync(template, join(folder, 'signet.db'))
  return {}
}
