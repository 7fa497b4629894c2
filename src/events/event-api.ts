import { sql, type RawBuilder } from 'kysely'
import { invalid } from '../api/errors.ts'
import { filterConditions, searchCondition, type Condition } from '../api/filters.ts'
import type { Query, Row } from '../api/model.ts'
import type { Resource, SpecialOperation } from '../api/mount.ts'
import { visibility } from '../api/permissions.ts'
import type { Ctx } from '../context.ts'
import { engineOf } from '../db/engine.ts'
import { jsonTextAt } from '../db/sql/like.ts'
import { isDuration, parseDuration } from '../lib/duration.ts'
import { ACTIONS, Event, eventOperations } from './event.ts'
import { actionTitle } from './notifications/summary.ts'

export const events: Resource = { path: '/events/events', model: Event, operations: eventOperations }

const DAY = 86_400_000 // ms

/** The entries that the caller may see and that the query's filters name. */
async function selected(ctx: Ctx, query: Query, ...more: Condition[]): Promise<RawBuilder<unknown>> {
  const conditions = [
    visibility(ctx, Event),
    ...(await filterConditions(ctx, Event, query)),
    searchCondition(ctx, Event, query),
    ...more,
  ].filter(part => part !== undefined)
  return conditions.length ? sql`where ${sql.join(conditions, sql` and `)}` : sql``
}

/** A whole number of the query within its bounds, else what is usual. */
function whole(query: Query, name: string, usual: number, most: number): number {
  const sent = [query[name]].flat()[0]
  if (sent === undefined || sent === '') return usual
  if (!/^\d{1,9}$/.test(sent)) throw invalid({ [name]: ['A valid integer is required.'] })
  return Math.min(Math.max(Number(sent), 1), most)
}

/** The beginning of the hour or day in UTC that an entry falls into, in ms since the epoch. */
const bucket = (ctx: Ctx, size: number): RawBuilder<number> =>
  engineOf(ctx.db) === 'sqlite'
    ? sql<number>`(event.created / ${sql.lit(size)}) * ${sql.lit(size)}`
    : sql<number>`(floor(extract(epoch from event.created) * 1000 / ${sql.lit(size)}) * ${sql.lit(size)})`

const filters = Object.fromEntries(
  Object.entries(Event.filters).map(([name, { many }]) => [name, many ? { type: 'array', items: { type: 'string' } } : { type: 'string' }]),
)
const narrowing = { ...filters, search: { type: 'string' }, ordering: { type: 'string' } }

export const eventRoutes: Record<string, SpecialOperation> = {
  'GET /events/events/actions/': {
    response: 'TypeCreate',
    many: 'list',
    handler: async () =>
      ACTIONS.map(action => ({
        name: actionTitle(action),
        description: '',
        component: action,
        model_name: '',
        requires_enterprise: false,
        deprecated: false,
      })),
  },
  /** How many entries there were in each quarter of a day (in each day, for long spans), for charts. */
  'GET /events/events/volume/': {
    response: 'EventVolume',
    many: 'list',
    query: { ...narrowing, history_days: { type: 'integer' } },
    handler: async (ctx, request) => {
      const query = request.query as Query
      const days = whole(query, 'history_days', 7, 366)
      const since = new Date(ctx.now().getTime() - days * DAY)
      const where = await selected(ctx, query, sql`event.created >= ${since}`)
      const size = days > 31 ? DAY : DAY / 4
      const { rows } = await sql<{ action: string; slot: number | string; count: number | string }>`
        select event.action as action, ${bucket(ctx, size)} as slot, count(*) as count from event ${where}
        group by 1, 2 order by 2, 1`.execute(ctx.db)
      return rows.map(({ action, slot, count }) => ({
        action: action.startsWith('custom_') ? 'custom_' : action,
        time: new Date(Number(slot)).toISOString(),
        count: Number(count),
      }))
    },
  },
  /** The applications that were signed in to most. */
  'GET /events/events/top_per_user/': {
    response: 'EventTopPerUser',
    many: 'list',
    query: { ...narrowing, top_n: { type: 'integer' } },
    handler: async (ctx, request) => {
      const query = request.query as Query
      const top = whole(query, 'top_n', 15, 100)
      const key = jsonTextAt(ctx.db, sql.ref('event.context'), ['authorized_application', 'pk'])
      const name = jsonTextAt(ctx.db, sql.ref('event.context'), ['authorized_application', 'name'])
      const user = jsonTextAt(ctx.db, sql.ref('event.user'), ['pk'])
      const where = await selected(ctx, query, sql`${key} is not null`)
      const { rows } = await sql<{ key: string; name: string | null; events: number | string; users: number | string }>`
        select ${key} as key, max(${name}) as name, count(*) as events, count(distinct ${user}) as users from event ${where}
        group by 1 order by 3 desc, 1 limit ${top}`.execute(ctx.db)
      return rows.map(row => ({
        application: { app: 'authentik_core', model_name: 'application', pk: row.key, name: row.name ?? row.key },
        counted_events: Number(row.events),
        unique_users: Number(row.users),
      }))
    },
  },
  /** How many entries, and by how many people, in each of the last spans that `count_steps` names (`days=1`). */
  'GET /events/events/stats/': {
    response: 'EventStats',
    query: { ...narrowing, count_steps: { type: 'array', items: { type: 'string' } } },
    handler: async (ctx, request) => {
      const query = request.query as Query
      const user = jsonTextAt(ctx.db, sql.ref('event.user'), ['pk'])
      const all = await sql<{
        users: number | string
      }>`select count(distinct ${user}) as users from event ${await selected(ctx, query)}`.execute(ctx.db)
      const steps = [query.count_steps]
        .flat()
        .filter((step): step is string => step !== undefined && step !== '')
        .slice(0, 12)
      const counts: Row = {}
      for (const step of steps) {
        const since = new Date(ctx.now().getTime() - stepLength(step))
        const { rows } = await sql<{
          count: number | string
        }>`select count(*) as count from event ${await selected(ctx, query, sql`event.created >= ${since}`)}`.execute(ctx.db)
        counts[step] = Number(rows[0]!.count)
      }
      return { unique_users: Number(all.rows[0]!.users), count_step: counts }
    },
  },
}

function stepLength(step: string): number {
  if (!isDuration(step)) throw invalid({ count_steps: [`${step} is not in the correct format of 'hours=3;minutes=1'.`] })
  return parseDuration(step)
}
