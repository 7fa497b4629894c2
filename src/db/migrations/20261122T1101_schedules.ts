import type { Schema } from '../columns.ts'

/** Schedules of single objects, and schedules that administrators changed. */
export async function up(schema: Schema): Promise<void> {
  await schema.addColumns('schedule', t => [
    t.uuid('source').references('source.pbm_uuid', 'cascade'), // of which it is; the job is told
    t.text('default_crontab').notNull().default(''), // as the program has it; another one in `crontab` is an administrator's
  ])
}
