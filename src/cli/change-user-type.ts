import { changeObject } from '../api/objects.ts'
import type { Row } from '../api/model.ts'
import { transact } from '../context.ts'
import { User } from '../core/people.ts'
import { textOption, UsageError, type Command } from './command.ts'
import { withContext } from './with-context.ts'

const TYPES = ['internal', 'external', 'service_account'] as const

export const changeUserType: Command = {
  arguments: '--type internal|external|service_account [--all | <user>…]',
  help: `
Changes the type of the named users, or of all; accounts that the program made for itself keep theirs. Prints how many were changed.
Names that nobody has are passed over.`,
  options: { type: { type: 'string' }, all: { type: 'boolean' } },
  positionals: [0, 10_000],
  async run(terminal, values, usernames) {
    const wanted = textOption(values, 'type')
    const type = TYPES.find(name => name === wanted)
    if (type === undefined) throw new UsageError(`--type is one of ${TYPES.join(', ')}`)
    if (Boolean(values.all) === usernames.length > 0) throw new UsageError('either --all or names of users are needed')
    const count = await withContext(terminal, ctx =>
      transact(ctx, async ctx => {
        let query = ctx.db.selectFrom('user').selectAll().where('type', '!=', 'internal_service_account')
        if (usernames.length > 0) query = query.where('username', 'in', [...usernames])
        const users = (await query.execute()) as Row[]
        for (const user of users) if (user.type !== type) await changeObject(ctx, User, user, { type })
        return users.length
      }),
    )
    terminal.stdout.write(`Updated ${count} users.\n`)
  },
}
