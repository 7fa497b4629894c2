/**
 * `npm run db:types`: writes `src/db/types.gen.ts`, the TypeScript types of all tables, from a freshly migrated database.
 * `--check` writes nothing and fails when the file is not fresh.
 */
import { readFile, writeFile } from 'node:fs/promises'
import type { CatalogueColumn, CatalogueTable, ColumnType } from '../src/db/catalogue.ts'
import { readCatalogue } from '../src/db/catalogue.ts'
import { openDatabase } from '../src/db/database.ts'
import { migrate } from '../src/db/migrate.ts'
import { migrations } from '../src/db/migrations/index.ts'

const target = new URL('../src/db/types.gen.ts', import.meta.url)

const TYPES: Readonly<Record<ColumnType, string>> = {
  uuid: 'string',
  text: 'string',
  integer: 'number',
  real: 'number',
  flag: 'boolean',
  instant: 'Date',
  json: 'Json',
  bytes: 'Uint8Array',
}

const interfaceName = (table: string) =>
  `${table
    .split('_')
    .map(word => word.charAt(0).toUpperCase() + word.slice(1))
    .join('')}Table`

const columnType = ({ type, nullable, defaulted }: CatalogueColumn) => {
  const value = nullable ? `${TYPES[type]} | null` : TYPES[type]
  return defaulted ? `Generated<${value}>` : value
}

const interfaceOf = ({ name, columns }: CatalogueTable) =>
  [`export interface ${interfaceName(name)} {`, ...columns.map(column => `  ${column.name}: ${columnType(column)}`), '}'].join('\n')

const database = await openDatabase({ engine: 'sqlite', file: ':memory:' })
await migrate(database, migrations, { now: () => new Date(0), programVersion: 'types' })
const catalogue = await readCatalogue(database.db)
await database.close()

const tables = [...catalogue.values()]
const generated = tables.some(table => table.columns.some(column => column.defaulted))
const text = `${[
  '// Written by `npm run db:types` from a migrated database; not edited by hand.',
  ...(generated ? ["import type { Generated } from 'kysely'", ''] : []),
  '/** A JSON column: what JSON.parse gives. JSON null reads as null. */',
  'export type Json = object | string | number | boolean',
  '',
  tables.map(interfaceOf).join('\n\n'),
  '',
  'export interface DB {',
  ...tables.map(({ name }) => `  ${name}: ${interfaceName(name)}`),
  '}',
].join('\n')}\n`

if (process.argv.includes('--check')) {
  if ((await readFile(target, 'utf8')) !== text) {
    console.error('src/db/types.gen.ts is not fresh: run `npm run db:types`')
    process.exitCode = 1
  }
} else {
  await writeFile(target, text)
}
