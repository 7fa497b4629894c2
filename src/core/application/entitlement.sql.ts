import { sql, type RawBuilder } from 'kysely'
import type { Ctx } from '../../context.ts'
import type { Db } from '../../db/database.ts'
import { groupsAndAbove } from '../group/membership.ts'

/**
 * Condition on rows of `application_entitlement`: an application's that a person has. One binding that fits is enough: to the person or one of
 * their groups, or, negated, to somebody else.
 */
export const entitledTo = (user: number, application: string): RawBuilder<boolean> => sql<boolean>`(
  application_entitlement.app = ${application} and exists (
    select 1 from policy_binding as bound
    where bound.target = application_entitlement.pbm_uuid and bound.enabled = ${true} and (
      (bound.negate = ${false} and (bound."user" = ${user} or bound."group" in (${groupsAndAbove(user)})))
      or (bound.negate = ${true} and (bound."user" <> ${user} or (bound."group" is not null and bound."group" not in (${groupsAndAbove(user)}))))
    )
  ))`

/** Attributes of the entitlements that a person has in an application, by name. */
export async function entitlementAttributes(db: Db, user: number, application: string): Promise<Record<string, unknown>[]> {
  const rows = await db
    .selectFrom('application_entitlement')
    .select('attributes')
    .where(entitledTo(user, application))
    .orderBy('name')
    .execute()
  return rows.map(row => row.attributes as Record<string, unknown>)
}

/** Removes what an application's entitlements are bound by, and with that the entitlements: the shared rows would outlive the application. */
export async function removeEntitlements({ db }: Pick<Ctx, 'db'>, application: string): Promise<void> {
  await db
    .deleteFrom('policy_target')
    .where('pbm_uuid', 'in', db.selectFrom('application_entitlement').select('pbm_uuid').where('app', '=', application))
    .execute()
}
