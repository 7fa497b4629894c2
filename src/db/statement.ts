import type { Compilable, CompiledQuery, Insertable } from 'kysely'
import type { DB, Db } from './database.ts'
import { takerOf } from './direct.ts'
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

type Compiled<R> = { query: CompiledQuery<R>; places: readonly (number | undefined)[] }

/**
 * A statement that is built and compiled once an engine, for what every request asks: the query builder takes longer than the database
 * does. `build` is called with placeholders, and must do nothing with them but pass them on as values.
 * @throws Error when a value was not passed on, or was changed on the way
 */
export function statement<Values extends readonly unknown[], R>(build: (db: Db, ...values: Values) => Compilable<R>): Statement<Values, R> {
  const compiled = new Map<Engine, Compiled<R>>()
  const all = async (db: Db, ...values: Values): Promise<R[]> => {
    const engine = engineOf(db)
    let known = compiled.get(engine)
    if (!known) {
      known = compile<R>(values.length, places => build(db, ...(places as unknown as Values)))
      compiled.set(engine, known)
    }
    return run(db, known, values)
  }
  return { all, first: async (db, ...values) => (await all(db, ...values))[0] }
}

/** A statement that inserts one row with a value for each of these columns; compiled once an engine, as `statement` is. */
export function insertion<T extends keyof DB, C extends keyof DB[T] & string>(
  table: T,
  columns: readonly C[],
): (db: Db, row: Pick<Insertable<DB[T]>, C & keyof Insertable<DB[T]>>) => Promise<void> {
  const insert = statement((db, ...values: unknown[]) =>
    db.insertInto(table).values(Object.fromEntries(columns.map((column, index) => [column, values[index]])) as never),
  )
  return async (db, row) => {
    await insert.all(db, ...columns.map(column => (row as Record<string, unknown>)[column]))
  }
}

function compile<R>(count: number, build: (places: readonly Place[]) => Compilable<R>): Compiled<R> {
  const places = Array.from({ length: count }, (_, index) => new Place(index))
  const query = build(places).compile()
  const used = new Set(query.parameters.filter(value => value instanceof Place))
  if (places.some(place => !used.has(place))) throw new Error(`a value of this statement was not passed on: ${query.sql}`)
  return { query, places: query.parameters.map(value => (value instanceof Place ? value.index : undefined)) }
}

async function run<R>(db: Db, { query, places }: Compiled<R>, values: readonly unknown[]): Promise<R[]> {
  const parameters = places.map((place, index) => (place === undefined ? query.parameters[index] : values[place]))
  const taker = takerOf(db)
  if (taker) return (await taker.take(query, parameters)) as R[]
  return (await db.executeQuery<R>({ ...query, parameters })).rows
}
