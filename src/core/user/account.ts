import type { Row } from '../../api/model.ts'
import type { Ctx } from '../../context.ts'
import { statement } from '../../db/statement.ts'
import { copyOf } from '../../lib/copy.ts'
import { cached } from '../cache.ts'

const rowById = statement((db, id: number) => db.selectFrom('user').selectAll().where('id', '=', id))
const rowByName = statement((db, username: string) => db.selectFrom('user').selectAll().where('username', '=', username))

const byId = cached(['user'], (ctx, id): Promise<Row | undefined> => rowById.first(ctx.db, Number(id)), {
  concerns: (_, __, keys, id) => keys.has(id),
})
const byName = cached(['user'], (ctx, username): Promise<Row | undefined> => rowByName.first(ctx.db, username), {
  concerns: (row, _, keys) => row === undefined || keys.has(String(row.id)),
})

/**
 * An account by its key; undefined when there is none. It is remembered until somebody changes it, so that it may be as old as
 * configuration may (250 ms after another process on SQLite). The row is the caller's own: expressions write into those that they are given.
 */
export const accountOf = async (ctx: Ctx, id: number): Promise<Row | undefined> => copyOf(await byId(ctx, String(id)))

/** An account by its name; the same otherwise. */
export const accountNamed = async (ctx: Ctx, username: string): Promise<Row | undefined> => copyOf(await byName(ctx, username))
