import type { Row } from '../api/model.ts'
import { systemContext, transact, type Ctx } from '../context.ts'
import { recordEvent } from '../events/record.ts'
import { stageByKey } from '../flows/definition.ts'
import type { Job, Run as TaskRun } from '../tasks/job.ts'
import { enqueue } from '../tasks/queue.ts'
import { renderTemplate } from './templates.ts'
import { sendMail, type SmtpSettings } from './send.ts'

/** A mail that waits to be sent. It is made of its template when it is. */
export type QueuedMail = {
  to: string[]
  cc?: string[]
  bcc?: string[]
  subject: string
  template: string
  variables: Record<string, unknown>
  /** Key of the stage whose settings count; null: the installation's. */
  stage: string | null
  /** After that its link is worth nothing, and neither is the mail. ISO 8601; null: never. */
  until: string | null
  /** Whom it is about, for the audit log. */
  user: number | null
  /** There is nobody to write to: everything else happens all the same, so that the time taken does not tell. */
  decoy?: boolean
}

/** By then the answer to whoever caused the mail is on its way, and the work of sending cannot be felt in it. */
const DELAY = 500 // ms

/** Label of the stages that send mail. */
export const EMAIL_STAGE = 'authentik_stages_email.emailstage'

/**
 * Queues a mail; in a transaction it is sent if that commits. Failures are retried, also after a restart. What it says is sealed,
 * since links in mails are secrets and the queue is shown to administrators.
 */
export async function queueMail(ctx: Ctx, mail: QueuedMail): Promise<void> {
  await enqueue(
    ctx,
    sendQueuedMail.name,
    { sealed: ctx.secrets.seal(JSON.stringify(mail)) },
    { uid: mail.template, eta: new Date(ctx.now().getTime() + DELAY) },
  )
}

/** The settings that a mail is sent by. @throws Error when its stage is gone */
async function settingsOf(ctx: Ctx, key: string | null): Promise<SmtpSettings> {
  if (key === null) return ctx.config.email
  const stage = await stageByKey(ctx, key)
  if (!stage) throw new Error('The stage that asked for this mail is gone.')
  return stageSettings(ctx, stage)
}

/** The settings of a stored stage that sends mail. */
export const stageSettings = ({ config }: Pick<Ctx, 'config'>, stage: Row): SmtpSettings =>
  stage.use_global_settings ? config.email : ({ ...stage, from: stage.from_address } as unknown as SmtpSettings)

/**
 * The mail that a stage sends somebody: its subject, template and settings, and what every template may name.
 * @param about what this template names besides, such as `url` or `token`
 */
export const stageMail = (
  stage: Row,
  { address, user, brand, expires, about }: { address: string; user: Row; brand: string; expires: Date; about: Record<string, unknown> },
): QueuedMail => ({
  to: [address],
  subject: stage.subject as string,
  template: stage.template as string,
  variables: {
    ...about,
    brand,
    user: { pk: user.id, username: user.username, name: user.name, email: user.email },
    expires: expires.toISOString(),
  },
  stage: stage.use_global_settings ? null : (stage.stage_uuid as string),
  until: expires.toISOString(),
  user: (user.id as number | undefined) ?? null,
})

/** Makes a mail of its template and sends it; resolves to its sender when the server has taken it. */
export async function sendNow(ctx: Ctx, mail: QueuedMail): Promise<string> {
  const settings = await settingsOf(ctx, mail.stage)
  const { expires } = mail.variables
  const { html, text } = await renderTemplate(ctx, mail.template, {
    ...mail.variables,
    subject: mail.subject,
    ...(typeof expires === 'string' && { expires: new Date(expires) }),
  })
  await sendMail({ email: settings }, { to: mail.to, cc: mail.cc, bcc: mail.bcc, subject: mail.subject, html, text })
  return settings.from
}

/** The server has refused the recipient for good: asking it again changes nothing. */
const isRefusal = (error: unknown): boolean => {
  const { code, responseCode } = error as { code?: string; responseCode?: number }
  return code === 'EENVELOPE' && (responseCode ?? 0) >= 500
}

export const sendQueuedMail: Job = {
  name: 'send_email',
  description: 'Send an email.',
  maxRetries: 8,
  timeLimit: 120_000,
  async run(jobCtx, args, { log }) {
    const ctx = systemContext(jobCtx)
    const mail = JSON.parse(ctx.secrets.open(args.sealed as string)) as QueuedMail
    if (mail.decoy) return
    const about = { template: mail.template, recipients: mail.to.length }
    if (mail.until !== null && new Date(mail.until) <= ctx.now()) {
      ctx.log.warn(about, 'email given up: its link has expired')
      return log('warning', 'The email could not be sent before its link expired.', about)
    }
    await sendAndTell(ctx, log, { ...mail, about, send: () => sendNow(ctx, mail) })
  },
}

/** A mail on its way: whom it goes to, what the log may say of it, and what sends it and answers its sender. */
type Sending = Pick<QueuedMail, 'to' | 'cc' | 'bcc' | 'subject' | 'user'> & { about: Row; send: () => Promise<string> }

/**
 * Sends a mail, and tells the log, the task and the audit log what became of it.
 * @throws what the mail server said, unless it has refused the recipient for good
 */
export async function sendAndTell(ctx: Ctx, log: TaskRun['log'], mail: Sending): Promise<void> {
  const { about } = mail
  let from: string
  try {
    from = await mail.send()
  } catch (error) {
    ctx.log.error({ err: error, ...about }, 'email not sent')
    // The mail goes on waiting, and leaves once the settings are mended: whoever can mend them must hear of it now.
    if ((error as { code?: string }).code === 'EAUTH')
      await recordEvent(ctx, 'configuration_error', {
        message: `The email server refuses user name and password: ${(error as Error).message}`,
      })
    if (!isRefusal(error)) throw error
    await recordEvent(ctx, 'system_exception', { message: `The email server refused the recipient: ${(error as Error).message}` })
    return log('error', (error as Error).message, about)
  }
  ctx.log.info(about, 'email sent')
  log('info', 'email sent', about)
  await noteSent(ctx, mail, from)
}

/** The audit log learns who was written to and why, and nothing of the text, which holds a key. */
async function noteSent(ctx: Ctx, mail: Sending, from: string): Promise<void> {
  const user =
    mail.user === null
      ? null
      : (((await ctx.db.selectFrom('user').selectAll().where('id', '=', mail.user).executeTakeFirst()) as Row | undefined) ?? null)
  const to = [...mail.to, ...(mail.cc ?? []), ...(mail.bcc ?? [])].join(', ')
  await transact(ctx, ctx =>
    recordEvent(ctx, 'email_sent', { message: `Email to ${to} sent`, subject: mail.subject, from_email: from, to_email: to }, { user }),
  )
}
