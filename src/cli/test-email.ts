import { readConfig } from '../config.ts'
import { escapeHtml } from '../lib/html.ts'
import { sendMail } from '../mail/send.ts'
import { CommandError, textOption, type Command } from './command.ts'
import { withContext } from './with-context.ts'

const SUBJECT = 'authentik Test-Email'
const TEXT = 'This is a test email to tell you that sending mail from this server works.'

export const testEmail: Command = {
  arguments: '<to> [-S <stage>]',
  help: `
Sends a mail to the address, by the EMAIL__ settings, and says so once the mail server has taken it.

  -S, --stage   the e-mail stage whose settings are used; one that does not exist is told on stderr, and the exit code is 0

Ends with 1 when the mail could not be sent.`,
  options: { stage: { type: 'string', short: 'S' } },
  positionals: [1, 1],
  async run(terminal, values, [to = '']) {
    const stage = textOption(values, 'stage')
    if (stage !== undefined) await requireStage(terminal, stage)
    if (!/^[^\s@<>,;]+@[^\s@<>,;]+$/.test(to)) throw new CommandError(`${JSON.stringify(to)} is no mail address.`)
    try {
      await sendMail(readConfig(terminal.source), { to, subject: SUBJECT, text: `${TEXT}\n`, html: `<p>${escapeHtml(TEXT)}</p>\n` })
    } catch (error) {
      throw new CommandError(`The email could not be sent: ${(error as Error).message}`, { cause: error })
    }
    terminal.stdout.write(`Test email sent to ${to}\n`)
  },
}

async function requireStage(terminal: Parameters<typeof withContext>[0], name: string): Promise<void> {
  const stage = await withContext(terminal, ({ db }) =>
    db
      .selectFrom('stage')
      .select('kind')
      .where('name', '=', name)
      .where('kind', '=', 'authentik_stages_email.emailstage')
      .executeTakeFirst(),
  )
  if (!stage) throw new CommandError(`Stage '${name}' does not exist`, { exitCode: 0 })
}
