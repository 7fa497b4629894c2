import type { Row } from '../../../api/model.ts'
import type { Ctx } from '../../../context.ts'
import { countAttempt } from '../../../core/attempts.ts'
import { recordEvent } from '../../../events/record.ts'

/** Events of one grant's tokens within the window: whoever holds a token that is over can send it as often as they like. */
const MOST = 5
const WINDOW = 3_600_000 // ms

/** A token that was revoked, or replaced, and is still tried may be in the wrong hands: the audit log says so. */
export async function reportReuse(ctx: Ctx, { family, user: id }: { family: string; user: number }, context: Row): Promise<void> {
  if ((await countAttempt(ctx, `reuse ${family}`, WINDOW)) > MOST) return
  const user = (await ctx.db.selectFrom('user').selectAll().where('id', '=', id).executeTakeFirst()) as Row | undefined
  await recordEvent(ctx, 'suspicious_request', context, { user: user ?? null })
}
