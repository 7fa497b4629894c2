import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import type { Decoder } from '../codec.ts'
import { decodeSqlite, encodeSqlite, sqliteDecoder } from '../codec.ts'

/** Enough for every query of a busy server; a statement takes a few KB. */
const KEPT = 384

/** How the rows of a query become objects. */
type Columns = { names: readonly string[]; decoders: readonly (Decoder | undefined)[]; empty: Record<string, unknown> }

/** `used`: since the last time that room was made. */
type Prepared = Columns & { statement: StatementSync; used: boolean }

export type StatementResult = { rows: Record<string, unknown>[]; changes: number; lastId: number | bigint | undefined }

/**
 * @param types declared types of the columns
 * A row is a copy of `empty`, filled: an object that gets its columns one by one becomes a dictionary from the 17th on, eight times the
 * size. What JSON.parse makes is none.
 */
export const columnsOf = (names: readonly string[], types: readonly (string | null)[]): Columns => ({
  names,
  decoders: types.map(sqliteDecoder),
  empty: JSON.parse(JSON.stringify(Object.fromEntries(names.map(name => [name, null])))) as Record<string, unknown>,
})

const describe = (statement: StatementSync): Columns => {
  const columns = statement.columns()
  return columnsOf(
    columns.map(column => column.name),
    columns.map(column => column.type),
  )
}

/** The rows of a statement, which come as arrays, as plain objects with decoded values. */
export const decodeRows = ({ names, decoders, empty }: Columns, rows: readonly unknown[][]) =>
  rows.map(values => {
    const row = { ...empty }
    for (let index = 0; index < names.length; index++) row[names[index]!] = decodeSqlite(decoders[index], values[index] as never)
    return row
  })

/** One SQLite connection with its prepared statements, of which those are dropped that were not used of late. */
export class Statements {
  readonly #prepared = new Map<string, Prepared>()
  readonly connection: DatabaseSync

  constructor(connection: DatabaseSync) {
    this.connection = connection
  }

  /** Runs one statement to its end. `changes` counts written rows (with RETURNING: returned ones). */
  run(sql: string, parameters: readonly unknown[]): StatementResult {
    return this.runEncoded(sql, parameters.map(encodeSqlite))
  }

  runEncoded(sql: string, parameters: readonly SQLInputValue[]): StatementResult {
    const prepared = this.#prepare(sql)
    if (prepared.names.length === 0) {
      const { changes, lastInsertRowid } = prepared.statement.run(...parameters)
      return { rows: [], changes: Number(changes), lastId: lastInsertRowid }
    }
    const rows = this.#rows(prepared, parameters)
    return { rows: decodeRows(prepared, rows), changes: rows.length, lastId: undefined }
  }

  /** A query's rows as SQLite gave them, with the declared types of the columns: for handing over to another thread. */
  raw(sql: string, parameters: readonly SQLInputValue[]): { names: readonly string[]; types: (string | null)[]; rows: unknown[][] } {
    const prepared = this.#prepare(sql)
    const rows = this.#rows(prepared, parameters)
    return { names: prepared.names, types: prepared.statement.columns().map(column => column.type), rows }
  }

  /** Must follow every change of the schema: decoders were chosen by the old one. */
  forget(): void {
    this.#prepared.clear()
  }

  #rows(prepared: Prepared, parameters: readonly SQLInputValue[]): unknown[][] {
    const rows = prepared.statement.all(...parameters) as unknown as unknown[][]
    // Another process may have changed the schema: SQLite then prepares anew by itself, and `select *` has other columns.
    if (rows.length > 0 && rows[0]!.length !== prepared.names.length) Object.assign(prepared, describe(prepared.statement))
    return rows
  }

  #prepare(sql: string): Prepared {
    const known = this.#prepared.get(sql)
    if (known !== undefined) {
      known.used = true
      return known
    }
    const statement = this.connection.prepare(sql)
    statement.setReturnArrays(true)
    const prepared = { statement, used: false, ...describe(statement) }
    if (this.#prepared.size >= KEPT) this.#makeRoom()
    this.#prepared.set(sql, prepared)
    return prepared
  }

  /** Drops the oldest that was not used since its last turn: a mark at each use costs less than to keep all in their order. */
  #makeRoom(): void {
    for (const [sql, prepared] of this.#prepared) {
      this.#prepared.delete(sql)
      if (!prepared.used) return
      prepared.used = false
      this.#prepared.set(sql, prepared) // at the end, where this loop comes to at last
    }
  }
}
