import type { Ctx } from '../../context.ts'
import { purge } from './grants.sql.ts'

/** Deletes codes and tokens that are over; returns how many rows that were. For a job that runs now and then. */
export const purgeExpired = (ctx: Ctx): Promise<number> => purge(ctx.db, ctx.now())
