import type { Row } from '../../api/model.ts'
import type { Ctx } from '../../context.ts'
import { statement } from '../../db/statement.ts'

/** An account that may act; undefined when it is gone or switched off. */
export const activeUser = (ctx: Ctx, id: number): Promise<Row | undefined> => userById.first(ctx.db, id, true)

const userById = statement((db, id: number, active: boolean) =>
  db.selectFrom('user').selectAll().where('id', '=', id).where('is_active', '=', active),
)
