import { readConfig } from '../config.ts'
import { escapeHtml } from '../lib/html.ts'
import { findObject } from '../api/store.ts'
import { stageSettings } from '../mail/queue.ts'
import { sendMail, type SmtpSettings } from '../mail/send.ts'
import { EmailStage } from '../stages/email/model.ts'
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
    if (!/^[^\s@<>,;]+@[^\s@<>,;]+$/.test(to)) throw new CommandError(`${JSON.stringify(to)} is no mail address.`)
    const { email } = readConfig(terminal.source)
    const settings = stage === undefined ? email : await settingsOf(terminal, stage)
    try {
      await sendMail({ email: settings }, { to, subject: SUBJECT, text: `${TEXT}\n`, html: `<p>${escapeHtml(TEXT)}</p>\n` })
    } catch (error) {
      throw new CommandError(`The email could not be sent: ${(error as Error).message}`, { cause: error })
    }
    terminal.stdout.write(`Test email sent to ${to}\n`)
  },
}

/** The settings that a stage sends by. */
const settingsOf = (terminal: Parameters<typeof withContext>[0], name: string): Promise<SmtpSettings> =>
  withContext(terminal, async ctx => {
    const stage = await findObject(ctx, EmailStage, name, 'name')
    if (!stage) throw new CommandError(`Stage '${name}' does not exist`, { exitCode: 0 })
    return stageSettings(ctx, stage)
  })
