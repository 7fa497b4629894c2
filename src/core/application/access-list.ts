import { sql } from 'kysely'
import type { Condition } from '../../api/filters.ts'
import type { Model, Row } from '../../api/model.ts'
import { findObjects } from '../../api/store.ts'
import type { Ctx } from '../../context.ts'
import { amongKeys } from '../../db/sql/keys.ts'
import { mayOpen } from './access.ts'
import { groupsAndAbove } from '../group/membership.ts'
import { systemSettings } from '../settings.ts'

const NONE = sql<boolean>`1 = 0`
const ALL = sql<boolean>`1 = 1`
const KEY = sql.ref('application.pbm_uuid')

/** Whether a policy is bound to an application and switched on. */
const askedOf = sql<boolean>`${KEY} in (select target from policy_binding where policy is not null and enabled = ${true})`

/**
 * Applications that a person may open, superusers without their bypass: what `mayOpen` says of each, as a condition. What only groups and
 * accounts are bound to, the database decides for all at once, as `evaluatePolicies` does for one; policies are asked one by one.
 * @param model that of applications
 * @param where other conditions: no policy is asked about an application that does not meet them
 */
export async function openTo(ctx: Ctx, model: Model, user: Row, where: (Condition | undefined)[]): Promise<Condition> {
  if (!user.is_active) return NONE
  const { flags } = await systemSettings(ctx)
  const asked = await findObjects(ctx, model, { where: [...where, askedOf] })
  const passed: string[] = []
  for (const application of asked) {
    if ((await mayOpen(ctx, application, user, { bypass: false })).passing) passed.push(application.pbm_uuid as string)
  }
  const id = user.id as number
  const fits = sql`(case when "group" is null then "user" = ${id} else "group" in (${groupsAndAbove(id)}) end) != negate`
  const mode = sql`(select place.policy_engine_mode from policy_target as place where place.pbm_uuid = ${KEY})`
  // One look into the index of bindings for each application. The mode is in another table, and matters only where bindings disagree.
  return sql<boolean>`(
    select case
      when count(*) = 0 then ${flags.core_default_app_access ? ALL : NONE}
      when count(policy) > 0 then ${amongKeys(ctx.db, KEY, passed)}
      else case count(*) filter (where ${fits}) when 0 then ${NONE} when count(*) then ${ALL} else ${mode} = 'any' end end
    from policy_binding where target = ${KEY} and enabled = ${true})`
}
