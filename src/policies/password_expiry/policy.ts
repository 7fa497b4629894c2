import { eventModel } from '../../api/objects.ts'
import { flag, integer } from '../../api/fields.ts'
import type { Row } from '../../api/model.ts'
import { transact, type Ctx } from '../../context.ts'
import { rememberPassword } from '../../core/password/history.ts'
import { unusablePassword } from '../../core/password/passwords.ts'
import { endSessionsOf } from '../../core/session/session.ts'
import { User } from '../../core/people.ts'
import { recordEvent } from '../../events/record.ts'
import { definePolicyKind, definePolicyModel, fail, pass, PolicyFailure, policyResource } from '../kind.ts'
import { accountOf } from '../subject.ts'

/** Passes people whose password is young enough. */
const PasswordExpiryPolicy = definePolicyModel({
  name: 'PasswordExpiryPolicy',
  label: 'authentik_policies_expiry.passwordexpirypolicy',
  verboseName: 'Password Expiry Policy',
  verboseNamePlural: 'Password Expiry Policies',
  description: 'Takes away a password that was not changed for so many days, or only refuses it.',
  component: 'ak-policy-password-expiry-form',
  table: 'policy_password_expiry',
  fields: { days: integer(), deny_only: flag(false) },
  filters: ['days', 'deny_only'],
})

export const passwordExpiryPolicies = policyResource('/policies/password_expiry', PasswordExpiryPolicy)

const DAY = 86_400_000 // ms

/** The account keeps the date of its last password: until there is a new one, the old one stays expired. */
async function takeAway(ctx: Ctx, user: Row & { id: number }): Promise<void> {
  await transact(ctx, async ctx => {
    await rememberPassword(ctx, user.id)
    const { numUpdatedRows } = await ctx.db
      .updateTable('user')
      .set({ password: unusablePassword(ctx.randomBytes), last_updated: ctx.now() })
      .where('id', '=', user.id)
      .where('password', '=', user.password as string)
      .executeTakeFirst()
    if (numUpdatedRows === 0n) return
    const own = ctx.caller.session && ctx.caller.user?.id === user.id ? (ctx.caller.session.session_hash as string) : undefined
    await endSessionsOf(ctx, user.id, own)
    await recordEvent(ctx, 'model_updated', { model: eventModel(User, user), reason: 'Password expired' }, { user })
  })
}

export const passwordExpiryKind = definePolicyKind(PasswordExpiryPolicy, 'authentik.policies.expiry', policy => async (ctx, request) => {
  const user = await accountOf(ctx, request)
  if (!user) throw new PolicyFailure('There is nobody whose password could have expired.')
  const age = Math.floor((ctx.now().getTime() - (user.password_change_date as Date).getTime()) / DAY)
  const over = age - (policy.days as number)
  if (over < 0) return pass()
  if (policy.deny_only) return fail('Password has expired.')
  if (!(user.password as string).startsWith('!')) await takeAway(ctx, user)
  return fail(`Password expired ${over} days ago. Please update your password.`)
})
