import { sql } from 'kysely'
import { crud } from '../../api/crud.ts'
import { presentObjects } from '../../api/present.ts'
import { choice, computed, flag, internal, many, reference, text } from '../../api/fields.ts'
import { defineModel, type Model, type Row } from '../../api/model.ts'
import type { Resource } from '../../api/mount.ts'
import { namedOrNull } from '../../api/shapes.ts'
import { findObjects } from '../../api/store.ts'
import type { Ctx } from '../../context.ts'
import { Group } from '../../core/people.ts'
import { PolicyTarget } from '../../policies/target.ts'
import { NotificationTransport } from './transport.ts'

export const SEVERITIES = ['notice', 'warning', 'alert'] as const

const model = defineModel({
  name: 'NotificationRule',
  label: 'authentik_events.notificationrule',
  verboseName: 'Notification Rule',
  table: 'notification_rule',
  pk: 'pbm_uuid',
  base: PolicyTarget,
  fields: {
    name: text({ unique: true }),
    /** None: the notification is only shown on the page. */
    transports: many(() => NotificationTransport, { table: 'notification_rule_transport', ours: 'rule', theirs: 'transport' }),
    severity: choice(SEVERITIES, 'notice'),
    /** Its direct members are told. */
    destination_group: reference(() => Group, { nullable: true }),
    destination_group_obj: computed(namedOrNull('Group')),
    destination_event_user: flag(false),
  },
  filters: ['name', 'severity', 'destination_group__name'],
  search: ['name'],
  ordering: ['name'],
  present,
})

/**
 * Who is told of an event, when one of the policies bound to it passes. A rule without bindings tells nobody. How several policies
 * count is no choice: one that passes is enough.
 */
export const NotificationRule: Model = {
  ...model,
  allFields: { ...model.allFields, policy_engine_mode: internal(PolicyTarget.fields.policy_engine_mode!) },
}

async function present(ctx: Ctx, rows: Row[]): Promise<Row[]> {
  const wanted = [...new Set(rows.map(row => row.destination_group).filter(key => key !== null))]
  const groups = wanted.length
    ? await presentObjects(
        ctx,
        Group,
        await findObjects(ctx, Group, { where: [sql<boolean>`"group".group_uuid in (${sql.join(wanted)})`] }),
        {
          include_users: 'false',
        },
      )
    : []
  return rows.map(row => ({ destination_group_obj: groups.find(group => group.pk === row.destination_group) ?? null }))
}

export const notificationRules: Resource = { path: '/events/rules', model: NotificationRule, operations: crud(NotificationRule) }
