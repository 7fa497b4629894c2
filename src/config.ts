import { readdirSync, readFileSync } from 'node:fs'
import type { DatabaseConfig } from './config/database.ts'
import { databaseConfig } from './config/database.ts'
import type { ParseContext, Setting, Shown } from './config/kinds.ts'
import type { ConfigProblem, ConfigSource, Finding } from './config/sources.ts'
import { configFiles, findings } from './config/sources.ts'
import type { settings, ValuesOf } from './config/settings.ts'
import { allSettings } from './config/settings.ts'

export type { DatabaseConfig, PostgresTls } from './config/database.ts'
export type { Listener, LogLevel, Shown } from './config/kinds.ts'
export type { ConfigProblem, ConfigSource } from './config/sources.ts'

/** One setting in force. */
export type ConfigEntry = {
  /** Dotted, such as `web.threads`. */
  readonly key: string
  /** As JSON; secrets are `******`. */
  readonly value: Shown
  /** `default`, the name of a variable, or a file, with what it pointed to: `AUTHENTIK_POSTGRESQL__PASSWORD → file:///run/secrets/pg`. */
  readonly source: string
}

/**
 * The configuration: read once, frozen. Settings stand under the names that operators know; what each means is in `config/settings.ts`.
 * Spans of time are milliseconds where the setting is written as a duration, seconds where it is a bare number.
 */
export type Config = ValuesOf<typeof settings> & {
  /** `postgresql.*` and `data_dir`, digested. */
  readonly database: DatabaseConfig
  /** Every setting with its source, for `dump_config`. */
  readonly entries: readonly ConfigEntry[]
  /** Unknown variables, unused settings and the like, for the log; nothing that stops the start. */
  readonly warnings: readonly string[]
}

/** Values that stop the start: all of them, each with its variable, what it held (secrets hidden) and what was expected. */
export class ConfigError extends Error {
  readonly problems: readonly ConfigProblem[]
  constructor(problems: readonly ConfigProblem[]) {
    super(problems.map(({ variable, held, expected }) => `${variable}: got ${held}, expected ${expected}`).join('\n'))
    this.name = 'ConfigError'
    this.problems = problems
  }
}

const HIDDEN = '******'

/** The environment, working directory and files of this process. */
export const systemSource = (): ConfigSource => ({
  env: process.env,
  cwd: process.cwd(),
  readFile: path => readFileSync(path, 'utf8'),
  listFolder: path => {
    try {
      return readdirSync(path)
    } catch (error) {
      if (['ENOENT', 'ENOTDIR', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')) return []
      throw error
    }
  },
})

/**
 * Reads the configuration. Each setting comes from `SIGNET_X`, else `AUTHENTIK_X` (any case, `__` between the levels), else
 * `/etc/authentik/config.d/*.yml` (later names win) and `/etc/authentik/config.yml`, else its default. A text may point elsewhere:
 * `env://NAME?default`, `file:///path?default`.
 * @throws ConfigError with every wrong value at once
 */
export function readConfig(source: ConfigSource): Config {
  const problems: ConfigProblem[] = []
  const files = configFiles(source, problems)
  const { found, warnings } = findings(source, files, problems)
  const values: Record<string, unknown> = {}
  const entries: ConfigEntry[] = []
  const hidden = new Set<string>()
  const context = { cwd: source.cwd, dataDir: source.cwd }

  for (const [key, setting] of allSettings()) {
    if (setting.secret) hidden.add(key)
    const finding = found.get(key)
    let value: unknown
    let origin = finding?.source ?? 'default'
    if (finding && (finding.text !== '' || setting.emptyIsValue)) {
      value = setting.parse(finding.text, context)
      if (value === undefined) {
        problems.push({
          variable: finding.source,
          held: setting.secret ? HIDDEN : JSON.stringify(finding.text),
          expected: setting.expected,
        })
        continue
      }
    } else {
      origin = 'default'
      value = setting.default === null ? null : setting.parse(setting.default, context)
    }
    if (key === 'data_dir') context.dataDir = value as string
    put(values, key.split('.'), value)
    const shown = setting.show(value)
    if (setting.idle && origin !== 'default' && differs(setting, shown, context))
      warnings.push(`${placeOf(key, origin)} has no effect: ${setting.idle}`)
    entries.push({ key, value: setting.secret && shown !== null && shown !== '' ? HIDDEN : shown, source: origin })
  }
  if (problems.length > 0) throw new ConfigError(problems)

  const typed = values as ValuesOf<typeof settings>
  const database = databaseConfig(typed, source.readFile, (key, held, expected) => {
    problems.push({ variable: found.get(key)?.source ?? key, held: hidden.has(key) ? HIDDEN : JSON.stringify(held), expected })
  })
  checkTogether(typed, found, problems)
  if (problems.length > 0) throw new ConfigError(problems)
  if (typed.secret_key !== null && typed.secret_key.length < 32) warnings.push('secret_key is shorter than 32 characters')
  return deepFreeze({ ...typed, database, entries, warnings })
}

/** What people have to look for: the variable, or the file and the name in it. */
const placeOf = (key: string, source: string): string => (source.startsWith('/') ? `${source}: ${key}` : source.split(' → ', 1)[0]!)

/** Whether a value is another than what counts where nothing is set. */
const differs = (setting: Setting<unknown>, shown: Shown, context: ParseContext): boolean =>
  JSON.stringify(shown) !== JSON.stringify(setting.default === null ? null : setting.show(setting.parse(setting.default, context)))

/** Every setting with its value in force (secrets as `******`) and where it comes from. */
export const describeConfig = (config: Config): readonly ConfigEntry[] => config.entries

function checkTogether(values: ValuesOf<typeof settings>, found: ReadonlyMap<string, Finding>, problems: ConfigProblem[]) {
  if (values.email.use_tls && values.email.use_ssl) {
    const variable = found.get('email.use_ssl')?.source ?? 'email.use_ssl'
    problems.push({ variable, held: 'true', expected: 'false, since email.use_tls is true and the two exclude each other' })
  }
}

function put(target: Record<string, unknown>, [name = '', ...rest]: string[], value: unknown): void {
  if (rest.length === 0) target[name] = value
  else put((target[name] ??= {}) as Record<string, unknown>, rest, value)
}

function deepFreeze<T>(value: T): T {
  // Bytes cannot be frozen by the language.
  if (typeof value === 'object' && value !== null && !ArrayBuffer.isView(value) && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const inner of Object.values(value)) deepFreeze(inner)
  }
  return value
}
