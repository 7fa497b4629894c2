/**
 * What migrations are written in: one text for both engines. A migration is a file `migrations/<date>_<name>.ts`, named in
 * `migrations/index.ts`, that exports `up`:
 *
 * ```ts
 * export const up = async (schema: Schema) => {
 *   await schema.table('token', t => [
 *     t.uuid('token_uuid').primaryKey(),
 *     t.text('identifier').notNull().unique(),
 *     t.integer('user').notNull().references('user.id', 'cascade'),
 *     t.instant('expires').index(),
 *     t.json('attributes').notNull().default({}),
 *   ], { unique: [['user', 'identifier']], index: [['expires', 'user']] })
 *   await schema.addColumns('user', t => [t.flag('locked').notNull().default(false)])
 *   await schema.index('user', ['type'], { where: '"is_active"' })
 *   await schema.sql({ sqlite: 'create view …', postgres: 'create view …' })
 *   await schema.data(async db => void (await db.updateTable('user').set({ type: 'internal' }).execute()))
 * }
 * ```
 *
 * Nothing happens at once: what all pending migrations say is gathered, and done in its order in the end. A column that is added to a table
 * which is not made yet becomes part of making it (`docs/decisions/0016-…`), so that text of `sql` and `data` must name the columns that it means.
 *
 * A column may be null unless it says `notNull()` or is a primary key. A column with a foreign key always gets an index. Tables may
 * refer to tables that the same migration makes later. On SQLite a column that is added must have a default or may be null, and a
 * column with a foreign key, an index or a check cannot be dropped.
 */
import type { Kysely } from 'kysely'
import { CompiledQuery } from 'kysely'
import { createHash } from 'node:crypto'
import { canonicalJson } from './sqlite/functions.ts'
import type { ColumnType, OnDelete } from './catalogue.ts'
import type { Engine } from './engine.ts'

/** One column under construction; every method returns the same column. */
export type Column = {
  notNull(): Column
  primaryKey(): Column
  unique(): Column
  index(): Column
  /** Filled in when an insert leaves the column out. JSON columns take a value, instants a `Date`. */
  default(value: unknown): Column
  /** A foreign key, `'table.column'`, and what becomes of the row when the other is deleted. */
  references(target: string, onDelete: OnDelete): Column
}

/** The kinds of columns; what rows hold is in brackets. */
export type Columns = {
  /** The primary key, numbered by the database; a number is never given twice [number]. */
  id(name?: string): Column
  /** [string, lower case] */
  uuid(name: string): Column
  /** Sorted and compared by code point [string]. */
  text(name: string): Column
  /** 64 bits; what exceeds 2^53 cannot be read [number]. */
  integer(name: string): Column
  /** [number] */
  real(name: string): Column
  /** [boolean] */
  flag(name: string): Column
  /** A point in time, to the millisecond [Date]. */
  instant(name: string): Column
  /** [what JSON.parse gives] Top-level strings and booleans must be written with `jsonValue`. */
  json(name: string): Column
  /** [Uint8Array] */
  bytes(name: string): Column
}

export type IndexOptions = {
  unique?: boolean
  /** A condition in SQL that both engines read, for a partial index. */
  where?: string
}

export type TableOptions = {
  /** For a key of several columns. */
  primaryKey?: readonly string[]
  unique?: readonly (readonly string[])[]
  index?: readonly (readonly string[])[]
}

/** Tables are those of that moment, so that none is known by type. */
// eslint-disable-next-line typescript/no-explicit-any -- the types of the newest schema would be wrong here
type AnyDb = Kysely<any>

export type Schema = {
  readonly engine: Engine
  /** The instant of the migration. */
  readonly now: Date
  table(name: string, columns: (t: Columns) => readonly Column[], options?: TableOptions): Promise<void>
  addColumns(table: string, columns: (t: Columns) => readonly Column[]): Promise<void>
  dropColumn(table: string, column: string): Promise<void>
  renameColumn(table: string, from: string, to: string): Promise<void>
  renameTable(from: string, to: string): Promise<void>
  dropTable(name: string): Promise<void>
  index(table: string, columns: readonly string[], options?: IndexOptions): Promise<void>
  dropIndex(table: string, columns: readonly string[]): Promise<void>
  /** For moving data. Finds what was said before, and perhaps columns that later migrations add. */
  data(work: (db: AnyDb) => Promise<void>): Promise<void>
  /** For what must differ; one or several statements, an empty list where an engine needs none. */
  sql(statements: Readonly<Record<Engine, string | readonly string[]>>): Promise<void>
}

const TYPES: Readonly<Record<Engine, Readonly<Record<ColumnType, string>>>> = {
  sqlite: {
    uuid: 'uuid_text',
    text: 'text',
    integer: 'integer',
    real: 'real',
    flag: 'boolean',
    instant: 'instant',
    json: 'json_text',
    bytes: 'blob',
  },
  postgres: {
    uuid: 'uuid',
    text: 'text collate "C"', // the order of SQLite
    integer: 'bigint',
    real: 'double precision',
    flag: 'boolean',
    instant: 'timestamptz(3)',
    json: 'jsonb',
    bytes: 'bytea',
  },
}

export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`

const list = (names: readonly string[]) => names.map(quoted).join(', ')

const text = (value: string) => `'${value.replaceAll("'", "''")}'`

const literal = (engine: Engine, type: ColumnType, value: unknown): string => {
  if (value === null) return 'null'
  if (type === 'json') return text(canonicalJson(value)) + (engine === 'postgres' ? '::jsonb' : '')
  if (value instanceof Date) return engine === 'sqlite' ? String(value.getTime()) : text(value.toISOString())
  if (typeof value === 'boolean') return engine === 'sqlite' ? String(Number(value)) : String(value)
  if (typeof value === 'number') return String(value)
  if (typeof value === 'string') return text(value)
  throw new TypeError(`a ${typeof value} cannot be the default of a column`)
}

/** PostgreSQL cuts names at 63 bytes, and two cut ones might be the same. */
const nameOf = (...parts: string[]): string => {
  const name = parts.join('_')
  return name.length <= 63 ? name : `${name.slice(0, 50)}_${createHash('sha256').update(name).digest('hex').slice(0, 12)}`
}

const indexName = (table: string, columns: readonly string[]) => nameOf(table, ...columns, 'idx')

class ColumnDefinition implements Column {
  readonly name: string
  readonly type: ColumnType
  readonly numbered: boolean
  required = false
  isKey = false
  isUnique = false
  isIndexed = false
  standard: { value: unknown } | undefined
  reference: { table: string; column: string; onDelete: OnDelete } | undefined

  constructor(name: string, type: ColumnType, numbered = false) {
    this.name = name
    this.type = type
    this.numbered = numbered
    this.isKey = numbered
  }

  notNull() {
    this.required = true
    return this
  }

  primaryKey() {
    this.isKey = true
    return this
  }

  unique() {
    this.isUnique = true
    return this
  }

  index() {
    this.isIndexed = true
    return this
  }

  default(value: unknown) {
    this.standard = { value }
    return this
  }

  references(target: string, onDelete: OnDelete) {
    const [table, column, more] = target.split('.')
    if (table === undefined || column === undefined || more !== undefined) throw new TypeError(`${target} is not table.column`)
    this.reference = { table, column, onDelete }
    return this
  }

  /** As it stands in `create table` and `add column`. */
  sql(engine: Engine): string {
    const parts = [quoted(this.name), this.numbered && engine === 'sqlite' ? 'integer' : TYPES[engine][this.type]]
    if (this.numbered) parts.push(engine === 'sqlite' ? 'primary key autoincrement' : 'generated by default as identity primary key')
    else if (this.isKey) parts.push('not null primary key')
    else if (this.required) parts.push('not null')
    if (this.standard !== undefined) parts.push(`default ${literal(engine, this.type, this.standard.value)}`)
    if (engine === 'sqlite' && this.type === 'json') parts.push(`check (json_valid(${quoted(this.name)}))`)
    if (engine === 'sqlite') parts.push(this.foreignKey())
    return parts.filter(part => part !== '').join(' ')
  }

  foreignKey(): string {
    const { reference } = this
    return reference === undefined
      ? ''
      : `references ${quoted(reference.table)} (${quoted(reference.column)}) on delete ${reference.onDelete}`
  }
}

const columnsOf = (columns: (t: Columns) => readonly Column[]): ColumnDefinition[] => {
  const of = (type: ColumnType) => (name: string) => new ColumnDefinition(name, type)
  const builder: Columns = {
    id: (name = 'id') => new ColumnDefinition(name, 'integer', true),
    uuid: of('uuid'),
    text: of('text'),
    integer: of('integer'),
    real: of('real'),
    flag: of('flag'),
    instant: of('instant'),
    json: of('json'),
    bytes: of('bytes'),
  }
  return columns(builder) as ColumnDefinition[]
}

type Parts = Pick<Schema, 'engine' | 'now'> & { db: AnyDb }

/** A table that is to be made: the lines of its columns, and those that follow them. */
type NewTable = { name: string; columns: string[]; key: string[] }

type Step = string | NewTable | ((db: AnyDb) => Promise<void>)

class PortableSchema implements Schema {
  readonly engine: Engine
  readonly now: Date
  readonly #db: AnyDb
  #steps: Step[] = []
  /** Tables among the steps to which columns can still be added. */
  readonly #open = new Map<string, NewTable>()
  readonly #later: string[] = []

  constructor({ engine, db, now }: Parts) {
    this.engine = engine
    this.#db = db
    this.now = now
  }

  async table(name: string, columns: (t: Columns) => readonly Column[], options: TableOptions = {}) {
    const defined = columnsOf(columns)
    const key = options.primaryKey ?? []
    for (const column of defined) if (key.includes(column.name)) column.required = true
    const made = {
      name,
      columns: defined.map(column => column.sql(this.engine)),
      key: key.length > 0 ? [`primary key (${list(key)})`] : [],
    }
    this.#open.set(name, made)
    this.#steps.push(made)
    for (const unique of options.unique ?? []) await this.index(name, unique, { unique: true })
    for (const index of options.index ?? []) await this.index(name, index)
    const leading = new Set([key[0], ...(options.unique ?? []).map(([first]) => first), ...(options.index ?? []).map(([first]) => first)])
    await this.#columnIndexes(name, defined, leading)
  }

  async addColumns(table: string, columns: (t: Columns) => readonly Column[]) {
    const defined = columnsOf(columns)
    const made = this.#open.get(table)
    for (const column of defined) {
      const text = column.sql(this.engine)
      if (made) made.columns.push(text)
      else this.#steps.push(`alter table ${quoted(table)} add column ${text}`)
    }
    await this.#columnIndexes(table, defined, new Set())
  }

  async dropColumn(table: string, column: string) {
    this.#alter(table, `alter table ${quoted(table)} drop column ${quoted(column)}`)
  }

  async renameColumn(table: string, from: string, to: string) {
    this.#alter(table, `alter table ${quoted(table)} rename column ${quoted(from)} to ${quoted(to)}`)
  }

  async renameTable(from: string, to: string) {
    this.#alter(from, `alter table ${quoted(from)} rename to ${quoted(to)}`)
  }

  async dropTable(name: string) {
    this.#alter(name, `drop table ${quoted(name)}`)
  }

  async index(table: string, columns: readonly string[], { unique = false, where }: IndexOptions = {}) {
    const condition = where === undefined ? '' : ` where ${where}`
    const kind = unique ? 'unique index' : 'index'
    this.#steps.push(`create ${kind} ${quoted(indexName(table, columns))} on ${quoted(table)} (${list(columns)})${condition}`)
  }

  async dropIndex(table: string, columns: readonly string[]) {
    this.#steps.push(`drop index ${quoted(indexName(table, columns))}`)
  }

  async data(work: (db: AnyDb) => Promise<void>) {
    this.#steps.push(work)
  }

  async sql(statements: Readonly<Record<Engine, string | readonly string[]>>) {
    this.#steps.push(...[statements[this.engine]].flat())
  }

  /** Ends a migration: adds what had to wait until all its tables were there. */
  finish() {
    this.#steps.push(...this.#later.splice(0))
  }

  /** Does all that was gathered. */
  async run() {
    const steps = this.#steps
    this.#steps = []
    this.#open.clear()
    for (const step of steps) {
      if (typeof step === 'function') await step(this.#db)
      else await this.#db.executeQuery(CompiledQuery.raw(typeof step === 'string' ? step : madeBy(step)))
    }
  }

  /** A table that is not what it was made as: what is added to it later is added after this. */
  #alter(table: string, statement: string) {
    this.#open.delete(table)
    this.#steps.push(statement)
  }

  /** @param leading columns that begin an index or key of several columns, which serves look-ups by them alone */
  async #columnIndexes(table: string, columns: readonly ColumnDefinition[], leading: ReadonlySet<string | undefined>) {
    for (const column of columns) {
      const { name, reference, isKey, isUnique, isIndexed } = column
      if (isUnique && !isKey) await this.index(table, [name], { unique: true })
      else if (!isKey && !leading.has(name) && (isIndexed || reference !== undefined)) await this.index(table, [name])
      if (reference === undefined || this.engine === 'sqlite') continue
      const constraint = quoted(nameOf(table, name, 'fkey'))
      this.#later.push(`alter table ${quoted(table)} add constraint ${constraint} foreign key (${quoted(name)}) ${column.foreignKey()}`)
    }
  }
}

const madeBy = ({ name, columns, key }: NewTable): string => `create table ${quoted(name)} (${[...columns, ...key].join(', ')})`

/** A schema for migrations: `finish` must follow each of them, and `run` the last. */
export const schemaOf = (parts: Parts): Schema & { finish(): void; run(): Promise<void> } => new PortableSchema(parts)
