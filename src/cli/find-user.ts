import type { Row } from '../api/model.ts'
import type { Ctx } from '../context.ts'
import { CommandError } from './command.ts'

/** The account of this name. @throws CommandError with the sentence that scripts know, and the exit code */
export async function findUser(ctx: Ctx, username: string, exitCode = 1): Promise<Row> {
  const user = await ctx.db.selectFrom('user').selectAll().where('username', '=', username).executeTakeFirst()
  if (!user) throw new CommandError(`User '${username}' not found.`, { exitCode })
  return user
}
