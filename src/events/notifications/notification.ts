import { sql } from 'kysely'
import { crud } from '../../api/crud.ts'
import { presentObjects } from '../../api/present.ts'
import { choice, flag, instant, internal, reference, shown, text } from '../../api/fields.ts'
import { defineModel, type Model, type Row } from '../../api/model.ts'
import type { Resource, SpecialOperation } from '../../api/mount.ts'
import { findObjects } from '../../api/store.ts'
import type { Ctx } from '../../context.ts'
import { User } from '../../core/people.ts'
import { Event } from '../event.ts'
import { SEVERITIES } from './rule.ts'

/** What somebody is told of an event, on the page. It belongs to them alone. */
export const Notification: Model = defineModel({
  name: 'Notification',
  label: 'authentik_events.notification',
  verboseName: 'Notification',
  table: 'notification',
  pk: 'uuid',
  display: 'body',
  owner: 'user',
  silent: true,
  fields: {
    severity: shown(choice(SEVERITIES)),
    body: shown(text()),
    hyperlink: shown(text({ nullable: true, maxLength: 4_096 })),
    hyperlink_label: shown(text({ nullable: true })),
    created: instant({ readOnly: true, now: true }),
    /** Left out when the entry is no longer kept. */
    event: { ...shown(reference(() => Event, { nullable: true })), shown: 'Event' },
    seen: flag(false),
    user: internal(reference(() => User)),
  },
  filters: ['body', 'created', 'event', 'seen', 'severity', 'user'],
  search: ['body', 'severity'],
  ordering: ['-created'],
  present,
})

async function present(ctx: Ctx, rows: Row[]): Promise<Row[]> {
  const wanted = [...new Set(rows.map(row => row.event).filter(key => key !== null))]
  const events = wanted.length
    ? await presentObjects(ctx, Event, await findObjects(ctx, Event, { where: [sql<boolean>`event.event_uuid in (${sql.join(wanted)})`] }))
    : []
  return rows.map(row => ({ event: events.find(event => event.pk === row.event) }))
}

/** Without what the caller may beyond their own: nobody reads what others are told. */
const alone = (ctx: Ctx): Ctx => ({
  ...ctx,
  caller: { ...ctx.caller, system: false, superuser: false, permissions: new Set(), roles: [] },
})

const { list, retrieve, update, destroy, usedBy } = crud(Notification)

export const notifications: Resource = {
  path: '/events/notifications',
  model: Notification,
  operations: {
    list: (ctx, query) => list(alone(ctx), query),
    retrieve: (ctx, key, query) => retrieve(alone(ctx), key, query),
    update: (ctx, key, body, partial, query) => update(alone(ctx), key, body, partial, query),
    destroy: (ctx, key) => destroy(alone(ctx), key),
    usedBy: (ctx, key) => usedBy(alone(ctx), key),
  },
}

export const notificationRoutes: Record<string, SpecialOperation> = {
  'POST /events/notifications/mark_all_seen/': {
    status: 204,
    handler: async ctx => {
      const own = ctx.db
        .updateTable('notification')
        .set({ seen: true })
        .where('user', '=', ctx.caller.user!.id as number)
      await own.where('seen', '=', false).execute()
    },
  },
}
