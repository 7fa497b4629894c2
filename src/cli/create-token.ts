import { createToken } from '../core/token/new.ts'
import { systemSettings } from '../core/settings.ts'
import { parseDuration } from '../lib/duration.ts'
import { textOption, UsageError, type Command } from './command.ts'
import { findUser } from './find-user.ts'
import { withContext } from './with-context.ts'

const INTENTS = ['api', 'app_password'] as const

export const createTokenCommand: Command = {
  arguments: '--user <name> --identifier <slug> [--expiring] [--intent api|app_password] [--description <text>]',
  help: `
Makes a token and prints its key, and nothing else, on stdout.

  --user          whom it stands for
  --identifier    its name: letters, digits, - and _
  --expiring      it ends after the default token duration of the system settings; otherwise it does not end
  --intent        api (the default) for the API, app_password for programs that sign in with a password

Ends with 1 when the user does not exist or the identifier is taken.`,
  options: {
    user: { type: 'string' },
    identifier: { type: 'string' },
    expiring: { type: 'boolean' },
    intent: { type: 'string', default: 'api' },
    description: { type: 'string', default: '' },
  },
  async run(terminal, values) {
    const username = textOption(values, 'user')
    const identifier = textOption(values, 'identifier')
    const intent = INTENTS.find(name => name === values.intent)
    if (username === undefined) throw new UsageError('--user is missing')
    if (identifier === undefined) throw new UsageError('--identifier is missing')
    if (!/^[\w-]{1,255}$/.test(identifier)) throw new UsageError('--identifier takes letters, digits, - and _')
    if (intent === undefined) throw new UsageError(`--intent is one of ${INTENTS.join(', ')}`)
    const key = await withContext(terminal, async ctx => {
      const user = await findUser(ctx, username)
      const { default_token_duration: duration } = await systemSettings(ctx)
      const expires = values.expiring ? new Date(ctx.now().getTime() + parseDuration(duration)) : null
      return createToken(ctx, { user: user.id as number, identifier, intent, expires, description: textOption(values, 'description') })
    })
    terminal.stdout.write(`${key}\n`)
  },
}
