import { sql } from 'kysely'
import type { Ctx } from '../context.ts'
import { isUsable } from '../core/password/passwords.ts'

/**
 * Initial set-up: whoever opens a fresh installation gives its administrator a password. It can happen once. The mark in the
 * database stays for ever, so that removing the last superuser does not hand the installation to the next visitor.
 */

/** The flow that does it. Other flows do not get its powers, and it gets none once set-up is over. */
export const SETUP_SLUG = 'initial-setup'

const MARK = 'setup_completed'

/** Whether a superuser with a password exists. */
async function superuserHasPassword(ctx: Ctx): Promise<boolean> {
  const { rows } = await sql<{ password: string }>`
    with recursive makers(group_uuid) as (
      select group_uuid from "group" where is_superuser = ${true}
      union
      select group_parent.child from group_parent join makers on group_parent.parent = makers.group_uuid
    )
    select distinct "user".password from "user" join user_group on user_group."user" = "user".id
    where user_group."group" in (select group_uuid from makers)`.execute(ctx.db)
  return rows.some(row => isUsable(row.password))
}

const isMarked = async (ctx: Ctx): Promise<boolean> =>
  (await ctx.db.selectFrom('installation').select('name').where('name', '=', MARK).executeTakeFirst()) !== undefined

/**
 * Notes that set-up is over. Answers true to the one caller who got there first, also among many at once.
 * In a transaction, the note is taken back with everything else.
 */
export async function completeSetup(ctx: Ctx): Promise<boolean> {
  const noted = await ctx.db
    .insertInto('installation')
    .values({ name: MARK, value: ctx.now().toISOString() })
    .onConflict(conflict => conflict.doNothing())
    .returning('name')
    .executeTakeFirst()
  return noted !== undefined
}

/**
 * Whether the installation waits for its administrator's password. A superuser who got one in another way (command line, blueprint)
 * ends it for good the first time this is asked; the program asks at its start.
 */
export async function setupPending(ctx: Ctx): Promise<boolean> {
  if (await isMarked(ctx)) return false
  if (!(await superuserHasPassword(ctx))) return true
  await completeSetup(ctx)
  return false
}

/** The account that set-up is about: the superuser `akadmin` without a password. */
export async function setupAccount(ctx: Ctx): Promise<number | undefined> {
  const user = await ctx.db.selectFrom('user').select(['id', 'password']).where('username', '=', 'akadmin').executeTakeFirst()
  return user && !isUsable(user.password) ? user.id : undefined
}
