import { sql } from 'kysely'
import { Type } from 'typebox'
import { crud } from '../api/crud.ts'
import { objectAt, type Hooks } from '../api/objects.ts'
import { computed, flag, instant, internal, shown, text } from '../api/fields.ts'
import { parseFlag, parseUuid } from '../api/filters.ts'
import { defineModel, type Model, type Row } from '../api/model.ts'
import type { Resource, SpecialOperation } from '../api/mount.ts'
import { requireObject } from '../api/permissions.ts'
import type { Ctx } from '../context.ts'
import { lazy } from '../lib/lazy.ts'
import { wakeRunners } from './queue.ts'
import { nextRun, queueScheduled } from './schedules.ts'

const nullableText = Type.Unsafe({ type: ['string', 'null'] })

const crontabError = (value: string): string | undefined => {
  try {
    nextRun(value, new Date(0))
    return undefined
  } catch {
    return `${value} is not a valid crontab`
  }
}

/** Of what kind the object of a schedule is: `app.model` in two columns. */
const kindOf = sql<string>`(select kind from policy_target where pbm_uuid = schedule.source)`

/** When a job runs by itself. Administrators pause it, put it at other times, or have it run now. */
export const Schedule: Model = defineModel({
  name: 'Schedule',
  label: 'authentik_tasks_schedules.schedule',
  verboseName: 'Schedule',
  table: 'schedule',
  pk: 'id',
  keyName: 'id',
  display: 'identifier',
  fields: {
    identifier: shown(text()),
    uid: computed(Type.String()),
    actor_name: shown(text()),
    rel_obj_app_label: computed(Type.String()),
    rel_obj_model: computed(Type.String()),
    rel_obj_id: computed(nullableText),
    crontab: text({ check: crontabError }),
    paused: flag(false),
    next_run: instant({ readOnly: true }),
    description: computed(nullableText),
    last_task_status: computed(nullableText),
    source: internal(text({ nullable: true, format: 'uuid' })),
  },
  filters: {
    actor_name: {},
    paused: {},
    rel_obj_id: { apply: (_, [key]) => sql<boolean>`schedule.source = ${parseUuid(key!) ?? null}` },
    rel_obj_id__isnull: {
      type: 'boolean',
      apply: (_, [sent]) => (parseFlag(sent) === false ? sql<boolean>`schedule.source is not null` : sql<boolean>`schedule.source is null`),
    },
    rel_obj_content_type__app_label: { apply: (_, [label]) => sql<boolean>`${kindOf} like ${`${label}.%`}` },
    rel_obj_content_type__model: { apply: (_, [name]) => sql<boolean>`${kindOf} like ${`%.${name}`}` },
  },
  search: ['actor_name', 'identifier'],
  ordering: ['next_run', 'id'],
  present,
})

const known = lazy(async () => new Map((await import('./jobs.ts')).jobs.map(job => [job.name, job])))

async function present(ctx: Ctx, rows: Row[]): Promise<Row[]> {
  const jobs = await known()
  const sources = rows.map(row => row.source as string | null).filter(key => key !== null)
  const kinds = new Map(
    sources.length === 0
      ? []
      : (await ctx.db.selectFrom('policy_target').select(['pbm_uuid', 'kind']).where('pbm_uuid', 'in', sources).execute()).map(row => [
          row.pbm_uuid,
          row.kind,
        ]),
  )
  return Promise.all(
    rows.map(async row => {
      const [app = '', model = ''] = (kinds.get(row.source as string) ?? '').split('.')
      const last = ctx.db
        .selectFrom('task')
        .select('aggregated_status')
        .where('schedule', '=', row.id as string)
      return {
        uid: row.identifier,
        rel_obj_app_label: app,
        rel_obj_model: model,
        rel_obj_id: row.source,
        description: jobs.get(row.actor_name as string)?.description ?? null,
        last_task_status: (await last.orderBy('mtime', 'desc').limit(1).executeTakeFirst())?.aggregated_status ?? null,
      }
    }),
  )
}

/** Another crontab counts from now on. */
const hooks: Hooks = {
  clean: (ctx, values, current) =>
    typeof values.crontab === 'string' && values.crontab !== current?.crontab
      ? { ...values, next_run: nextRun(values.crontab, ctx.now()) }
      : values,
  saved: async ctx => wakeRunners(ctx),
}

const { list, retrieve, update } = crud(Schedule, hooks)

export const schedules: Resource = { path: '/tasks/schedules', model: Schedule, operations: { list, retrieve, update } }

export const scheduleRoutes: Record<string, SpecialOperation> = {
  'POST /tasks/schedules/:id/send/': {
    status: 204,
    handler: async (ctx, request) => {
      const schedule = await objectAt(ctx, Schedule, (request.params as { id: string }).id)
      await requireObject(ctx, Schedule, schedule.id as string, 'authentik_tasks_schedules.send_schedule')
      await queueScheduled(ctx, schedule as Parameters<typeof queueScheduled>[1])
    },
  },
}
