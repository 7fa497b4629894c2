import type { Compilable, CompiledQuery, Insertable } from 'kysely'
import type { DB, Db } from './database.ts'
import { engineOf, type Engine } from './engine.ts'

/** Stands for a value while a statement is compiled. */
class Place {
  readonly index: number
  constructor(index: number) {
    this.index = index
  }
}

/** Runs a statement with these values; its rows. */
export type Statement<Values extends readonly unknown[], R> = {
  all: (db: Db, ...values: Values) => Promise<R[]>
  first: (db: Db, ...values: Values) => Promise<R | undefined>
}

/**
 * A statement that is built and compiled once an engine, for what every request asks: the query builder takes longer than the database
 * does. `build` is called with placeholders, and must do nothing with them but pass them on as values.
 * @throws Error when a value was not passed on, or was changed on the way
 */
export function statement<Values extends readonly unknown[], R>(build: (db: Db, ...values: Values) => Compilable<R>): Statement<Values, R> {
  const compiled = new Map<Engine, CompiledQuery<R>>()
  const all = async (db: Db, ...values: Values): Promise<R[]> => {
    const engine = engineOf(db)
    let query = compiled.get(engine)
    if (!query) {
      query = compile<R>(values.length, places => build(db, ...(places as unknown as Values)))
      compiled.set(engine, query)
    }
    return (await db.executeQuery<R>(filled(query, values))).rows
  }
  return { all, first: async (db, ...values) => (await all(db, ...values))[0] }
}

function compile<R>(count: number, build: (places: readonly Place[]) => Compilable<R>): CompiledQuery<R> {
  const places = Array.from({ length: count }, (_, index) => new Place(index))
  const made = build(places).compile()
  const used = new Set(made.parameters.filter(value => value instanceof Place))
  if (places.some(place => !used.has(place))) throw new Error(`a value of this statement was not passed on: ${made.sql}`)
  return made
}

const filled = <R>(query: CompiledQuery<R>, values: readonly unknown[]): CompiledQuery<R> => ({
  ...query,
  parameters: query.parameters.map(value => (value instanceof Place ? values[value.index] : value)),
})

const insertions = new Map<string, CompiledQuery>()
/** Tables and sets of columns are the program's own, so that this many are never met. */
const MOST = 1_000

/** Inserts a row, in a statement that is compiled once for its table and columns. Values that are undefined are left to the database. */
export async function insertRow<T extends keyof DB>(db: Db, table: T, row: Insertable<DB[T]>): Promise<void> {
  const entries = Object.entries(row).filter(([, value]) => value !== undefined)
  const key = [engineOf(db), table, ...entries.map(([name]) => name)].join()
  let query = insertions.get(key)
  if (!query) {
    query = compile(entries.length, places =>
      db.insertInto(table).values(Object.fromEntries(entries.map(([name], index) => [name, places[index]])) as never),
    )
    if (insertions.size >= MOST) insertions.clear()
    insertions.set(key, query)
  }
  await db.executeQuery(
    filled(
      query,
      entries.map(([, value]) => value),
    ),
  )
}
