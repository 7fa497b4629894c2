import { basename, resolve } from 'node:path'
import { readConfig } from '../config.ts'
import { check } from '../expression/check.ts'
import { moduleFinder } from '../expression/host/run.ts'
import { registry } from '../registry.ts'
import type { Ctx } from '../context.ts'
import { CommandError, UsageError, type Command } from './command.ts'
import { withContext } from './with-context.ts'

/** A text and where it stands. */
type Found = { where: string; text: string }

/** Fields of objects that hold a text, with the flag that says so. */
const FLAGGED = [
  ['placeholder', 'placeholder_expression'],
  ['initial_value', 'initial_value_expression'],
] as const

type Tree = Record<string, unknown>
const isTree = (value: unknown): value is Tree => typeof value === 'object' && value !== null && !Array.isArray(value)
const nameOf = (object: Tree): string | undefined =>
  [object.name, object.identifier, object.field_key].find((name): name is string => typeof name === 'string')

/** Every text of a document, whatever wraps it: a blueprint, an answer of the API, a dump of tables. */
function texts(value: unknown, where: string, inherited?: string): Found[] {
  if (Array.isArray(value)) return value.flatMap(item => texts(item, where, inherited))
  if (!isTree(value)) return []
  const name =
    nameOf(value) ??
    (isTree(value.identifiers) ? nameOf(value.identifiers) : undefined) ??
    (isTree(value.attrs) ? nameOf(value.attrs) : undefined) ??
    inherited
  const at = `${where}: ${name ?? 'without a name'}`
  const own: Found[] = typeof value.expression === 'string' ? [{ where: at, text: value.expression }] : []
  for (const [field, flag] of FLAGGED) {
    const text = value[field]
    if (value[flag] === true && typeof text === 'string') own.push({ where: `${at} (${field})`, text })
  }
  return [...own, ...Object.values(value).flatMap(inner => (typeof inner === 'object' ? texts(inner, where, name) : []))]
}

async function inFile(path: string, content: string): Promise<Found[]> {
  const where = basename(path)
  try {
    if (/\.json$/i.test(path)) return texts(JSON.parse(content), where)
    // Tags of blueprints are looked through: texts stand beside them.
    if (/\.ya?ml$/i.test(path))
      return (await import('yaml'))
        .parseAllDocuments(content, { logLevel: 'silent' })
        .flatMap(document => texts(document.toJS({ maxAliasCount: 1000 }), where))
  } catch (error) {
    throw new CommandError(`${where} cannot be read: ${(error as Error).message}`, { exitCode: 2 })
  }
  return [{ where, text: content }]
}

async function inDatabase({ db }: Ctx): Promise<Found[]> {
  const policies = await db
    .selectFrom('policy_expression')
    .innerJoin('policy', 'policy.policy_uuid', 'policy_expression.policy_uuid')
    .select(['name', 'expression'])
    .orderBy('name')
    .execute()
  const mappings = await db.selectFrom('property_mapping').select(['name', 'expression']).orderBy('name').execute()
  const prompts = await db.selectFrom('prompt').selectAll().orderBy('name').execute()
  return [...texts(policies, 'policy'), ...texts(mappings, 'mapping'), ...texts(prompts, 'prompt')]
}

export const checkExpressions: Command = {
  arguments: '[--all] [file …]',
  help: `
Reads the expressions of policies, mappings and prompts and says what this server cannot run: syntax errors, and imports or
constructs that it does not know. Files are blueprints (.yaml), answers or dumps in JSON (.json), or the text of one expression.

  --all    also those that are stored in the database

Prints a line for each finding. Ends with 0 when there are none, else with 1; with 2 when a file cannot be read.`,
  options: { all: { type: 'boolean' } },
  positionals: [0, 10_000],
  async run(terminal, values, paths) {
    if (!values.all && paths.length === 0) throw new UsageError('name a file, or --all for the database')
    const found: Found[] = []
    for (const path of paths) {
      let content: string
      try {
        content = terminal.source.readFile(resolve(terminal.source.cwd, path))
      } catch (error) {
        throw new CommandError(`${path} cannot be read: ${(error as Error).message}`, { exitCode: 2 })
      }
      found.push(...(await inFile(path, content)))
    }
    if (values.all) found.push(...(await withContext(terminal, inDatabase)))
    const finder = moduleFinder({ registry, config: readConfig(terminal.source) })
    let findings = 0
    for (const { where, text } of found) {
      const { error, warnings } = check(text, finder)
      for (const { line, column, message } of error ? [{ ...error, message: `syntax error: ${error.message}` }] : warnings) {
        findings += 1
        terminal.stdout.write(`${where}: line ${line}, column ${column}: ${message}\n`)
      }
    }
    terminal.stdout.write(
      `${found.length} expression${found.length === 1 ? '' : 's'} checked, ${findings} finding${findings === 1 ? '' : 's'}\n`,
    )
    return findings > 0 ? 1 : 0
  },
}
