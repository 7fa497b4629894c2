import type { Row } from '../../api/model.ts'
import type { Ctx } from '../../context.ts'
import { countAttempt } from '../../core/attempts.ts'
import { parseDuration } from '../../lib/duration.ts'

/**
 * Counts a mail that somebody asks for, and says whether it may still be sent: within a window that begins with the first, an address
 * gets no more than the stage allows.
 * @param address also one that nobody has: the work is the same
 */
export const mayMail = async (ctx: Ctx, stage: Row, address: string): Promise<boolean> =>
  (await countAttempt(ctx, address.toLowerCase(), parseDuration(stage.recovery_cache_timeout as string))) <=
  (stage.recovery_max_attempts as number)
