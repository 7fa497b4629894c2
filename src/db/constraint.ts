export type ConstraintKind = 'unique' | 'foreign_key' | 'not_null' | 'check'

/** A statement that would have broken a rule of the schema. The engine's own error is its `cause`. */
export class ConstraintError extends Error {
  readonly kind: ConstraintKind
  /** The table written to, where the engine says so. */
  readonly table: string | undefined
  /** The columns of the rule, where the engine says so: always for `unique` and `not_null`. */
  readonly columns: readonly string[] | undefined

  constructor(kind: ConstraintKind, table: string | undefined, columns: readonly string[] | undefined, cause: unknown) {
    super(
      `${kind.replace('_', ' ')} constraint${table === undefined ? '' : ` on ${table}`}${columns === undefined ? '' : ` (${columns.join(', ')})`}`,
      {
        cause,
      },
    )
    this.kind = kind
    this.table = table
    this.columns = columns
  }
}

/** Extended result codes, sqlite.org/rescode.html. */
const SQLITE_KINDS: Readonly<Record<number, ConstraintKind>> = {
  275: 'check',
  787: 'foreign_key',
  1299: 'not_null',
  1555: 'unique', // primary key
  1811: 'foreign_key', // restrict
  2067: 'unique',
  2579: 'unique', // rowid
}

/** Appendix A of PostgreSQL's manual. */
const POSTGRES_KINDS: Readonly<Record<string, ConstraintKind>> = {
  23001: 'foreign_key', // restrict
  23502: 'not_null',
  23503: 'foreign_key',
  23505: 'unique',
  23514: 'check',
}

type SqliteError = Error & { code?: string; errcode?: number }
type PostgresError = Error & { code?: string; table?: string; column?: string; detail?: string }

/** `UNIQUE constraint failed: group.name, group.parent` */
const fromSqlite = (error: SqliteError, kind: ConstraintKind): ConstraintError => {
  const named = /^(?:UNIQUE|NOT NULL) constraint failed: (.+)$/.exec(error.message)?.[1]
  if (named === undefined || named.startsWith('index ')) return new ConstraintError(kind, undefined, undefined, error)
  const places = named.split(', ').map(place => place.split('.', 2) as [string, string])
  return new ConstraintError(
    kind,
    places[0]![0],
    places.map(([, column]) => column),
    error,
  )
}

/** `Key (name, parent)=(staff, null) already exists.` */
const fromPostgres = (error: PostgresError, kind: ConstraintKind): ConstraintError => {
  const list = kind === 'unique' ? /^Key \(([^)]+)\)=/.exec(error.detail ?? '')?.[1]?.split(', ') : undefined
  const columns = error.column === undefined ? list?.map(name => name.replaceAll('"', '')) : [error.column]
  // SQLite cannot say which table a foreign key or a check belongs to; nobody should come to rely on it.
  const table = kind === 'unique' || kind === 'not_null' ? error.table : undefined
  return new ConstraintError(kind, table, columns, error)
}

/** The broken rule behind an error of either engine; undefined for every other error. */
export const asConstraintError = (error: unknown): ConstraintError | undefined => {
  if (error instanceof ConstraintError) return error
  if (!(error instanceof Error)) return undefined
  const { code, errcode } = error as SqliteError
  if (code === 'ERR_SQLITE_ERROR') {
    const kind = errcode === undefined ? undefined : SQLITE_KINDS[errcode]
    return kind === undefined ? undefined : fromSqlite(error, kind)
  }
  const kind = code === undefined ? undefined : POSTGRES_KINDS[code]
  return kind === undefined ? undefined : fromPostgres(error, kind)
}
