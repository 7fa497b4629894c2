import type { Row } from '../../api/model.ts'
import type { Ctx } from '../../context.ts'
import { accountOf } from '../../core/user/account.ts'

/** An account that may act; undefined when it is gone or switched off. */
export async function activeUser(ctx: Ctx, id: number): Promise<Row | undefined> {
  const account = await accountOf(ctx, id)
  return account?.is_active ? account : undefined
}
