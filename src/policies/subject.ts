import type { Row } from '../api/model.ts'
import type { Ctx } from '../context.ts'
import { isStored } from '../flows/objects.ts'
import type { PolicyRequest } from './policy.ts'

/** The account that a question is about as it is in the database now; undefined for visitors and for names that nobody has. */
export async function accountOf(ctx: Ctx, { user }: PolicyRequest): Promise<(Row & { id: number }) | undefined> {
  if (!isStored(user, 'id')) return undefined
  return ctx.db
    .selectFrom('user')
    .selectAll()
    .where('id', '=', user.id as number)
    .executeTakeFirst()
}

/** The password that somebody just entered: where forms leave it, else among the other facts. */
export function enteredPassword({ context }: PolicyRequest, field: string): string | undefined {
  const form = context.prompt_data as Row | undefined
  const found = form?.[field] ?? context[field]
  return found === undefined || found === null ? undefined : String(found)
}

export const NO_PASSWORD = 'Password not set in context'
