import type { Row } from '../../api/model.ts'
import { issueCode } from '../../authenticators/codes.ts'
import { transact, type Ctx } from '../../context.ts'
import { currentBrand } from '../../core/brand/model.ts'
import { parseDuration } from '../../lib/duration.ts'
import { queueMail, stageMail } from '../../mail/queue.ts'

type CodeMail = {
  /** The set-up stage, whose template and mail server count. */
  stage: Row
  user: Row
  address: string
  /** What the code is kept under. */
  key: string
}

/** Mails a fresh code; the mail exists if the code does. */
export async function mailCode(ctx: Ctx, { stage, user, address, key }: CodeMail): Promise<void> {
  const expires = new Date(ctx.now().getTime() + parseDuration(stage.token_expiry as string))
  const { title } = await currentBrand(ctx)
  await transact(ctx, async ctx => {
    const token = await issueCode(ctx, key, expires)
    await queueMail(ctx, stageMail(stage, { address, user, brand: title, expires, about: { token } }))
  })
}
