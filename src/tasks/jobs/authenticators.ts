import { sql } from 'kysely'
import { TRASH_AGE } from '../../authenticators/removal.ts'
import { purgeRows } from '../../db/sql/purge.ts'
import type { Job } from '../job.ts'

/** Removes for good what has lain in the trash long enough. */
export const emptyTrash: Job = {
  name: 'empty_trash',
  description: 'Remove deleted authenticators that nobody brought back.',
  schedule: { crontab: '41 2 * * *', jitter: 1_800_000 },
  async run(ctx, _args, { log, signal }) {
    const before = new Date(ctx.now().getTime() - TRASH_AGE)
    const over = { table: 'authenticator', key: 'id', until: 'deleted', and: sql`deleted is not null` }
    log('info', 'Emptied the trash', { authenticators: await purgeRows(ctx.db, over, before, signal) })
  },
}
