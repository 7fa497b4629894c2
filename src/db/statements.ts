import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import type { Decoder } from './codec.ts'
import { decodeSqlite, encodeSqlite, sqliteDecoder } from './codec.ts'

/** Enough for every query of a busy server; a statement takes a few KB. */
const KEPT = 384

type Prepared = { statement: StatementSync; names: string[]; decoders: (Decoder | undefined)[] }

export type StatementResult = { rows: Record<string, unknown>[]; changes: number; lastId: number | bigint | undefined }

const describe = (statement: StatementSync): Pick<Prepared, 'names' | 'decoders'> => {
  const columns = statement.columns()
  return { names: columns.map(column => column.name), decoders: columns.map(column => sqliteDecoder(column.type)) }
}

/** The rows of a statement, which come as arrays, as plain objects with decoded values. */
export const decodeRows = (names: readonly string[], decoders: readonly (Decoder | undefined)[], rows: readonly unknown[][]) =>
  rows.map(values => {
    const row: Record<string, unknown> = {}
    for (let index = 0; index < names.length; index++) row[names[index]!] = decodeSqlite(decoders[index], values[index] as never)
    return row
  })

/** One SQLite connection with its prepared statements, the least recently used of which are dropped. */
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
    const { names, decoders, rows } = this.#rows(prepared, parameters)
    return { rows: decodeRows(names, decoders, rows), changes: rows.length, lastId: undefined }
  }

  /** A query's rows as SQLite gave them, with the declared types of the columns: for handing over to another thread. */
  raw(sql: string, parameters: readonly SQLInputValue[]): { names: string[]; types: (string | null)[]; rows: unknown[][] } {
    const prepared = this.#prepare(sql)
    const { names, rows } = this.#rows(prepared, parameters)
    return { names, types: prepared.statement.columns().map(column => column.type), rows }
  }

  /** Must follow every change of the schema: decoders were chosen by the old one. */
  forget(): void {
    this.#prepared.clear()
  }

  #rows(prepared: Prepared, parameters: readonly SQLInputValue[]) {
    const rows = prepared.statement.all(...parameters) as unknown as unknown[][]
    // Another process may have changed the schema: SQLite then prepares anew by itself, and `select *` has other columns.
    if (rows.length > 0 && rows[0]!.length !== prepared.names.length) Object.assign(prepared, describe(prepared.statement))
    return { names: prepared.names, decoders: prepared.decoders, rows }
  }

  #prepare(sql: string): Prepared {
    let prepared = this.#prepared.get(sql)
    if (prepared === undefined) {
      const statement = this.connection.prepare(sql)
      statement.setReturnArrays(true)
      prepared = { statement, ...describe(statement) }
      if (this.#prepared.size >= KEPT) this.#prepared.delete(this.#prepared.keys().next().value!)
    } else {
      this.#prepared.delete(sql)
    }
    this.#prepared.set(sql, prepared)
    return prepared
  }
}
