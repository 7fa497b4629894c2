import type { Compilable, CompiledQuery, Insertable } from 'kysely'
import type { DB, Db } from './database.ts'
import { engineOf, type Engine } from './engine.ts'
import { runBound, type BoundStatement, type PlannedWrite } from './planned-write.ts'

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
  /** As `all`; at once where the connection need not wait. */
  take: (db: Db, ...values: Values) => R[] | Promise<R[]>
  /** The statement with these values, for `commitTogether`. */
  planned: (...values: Values) => PlannedWrite
}

type Compiled<R> = { query: CompiledQuery<R>; places: readonly (number | undefined)[] }

/**
 * A statement that is built and compiled once an engine, for what every request asks: the query builder takes longer than the database
 * does. `build` is called with placeholders, and must do nothing with them but pass them on as values.
 * @throws Error when a value was not passed on, or was changed on the way
 */
export function statement<Values extends readonly unknown[], R>(build: (db: Db, ...values: Values) => Compilable<R>): Statement<Values, R> {
  const known = new Map<Engine, Compiled<R>>()
  const compiled = (db: Db, values: Values): BoundStatement<R> => {
    const engine = engineOf(db)
    let found = known.get(engine)
    if (!found) {
      found = compile<R>(values.length, places => build(db, ...(places as unknown as Values)))
      known.set(engine, found)
    }
    const { query, places } = found
    return { query, parameters: places.map((place, index) => (place === undefined ? query.parameters[index] : values[place])) }
  }
  const take = (db: Db, ...values: Values): R[] | Promise<R[]> => runBound(db, compiled(db, values))
  return {
    take,
    all: async (db, ...values) => take(db, ...values),
    first: async (db, ...values) => (await take(db, ...values))[0],
    planned: (...values) => ({ compiled: db => compiled(db, values) }),
  }
}

/** What `insertion` makes: runs at once, or is `planned` for `commitTogether`. */
type Insertion<Row> = { (db: Db, row: Row): Promise<void>; planned: (row: Row) => PlannedWrite }

/** A statement that inserts one row with a value for each of these columns; compiled once an engine, as `statement` is. */
export function insertion<T extends keyof DB, C extends keyof DB[T] & string>(
  table: T,
  columns: readonly C[],
): Insertion<Pick<Insertable<DB[T]>, C & keyof Insertable<DB[T]>>> {
  const insert = statement((db, ...values: unknown[]) =>
    db.insertInto(table).values(Object.fromEntries(columns.map((column, index) => [column, values[index]])) as never),
  )
  const valuesOf = (row: object) => columns.map(column => (row as Record<string, unknown>)[column])
  return Object.assign(async (db: Db, row: object) => void (await insert.all(db, ...valuesOf(row))), {
    planned: (row: object) => insert.planned(...valuesOf(row)),
  })
}

function compile<R>(count: number, build: (places: readonly Place[]) => Compilable<R>): Compiled<R> {
  const places = Array.from({ length: count }, (_, index) => new Place(index))
  const query = build(places).compile()
  const used = new Set(query.parameters.filter(value => value instanceof Place))
  if (places.some(place => !used.has(place))) throw new Error(`a value of this statement was not passed on: ${query.sql}`)
  return { query, places: query.parameters.map(value => (value instanceof Place ? value.index : undefined)) }
}
