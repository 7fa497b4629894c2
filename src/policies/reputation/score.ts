import { sql } from 'kysely'
import type { Ctx } from '../../context.ts'
import { settingsOutside } from '../../core/settings.ts'
import { placeOf } from '../../geoip/place.ts'

const MAX_IDENTIFIER = 255

/**
 * Notes that a name did something good or bad at the client's address. Scores stay within the limits of the system settings, and are
 * forgotten some time after their last change. One statement, so that many at once are all counted, in whichever process.
 * @param identifier the name as it was typed, also one that nobody has
 */
export async function changeReputation(ctx: Ctx, identifier: string, amount: number): Promise<void> {
  if (ctx.request === null || identifier === '') return
  const { reputation_lower_limit: lower, reputation_upper_limit: upper } = await settingsOutside(ctx)
  const now = ctx.now()
  const clamped = (score: ReturnType<typeof sql>) =>
    sql<number>`case when ${score} < ${sql.lit(lower)} then ${sql.lit(lower)} when ${score} > ${sql.lit(upper)} then ${sql.lit(upper)} else ${score} end`
  const before = sql`case when reputation.expires <= ${now} then 0 else reputation.score end`
  const { geo, asn } = await placeOf(ctx, ctx.request.clientIp)
  const facts = {
    ip_geo_data: JSON.stringify(geo ?? {}),
    ip_asn_data: JSON.stringify(asn ?? {}),
    expires: new Date(now.getTime() + ctx.config.reputation.expiry * 1000),
    updated: now,
  }
  await ctx.db
    .insertInto('reputation')
    .values({
      reputation_uuid: ctx.uuid(),
      identifier: identifier.slice(0, MAX_IDENTIFIER),
      ip: ctx.request.clientIp,
      score: Math.min(Math.max(amount, lower), upper),
      ...facts,
    })
    .onConflict(conflict =>
      conflict.columns(['identifier', 'ip']).doUpdateSet({ ...facts, score: clamped(sql`(${before} + ${sql.lit(amount)})`) }),
    )
    .execute()
}

/** The sum of what is known of an address, a name, or both; nothing known is 0. */
export async function reputationOf(ctx: Ctx, { ip, identifier }: { ip?: string; identifier?: string }): Promise<number> {
  if (ip === undefined && identifier === undefined) return 0
  const { sum } = await ctx.db
    .selectFrom('reputation')
    .select(({ fn }) => fn.sum<number | string | null>('score').as('sum'))
    .where('expires', '>', ctx.now())
    .where(row =>
      row.or([
        ...(ip === undefined ? [] : [row('ip', '=', ip)]),
        ...(identifier === undefined ? [] : [row('identifier', '=', identifier)]),
      ]),
    )
    .executeTakeFirstOrThrow()
  return Number(sum ?? 0)
}
