import { ADMIN_GROUP, ensureAdminGroup } from '../boot.ts'
import { eventModel } from '../api/objects.ts'
import { transact } from '../context.ts'
import { User } from '../core/people.ts'
import { recordEvent } from '../events/record.ts'
import type { Command } from './command.ts'
import { findUser } from './find-user.ts'
import { withContext } from './with-context.ts'

export const createAdminGroup: Command = {
  arguments: '<user>',
  help: `Makes the group '${ADMIN_GROUP}' when there is none, lets its members be superusers, and puts the user into it. Ends with 1 for an unknown user.`,
  positionals: [1, 1],
  async run(terminal, _values, [username = '']) {
    await withContext(terminal, async ctx => {
      const user = await findUser(ctx, username)
      await transact(ctx, async ctx => {
        const group = await ensureAdminGroup(ctx)
        await ctx.db.updateTable('group').set({ is_superuser: true }).where('group_uuid', '=', group).execute()
        await ctx.db
          .insertInto('user_group')
          .values({ user: user.id as number, group })
          .onConflict(conflict => conflict.doNothing())
          .execute()
        await recordEvent(ctx, 'model_updated', { model: eventModel(User, user), diff: { groups: { add: [ADMIN_GROUP] } } })
      })
    })
    terminal.stdout.write(`User '${username}' successfully added to the group '${ADMIN_GROUP}'.\n`)
  },
}
