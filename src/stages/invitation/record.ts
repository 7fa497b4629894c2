import { sql } from 'kysely'
import type { Row } from '../../api/model.ts'
import type { Ctx } from '../../context.ts'

/**
 * What became of invitations. A single-use invitation goes with its use, as clients of the API know it; the record stays for as long
 * as events do, so that whoever invited can see who came.
 */

/** What a record repeats of its invitation. */
const copied = ({ name, flow, created_by, single_use, expires }: Row) => ({
  name: name as string,
  flow: flow as string | null,
  created_by: created_by as number | null,
  single_use: single_use as boolean,
  expires: expires as Date | null,
})

/** Keeps the record of an invitation that was made or changed, in the same transaction. */
export async function keepRecord(ctx: Ctx, invitation: Row, more: { email?: string; batch?: string } = {}): Promise<void> {
  const changed = ctx.now()
  const values = { ...copied(invitation), changed }
  const { email = '', batch = null } = more
  await ctx.db
    .insertInto('invitation_record')
    .values({
      invite_uuid: invitation.invite_uuid as string,
      ...values,
      email,
      batch,
      created: changed,
      opened: null,
      opened_count: 0,
      use_count: 0,
      ended: null,
    })
    .onConflict(conflict => conflict.column('invite_uuid').doUpdateSet({ ...values, ...(more.email !== undefined && more) }))
    .execute()
}

/** Notes that somebody, or a program that looks at links, has opened it: one statement by key. Nothing is spent by that. */
export async function noteOpened(ctx: Ctx, invitation: Row): Promise<void> {
  const now = ctx.now()
  const noted = await ctx.db
    .updateTable('invitation_record')
    .set({ opened: sql<Date>`coalesce(opened, ${now})`, opened_count: sql<number>`opened_count + 1`, changed: now })
    .where('invite_uuid', '=', invitation.invite_uuid as string)
    .executeTakeFirst()
  if (noted.numUpdatedRows > 0n) return
  // Made by an expression or a blueprint, past the API.
  await keepRecord(ctx, invitation)
  await noteOpened(ctx, invitation)
}

/** Notes whom it let in, in the transaction that does. */
export async function noteUsed(ctx: Ctx, invitation: Row, user: Row | null): Promise<void> {
  const now = ctx.now()
  const key = invitation.invite_uuid as string
  await keepRecord(ctx, invitation)
  await ctx.db
    .updateTable('invitation_record')
    .set({ use_count: sql<number>`use_count + 1`, ...(invitation.single_use === true && { ended: now }) })
    .where('invite_uuid', '=', key)
    .execute()
  await ctx.db
    .insertInto('invitation_use')
    .values({
      use_uuid: ctx.uuid(),
      invitation: key,
      user: (user?.id as number | undefined) ?? null,
      username: (user?.username as string | undefined) ?? '',
      used: now,
    })
    .execute()
}

/** Notes that somebody took it back, before the row goes. */
export async function noteDeleted(ctx: Ctx, invitation: Row): Promise<void> {
  await keepRecord(ctx, invitation)
  await ctx.db
    .updateTable('invitation_record')
    .set({ ended: ctx.now() })
    .where('invite_uuid', '=', invitation.invite_uuid as string)
    .execute()
}

/** Gives invitations that came past the API their record. */
export async function keepMissingRecords(ctx: Ctx): Promise<void> {
  const recorded = ctx.db.selectFrom('invitation_record').select('invite_uuid')
  const missing = await ctx.db.selectFrom('invitation').selectAll().where('invite_uuid', 'not in', recorded).execute()
  for (const invitation of missing) await keepRecord(ctx, invitation)
}

export const STATES = ['open', 'opened', 'used', 'expired', 'deleted'] as const
export type State = (typeof STATES)[number]

/** Where an invitation stands, over `invitation_record` with `invitation` joined to it where that is still there. */
export const stateOf = (ctx: Pick<Ctx, 'now'>) => {
  const now = ctx.now()
  return sql<State>`case
    when invitation.invite_uuid is null and invitation_record.single_use and invitation_record.use_count > 0 then 'used'
    when invitation.invite_uuid is null and (invitation_record.ended is not null or invitation_record.expires is null or invitation_record.expires > ${now}) then 'deleted'
    when invitation.invite_uuid is null or invitation.expires <= ${now} then 'expired'
    when invitation_record.use_count > 0 then 'used'
    when invitation_record.opened_count > 0 then 'opened'
    else 'open' end`
}

/** Records whose invitation is gone, and whose time too; `before` as events are kept. */
export const isStale = (before: Date) =>
  sql`(expires is null or expires < ${before}) and not exists (select 1 from invitation where invitation.invite_uuid = invitation_record.invite_uuid)`
