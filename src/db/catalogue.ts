import { sql } from 'kysely'
import { engineOf } from './engine.ts'
import type { Db } from './database.ts'
import type { Engine } from './engine.ts'

export type OnDelete = 'cascade' | 'set null' | 'restrict'

export type CatalogueColumn = {
  name: string
  /** Our word for the type, the same on both engines. */
  type: ColumnType
  nullable: boolean
  /** The database fills it when an insert leaves it out. */
  defaulted: boolean
}

export type ColumnType = 'uuid' | 'text' | 'integer' | 'real' | 'flag' | 'instant' | 'json' | 'bytes'

export type ForeignKey = { table: string; columns: string[]; target: string; target_columns: string[]; on_delete: OnDelete }

export type CatalogueTable = {
  name: string
  /** In the order of their definition. */
  columns: CatalogueColumn[]
  primary_key: string[]
  /** What this table refers to. */
  foreign_keys: ForeignKey[]
}

/** The tables of a schema, by name in alphabetical order. */
export type Catalogue = ReadonlyMap<string, CatalogueTable>

type KeyRow = { table: string; id: string | number; column: string; target: string; target_column: string | null; on_delete: string }

/** One row per column of each foreign key, the columns of a key in order. */
export const FOREIGN_KEYS: Readonly<Record<Engine, string>> = {
  sqlite: `
    select t.name as "table", k.id as id, k."from" as "column", k."table" as target, k."to" as target_column, k.on_delete as on_delete
    from sqlite_schema as t, pragma_foreign_key_list(t.name) as k
    where t.type = 'table' order by t.name, k.id desc, k.seq`,
  postgres: `
    select t.relname::text as "table", c.oid::text as id, a.attname::text as "column", f.relname::text as target,
      b.attname::text as target_column, c.confdeltype::text as on_delete
    from pg_constraint c
      join pg_class t on t.oid = c.conrelid
      join pg_class f on f.oid = c.confrelid
      cross join lateral unnest(c.conkey, c.confkey) with ordinality as k(from_column, to_column, seq)
      join pg_attribute a on a.attrelid = t.oid and a.attnum = k.from_column
      join pg_attribute b on b.attrelid = f.oid and b.attnum = k.to_column
    where c.contype = 'f' and t.relnamespace = current_schema()::regnamespace
    order by t.relname, c.oid, k.seq`,
}

const onDelete = (word: string): OnDelete => {
  const lower = word.toLowerCase()
  if (lower === 'cascade' || lower === 'c') return 'cascade'
  if (lower === 'set null' || lower === 'n') return 'set null'
  return 'restrict'
}

/** Puts the rows of `FOREIGN_KEYS` together. A SQLite key that names no target column means the target's primary key: left empty. */
export const foreignKeysOf = (rows: readonly KeyRow[]): ForeignKey[] => {
  const keys = new Map<string, ForeignKey>()
  for (const row of rows) {
    const id = `${row.table} ${row.id}`
    const key = keys.get(id) ?? {
      table: row.table,
      columns: [],
      target: row.target,
      target_columns: [],
      on_delete: onDelete(row.on_delete),
    }
    keys.set(id, key)
    key.columns.push(row.column)
    if (row.target_column !== null) key.target_columns.push(row.target_column)
  }
  return [...keys.values()]
}

/** Which other tables lose or change rows when rows of a table are deleted: by cascade through all levels, by `set null` one. */
export const reachedByDelete = (keys: readonly ForeignKey[], table: string): Set<string> => {
  const reached = new Set<string>()
  const deletedFrom = new Set([table])
  // A set grows while it is walked, and the walk sees what was added.
  for (const current of deletedFrom) {
    for (const key of keys) {
      if (key.target !== current || key.on_delete === 'restrict') continue
      reached.add(key.table)
      if (key.on_delete === 'cascade') deletedFrom.add(key.table)
    }
  }
  return reached
}

const SQLITE_TYPES: Readonly<Record<string, ColumnType>> = {
  uuid_text: 'uuid',
  text: 'text',
  integer: 'integer',
  real: 'real',
  boolean: 'flag',
  instant: 'instant',
  json_text: 'json',
  blob: 'bytes',
}

const POSTGRES_TYPES: Readonly<Record<string, ColumnType>> = {
  uuid: 'uuid',
  text: 'text',
  int8: 'integer',
  int4: 'integer',
  float8: 'real',
  bool: 'flag',
  timestamptz: 'instant',
  jsonb: 'json',
  bytea: 'bytes',
}

type ColumnRow = {
  table: string
  name: string
  type: string
  not_null: number | boolean
  has_default: number | boolean
  key: number | null
}

const COLUMNS: Readonly<Record<Engine, string>> = {
  sqlite: `
    select t.name as "table", c.name as name, lower(c.type) as type, c."notnull" or c.pk > 0 as not_null,
      c.dflt_value is not null or (c.pk > 0 and t.sql like '%autoincrement%') as has_default,
      case when c.pk > 0 then c.pk end as "key"
    from sqlite_schema as t, pragma_table_info(t.name) as c
    where t.type = 'table' and t.name not like 'sqlite\\_%' escape '\\'
    order by t.name, c.cid`,
  postgres: `
    select t.relname::text as "table", a.attname::text as name, y.typname::text as type, a.attnotnull as not_null,
      a.atthasdef or a.attidentity <> '' as has_default, array_position(k.conkey, a.attnum) as "key"
    from pg_class t
      join pg_attribute a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
      join pg_type y on y.oid = a.atttypid
      left join pg_constraint k on k.conrelid = t.oid and k.contype = 'p'
    where t.relkind = 'r' and t.relnamespace = current_schema()::regnamespace
    order by t.relname collate "C", a.attnum`,
}

/**
 * Reads the tables, columns and keys of the schema that `db` works in; the same shape on both engines.
 * @throws Error for a column whose type is none of ours
 */
export const readCatalogue = async (db: Db): Promise<Catalogue> => {
  const engine = engineOf(db)
  const types = engine === 'sqlite' ? SQLITE_TYPES : POSTGRES_TYPES
  const columns = await sql<ColumnRow>`${sql.raw(COLUMNS[engine])}`.execute(db)
  const keys = foreignKeysOf((await sql<KeyRow>`${sql.raw(FOREIGN_KEYS[engine])}`.execute(db)).rows)
  const tables = new Map<string, CatalogueTable>()
  const keyed: { table: CatalogueTable; name: string; place: number }[] = []
  for (const row of columns.rows) {
    const table = tables.get(row.table) ?? { name: row.table, columns: [], primary_key: [], foreign_keys: [] }
    tables.set(row.table, table)
    const type = types[row.type]
    if (type === undefined) throw new Error(`column ${row.table}.${row.name} has the type ${row.type}, which is none of ours`)
    table.columns.push({ name: row.name, type, nullable: !row.not_null, defaulted: Boolean(row.has_default) })
    if (row.key !== null) keyed.push({ table, name: row.name, place: row.key })
  }
  for (const { table, name } of keyed.sort((a, b) => a.place - b.place)) table.primary_key.push(name)
  for (const key of keys) {
    const target = tables.get(key.target)
    if (key.target_columns.length === 0 && target !== undefined) key.target_columns = [...target.primary_key]
    tables.get(key.table)?.foreign_keys.push(key)
  }
  for (const table of tables.values()) {
    table.foreign_keys.sort((a, b) => (a.columns.join() < b.columns.join() ? -1 : 1))
  }
  return tables
}

/** The foreign keys that point at a table: who uses its rows. */
export const referencesTo = (catalogue: Catalogue, table: string): ForeignKey[] =>
  [...catalogue.values()].flatMap(({ foreign_keys }) => foreign_keys.filter(key => key.target === table))
