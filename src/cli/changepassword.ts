import { setPassword } from '../core/user/password.ts'
import { secretAnswers } from './ask.ts'
import { CommandError, type Command } from './command.ts'
import { findUser } from './find-user.ts'
import { withContext } from './with-context.ts'

const ATTEMPTS = 3

export const changePassword: Command = {
  arguments: '<user>',
  help: `
Asks twice for a new password, which is not shown, and sets it. Where stdin is no terminal it is read from there: the password in one
line, and again in a second one if there is one. Sessions of the user end.

Ends with 1 when the user does not exist or no password was set.`,
  positionals: [1, 1],
  run: (terminal, _values, [username = '']) =>
    withContext(terminal, async ctx => {
      const user = await findUser(ctx, username)
      terminal.stdout.write(`Changing password for user '${username}'\n`)
      const answers = secretAnswers(terminal)
      try {
        for (let attempt = 1; attempt <= (terminal.stdin.isTTY ? ATTEMPTS : 1); attempt++) {
          const password = await answers.next('Password: ')
          const again = terminal.stdin.isTTY ? await answers.next('Password (again): ') : await answers.next('').catch(() => password)
          const problem =
            password === '' ? 'Blank passwords are not allowed.' : password !== again ? 'Passwords do not match.' : tooLong(password)
          if (problem === undefined) {
            await setPassword(ctx, user, password)
            terminal.stdout.write(`Password changed successfully for user '${username}'\n`)
            return
          }
          terminal.stderr.write(`${problem}\n`)
        }
        throw new CommandError(`Password change for user '${username}' aborted.`)
      } finally {
        answers.close()
      }
    }),
}

const tooLong = (password: string) => (Buffer.byteLength(password) > 512 ? 'A password has at most 512 bytes.' : undefined)
