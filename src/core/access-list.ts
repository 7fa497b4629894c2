import { sql } from 'kysely'
import type { Condition } from '../api/filters.ts'
import type { Model, Row } from '../api/model.ts'
import { findObjects } from '../api/store.ts'
import type { Ctx } from '../context.ts'
import { amongKeys } from '../db/keys.ts'
import { mayOpen } from './access.ts'
import { groupsAndAbove } from './membership.ts'
import { systemSettings } from './settings.ts'

const NONE = sql<boolean>`1 = 0`
const KEY = sql.ref('application.pbm_uuid')

/** Whether an object has bindings of a kind that are switched on. */
const bound = (kind?: 'policy'): Condition =>
  sql<boolean>`${KEY} in (select target from policy_binding where enabled = ${true}${kind ? sql` and policy is not null` : sql``})`

/**
 * Applications that a person may open, superusers without their bypass: what `mayOpen` says of each, as a condition. What only groups and
 * accounts are bound to, the database decides for all at once, as `evaluatePolicies` does for one; policies are asked one by one.
 * @param model that of applications
 * @param where other conditions: no policy is asked about an application that does not meet them
 */
export async function openTo(ctx: Ctx, model: Model, user: Row, where: (Condition | undefined)[]): Promise<Condition> {
  if (!user.is_active) return NONE
  const { flags } = await systemSettings(ctx)
  const asked = await findObjects(ctx, model, { where: [...where, bound('policy')] })
  const passed: string[] = []
  for (const application of asked) {
    if ((await mayOpen(ctx, application, user, { bypass: false })).passing) passed.push(application.pbm_uuid as string)
  }
  const id = user.id as number
  const matches = sql`case when "group" is null then "user" = ${id} else "group" in (${groupsAndAbove(id)}) end`
  const says = sql`case when (case when ${matches} then 1 else 0 end) != (case when negate then 1 else 0 end) then 1 else 0 end`
  const members = sql`
    select target from policy_binding join policy_target on policy_target.pbm_uuid = policy_binding.target
    where enabled = ${true} and policy_target.kind = ${model.label}
    group by target, policy_engine_mode
    having case policy_engine_mode when 'all' then min(${says}) else max(${says}) end = 1`
  const unbound = flags.core_default_app_access ? sql<boolean>`not ${bound()}` : NONE
  return sql<boolean>`(${unbound} or (not ${bound('policy')} and ${KEY} in (${members})) or ${amongKeys(ctx.db, KEY, passed)})`
}
