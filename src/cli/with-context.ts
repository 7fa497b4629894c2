import { assemble, openConfigured, SchemaPendingError, type AssembleOptions } from '../assemble.ts'
import { ApiError } from '../api/errors.ts'
import { readConfig } from '../config.ts'
import { systemContext, type Ctx } from '../context.ts'
import { OtherSecretKeyError } from '../crypto/same-key.ts'
import { SchemaNewerError } from '../db/migrate.ts'
import { concernsRules } from '../events/due.ts'
import { makeLog } from '../observability/log.ts'
import { CommandError, type Terminal } from './command.ts'

/** What keeps a command from using the database, in sentences of its own. */
const REFUSALS = [SchemaNewerError, SchemaPendingError, OtherSecretKeyError]

/**
 * Runs `work` on the installation's database as the program itself, while a server may be running on it. The schema is left as it is:
 * a command of another version must not change it under a running server.
 */
export async function withContext<T>(
  terminal: Terminal,
  work: (ctx: Ctx) => Promise<T>,
  options: Pick<AssembleOptions, 'secretKey'> = {},
): Promise<T> {
  const config = readConfig(terminal.source)
  // What a command has to say is its own output; the log tells of what goes wrong below it.
  const level = ['trace', 'debug', 'info'].includes(config.log_level) ? 'warn' : config.log_level
  const outside = { config, log: makeLog({ level, now: terminal.now }), now: terminal.now, root: terminal.root }
  const database = await openConfigured(outside).catch((error: unknown) => {
    throw new CommandError(`The database cannot be opened: ${(error as Error).message}`, { cause: error })
  })
  try {
    const ctx = systemContext(await assemble(outside, database, { ...options, migrations: 'demand' }))
    // Else the first event would have it looked up beside the work, when the database may be closed already.
    await concernsRules(ctx, '')
    return await work(ctx)
  } catch (error) {
    if (REFUSALS.some(Refusal => error instanceof Refusal)) throw new CommandError((error as Error).message, { cause: error })
    if (error instanceof ApiError) throw new CommandError(sentences(error), { cause: error })
    throw error
  } finally {
    await database.close()
  }
}

/** The texts of a refusal, each with the field it is about. */
const sentences = ({ body }: ApiError): string =>
  Object.entries(body)
    .map(([field, texts]) => (['detail', 'non_field_errors'].includes(field) ? '' : `${field}: `) + [texts].flat().map(String).join(' '))
    .join('\n')
