import { sql } from 'kysely'
import type { Hooks } from '../../api/objects.ts'
import { invalid, invalidObject } from '../../api/errors.ts'
import type { Row } from '../../api/model.ts'
import { relatedKeys } from '../../api/store.ts'
import type { Ctx } from '../../context.ts'
import { jsonEquals } from '../../db/sql/like.ts'
import { beyondCaller } from '../../rbac/escalation.ts'
import { User } from '../people.ts'
import { endSessionsOf } from '../session/session.ts'
import { systemSettings } from '../settings.ts'
import { withdraw } from '../withdrawal.ts'
import { requireReach } from './reach.ts'

async function clean(ctx: Ctx, values: Row, current?: Row): Promise<Row> {
  if (current?.type === 'internal_service_account' && !ctx.caller.system) {
    if ('type' in values && values.type !== current.type)
      throw invalid({ type: ["Can't change internal service account to other user type."] })
    throw invalidObject("Can't modify internal service account users")
  }
  if (values.type === 'internal_service_account' && !ctx.caller.system) {
    throw invalid({ type: ['Setting a user to internal service account is not allowed.'] })
  }
  if (current) await requireReach(ctx, current)
  await guardGains(ctx, values, current)
  return { ...values, last_updated: ctx.now() }
}

/** Whoever manages people without being a superuser may not put an account, theirs or another, into a group or role that gives more than they hold. */
async function guardGains(ctx: Ctx, values: Row, current?: Row): Promise<void> {
  if (ctx.caller.superuser) return
  for (const name of ['groups', 'roles'] as const) {
    const sent = (values[name] as string[] | undefined) ?? []
    if (sent.length === 0) continue
    const held = current ? (await relatedKeys(ctx, User.allFields[name]!, [current.id])).get(current.id)! : []
    const text = await beyondCaller(ctx, { [name]: sent.filter(key => !held.includes(key)) })
    if (text !== undefined) throw invalid({ [name]: [text] })
  }
}

/** What a write to an account entails: switching it off ends its sessions at once, and what was given out to it. */
async function saved(ctx: Ctx, user: Row, previous?: Row): Promise<void> {
  if (previous?.is_active && !user.is_active) {
    await withdraw(ctx, { user: user.id as number })
    await endSessionsOf(ctx, user.id as number)
  }
}

/** The account's tokens, sessions and consents go by their foreign keys; events about it go too where the law is followed to the letter. */
async function removing(ctx: Ctx, user: Row): Promise<void> {
  await requireReach(ctx, user)
  const { gdpr_compliance: forget } = await systemSettings(ctx)
  if (forget)
    await ctx.db
      .deleteFrom('event')
      .where(jsonEquals(ctx.db, sql.ref('event.user'), ['pk'], user.id))
      .execute()
}

export const userHooks: Hooks = { clean, saved, removing }
