import { modelLabelled } from '../../api/model.ts'
import { findObject } from '../../api/store.ts'
import { systemContext, type Ctx } from '../../context.ts'
import { EMAIL_STAGE, sendAndTell, stageSettings } from '../../mail/queue.ts'
import { sendMail } from '../../mail/send.ts'
import type { Job } from '../../tasks/job.ts'
import { enqueue } from '../../tasks/queue.ts'

/** A mail whose body an expression wrote. */
export type TextMail = {
  to: string[]
  cc: string[]
  bcc: string[]
  subject: string
  text: string
  /** Key of the email stage whose settings count; null: the installation's. */
  stage: string | null
}

/** Queues a mail. What it says is sealed, since the queue is shown to administrators and mails hold links. */
export async function queueText(ctx: Ctx, mail: TextMail, from: string): Promise<void> {
  await enqueue(ctx, expressionMail.name, { sealed: ctx.secrets.seal(JSON.stringify(mail)) }, { uid: from })
}

const looksLikeHtml = (text: string): boolean => /<[a-z!][^<>]*>/i.test(text)

/** Sends what expressions wrote. A process that dies between sending and noting it sends twice, which is better than never. */
export const expressionMail: Job = {
  name: 'expression_mail',
  description: 'Send a mail that an expression wrote.',
  maxRetries: 8,
  timeLimit: 120_000,
  async run(jobCtx, args, { log }) {
    const ctx = systemContext(jobCtx)
    const { stage, ...mail } = JSON.parse(ctx.secrets.open(args.sealed as string)) as TextMail
    const model = stage === null ? undefined : modelLabelled(ctx, EMAIL_STAGE)
    const row = model && (await findObject(ctx, model, stage))
    if (stage !== null && !row) throw new Error('The email stage that this mail is to be sent by is gone.')
    const settings = row ? stageSettings(ctx, row) : ctx.config.email
    await sendAndTell(ctx, log, {
      ...mail,
      about: { recipients: mail.to.length, subject: mail.subject },
      user: null,
      send: async () => {
        await sendMail({ email: settings }, { ...mail, ...(looksLikeHtml(mail.text) && { html: mail.text }) })
        return settings.from
      },
    })
  },
}
