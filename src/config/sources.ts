import { createRequire } from 'node:module'
import { basename } from 'node:path'
import { fromJson } from './kinds.ts'
import { allSettings, unused } from './settings.ts'

/** Where configuration comes from. */
export type ConfigSource = {
  readonly env: Readonly<Record<string, string | undefined>>
  /** What relative paths start at. */
  readonly cwd: string
  /** The text of a file; throws when it cannot be read. */
  readonly readFile: (path: string) => string
  /** Names in a folder, empty when there is none. Without this function no configuration files are read. */
  readonly listFolder?: (path: string) => readonly string[]
}

/** One wrong value. */
export type ConfigProblem = { readonly variable: string; readonly held: string; readonly expected: string }

/** The text of a setting and where it was found. */
export type Finding = { readonly text: string; readonly source: string }

const PREFIXES = ['signet_', 'authentik_']
const CONFIG_FILE = '/etc/authentik/config.yml'
const CONFIG_FOLDER = '/etc/authentik/config.d'

// Variables that Kubernetes sets in every pod for a service of the name `authentik` or `authentik-server`.
const SERVICE_LINK = /_(?:service_(?:host|port(?:_\w+)?)|port(?:_\d+_(?:tcp|udp)(?:_(?:proto|port|addr))?)?)$/

/** The values of the configuration files by dotted key, those of later files replacing those of earlier ones. */
export function configFiles({ listFolder, readFile }: ConfigSource, problems: ConfigProblem[]): Map<string, Finding> {
  const values = new Map<string, Finding>()
  if (!listFolder) return values
  const names = listFolder(CONFIG_FOLDER).filter(name => /\.ya?ml$/i.test(name))
  const paths = listFolder('/etc/authentik').includes(basename(CONFIG_FILE)) ? [CONFIG_FILE] : []
  for (const path of [...paths, ...names.sort().map(name => `${CONFIG_FOLDER}/${name}`)]) {
    try {
      // Loaded here: most installations have no such file, and pay nothing for the parser.
      const yaml = createRequire(import.meta.url)('yaml') as typeof import('yaml')
      flatten(yaml.parse(readFile(path), { maxAliasCount: 0 }), '', (key, text) => values.set(key, { text, source: path }))
    } catch (error) {
      problems.push({ variable: path, held: (error as Error).message.split('\n')[0] ?? '', expected: 'a readable YAML file' })
    }
  }
  return values
}

function flatten(value: unknown, key: string, found: (key: string, text: string) => void): void {
  if (value !== null && typeof value === 'object' && !Array.isArray(value)) {
    for (const [name, inner] of Object.entries(value)) flatten(inner, key ? `${key}.${name.toLowerCase()}` : name.toLowerCase(), found)
  } else if (key) {
    found(key, typeof value === 'string' ? value : JSON.stringify(value))
  }
}

/** The text of each setting that is set somewhere, indirections followed; warnings about names that no setting has. */
export function findings(
  source: ConfigSource,
  files: ReadonlyMap<string, Finding>,
  problems: ConfigProblem[],
): { found: Map<string, Finding>; warnings: string[] } {
  const found = new Map<string, Finding>()
  const warnings: string[] = []
  const variables = new Map<string, { name: string; text: string }>()
  for (const [name, text] of Object.entries(source.env)) {
    const lower = name.toLowerCase()
    if (text !== undefined && !variables.has(lower)) variables.set(lower, { name, text })
  }

  const known = new Set<string>()
  for (const [key, setting] of allSettings()) {
    known.add(key)
    const named = PREFIXES.flatMap(prefix => variables.get(prefix + key.replaceAll('.', '__')) ?? [])
    const variable = named.find(({ text }) => text !== '' || setting.emptyIsValue) ?? named[0]
    const file = files.get(key)
    // The password's other name is that of the usual compose file.
    const compose = key === 'postgresql.password' ? variables.get('postgres_password') : undefined
    const first: Finding | undefined = variable
      ? { text: variable.text, source: variable.name }
      : (file ?? (compose && { text: compose.text, source: compose.name }))
    if (!first) continue
    const last = setting.raw ? first : follow(first, source, setting.secret, problems, warnings)
    if (last) found.set(key, last)
  }

  const setElsewhere = [...files].map(([key, { source: path }]) => ({ key, where: `${path}: ${key}` }))
  for (const [lower, { name }] of variables) {
    const prefix = PREFIXES.find(p => lower.startsWith(p))
    if (prefix && !SERVICE_LINK.test(lower)) setElsewhere.push({ key: lower.slice(prefix.length).replaceAll('__', '.'), where: name })
  }
  for (const { key, where } of setElsewhere) {
    if (known.has(key)) continue
    const reason = [...unused].find(([group]) => key === group || key.startsWith(`${group}.`))
    if (!reason) warnings.push(`${where} is not a setting`)
    else if (reason[1] !== null) warnings.push(`${where} has no effect: ${reason[1]}`)
  }
  return { found, warnings }
}

/** Follows `env://NAME?default` and `file:///path?default`; what they give is not followed again. */
function follow(
  { text: given, source: from }: Finding,
  { env, readFile }: ConfigSource,
  secret: boolean,
  problems: ConfigProblem[],
  warnings: string[],
): Finding | undefined {
  const json = given.startsWith('"') ? fromJson(given) : undefined
  const text = typeof json === 'string' ? json : given
  const [, scheme, target = '', fallback] = /^(env|file):\/\/([^?]+)(?:\?(.*))?$/s.exec(text) ?? []
  if (scheme === undefined) return { text, source: from }
  const source = `${from} → ${scheme}://${target}`
  if (scheme === 'env') {
    const value = env[target]
    if (value !== undefined) return { text: value, source }
    if (fallback !== undefined) return { text: fallback, source: `${source} (its default)` }
    problems.push({ variable: from, held: `env://${target}`, expected: `${target} to be set, or a default after "?"` })
    return undefined
  }
  try {
    return { text: readFile(target).trim(), source }
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? (error as Error).message
    if (fallback === undefined) {
      problems.push({ variable: from, held: `file://${target} (${why})`, expected: 'a readable file, or a default after "?"' })
      return undefined
    }
    warnings.push(`${from}: file://${target} cannot be read (${why}); its default ${secret ? '' : `${JSON.stringify(fallback)} `}is used`)
    return { text: fallback, source: `${source} (its default)` }
  }
}
