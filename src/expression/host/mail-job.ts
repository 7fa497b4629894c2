import type { Job } from '../../tasks/job.ts'
import { sendMail } from '../../mail/send.ts'

export type QueuedMail = { to: string; cc: string; bcc: string; subject: string; text: string; html?: string }

/** Mail that expressions ask for. A process that dies between sending and noting it sends twice, which is better than never. */
export const expressionMail: Job = {
  name: 'expression_mail',
  description: 'Send a mail that an expression asked for.',
  async run(ctx, args, { log }) {
    const mail = args as QueuedMail
    await sendMail(ctx.config, mail)
    log('info', 'email sent', { to: mail.to, subject: mail.subject })
  },
}
