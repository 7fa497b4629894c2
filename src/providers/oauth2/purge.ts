import type { Ctx } from '../../context.ts'
import { purgeDevices } from './device/rows.sql.ts'
import { purgePushed } from './authorize/pushed-request.ts'
import { purgeSeen } from './seen.sql.ts'
import { purge } from './token/grants.sql.ts'
import { purgeRetired } from './keys/retired.ts'

/** Deletes codes and tokens that are over; returns how many rows that were. For a job that runs now and then. */
export const purgeExpired = async (ctx: Ctx): Promise<number> =>
  (await purge(ctx.db, ctx.now())) +
  (await purgeDevices(ctx.db, ctx.now())) +
  (await purgeSeen(ctx.db, ctx.now())) +
  (await purgePushed(ctx.db, ctx.now())) +
  (await purgeRetired(ctx.db, ctx.now()))
