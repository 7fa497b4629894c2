import type { Row } from '../../api/model.ts'
import type { Ctx } from '../../context.ts'

/** An account that may act; undefined when it is gone or switched off. */
export const activeUser = async (ctx: Ctx, id: number): Promise<Row | undefined> =>
  await ctx.db.selectFrom('user').selectAll().where('id', '=', id).where('is_active', '=', true).executeTakeFirst()
