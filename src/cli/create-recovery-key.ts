import { createToken } from '../core/token/new.ts'
import { UsageError, type Command } from './command.ts'
import { findUser } from './find-user.ts'
import { withContext } from './with-context.ts'

const MINUTE = 60_000 // ms
const LONGEST = 60 * 24 * 365 // minutes

export const createRecoveryKey: Command = {
  arguments: '[minutes] <user>',
  help: `
Prints a link that signs in as the user: it works once, within the given minutes (60 unless said). Three lines on stdout: a warning,
how long it is good for, and the link's path, to be put behind the server's address.

An unknown user is told on stderr; the exit code is 0 all the same, as scripts expect.`,
  positionals: [1, 2],
  async run(terminal, _values, positionals) {
    const username = positionals.at(-1)!
    const minutes = positionals.length === 2 ? positionals[0]! : '60'
    if (!/^\d{1,6}$/.test(minutes) || Number(minutes) < 1 || Number(minutes) > LONGEST)
      throw new UsageError(`minutes are a whole number from 1 to ${LONGEST}`)
    const { key, path } = await withContext(terminal, async ctx => {
      const user = await findUser(ctx, username, 0)
      const expires = new Date(ctx.now().getTime() + Number(minutes) * MINUTE)
      const identifier = `recovery-${ctx.uuid()}`
      const description = 'Recovery key made on the command line'
      return {
        key: await createToken(ctx, { user: user.id as number, identifier, intent: 'recovery', expires, description }),
        path: ctx.config.web.path,
      }
    })
    terminal.stdout.write(`Store this link safely: whoever opens it is signed in as ${username}.\n`)
    terminal.stdout.write(`This recovery token is valid for ${inWords(Number(minutes))}.\n`)
    terminal.stdout.write(`${path}recovery/use-token/${key}/\n`)
  },
}

/** `90` → `1 hour 30 minutes`. */
function inWords(minutes: number): string {
  const parts = [
    [Math.floor(minutes / 1440), 'day'],
    [Math.floor((minutes % 1440) / 60), 'hour'],
    [minutes % 60, 'minute'],
  ] as const
  return parts
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count} ${unit}${count === 1 ? '' : 's'}`)
    .join(' ')
}
