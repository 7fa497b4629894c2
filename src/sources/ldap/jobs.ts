import { findObject, findObjects } from '../../api/store.ts'
import type { Ctx } from '../../context.ts'
import { lazy } from '../../lib/lazy.ts'
import { withLeanHeap } from '../../lib/small-heap.ts'
import { tryLease } from '../../tasks/lease.ts'
import type { Job } from '../../tasks/job.ts'
import { sql } from 'kysely'
import { LDAPSource, type LdapSource } from './model.ts'
import { leaseOf, queueSync, SYNC_JOB } from './queue.ts'

const sync = lazy(() => import('./sync.ts'))

/** ms after which a synchronisation that found another one under way comes again. */
const AGAIN = 30_000

/** Synchronises one directory; never twice at a time, whatever the number of processes. */
export const syncLdapSource: Job = {
  name: SYNC_JOB,
  description: 'Synchronise accounts and groups with an LDAP directory.',
  timeLimit: config => config.ldap.task_timeout_hours * 3_600_000,
  // The schedule comes again soon enough.
  maxRetries: 1,
  async run(ctx, args, run) {
    const source = (await findObject(ctx, LDAPSource, args.source)) as LdapSource | undefined
    if (!source?.enabled) return
    const { synchronise } = await sync()
    const mine = await tryLease(ctx, leaseOf(source), () => withLeanHeap(() => synchronise(ctx, source, run)))
    if (mine) return
    run.log('info', 'Another synchronisation is under way')
    await queueSync(ctx, source, new Date(ctx.now().getTime() + AGAIN))
  },
}

const enabledSources = async (ctx: Ctx): Promise<LdapSource[]> =>
  (await findObjects(ctx, LDAPSource, { where: [sql<boolean>`source.enabled`] })) as LdapSource[]

/** Has every directory synchronised. */
export const syncLdapSources: Job = {
  name: 'ldap_sync_all',
  description: 'Synchronise all LDAP directories.',
  schedule: { crontab: '7 * * * *', jitter: 1_800_000 },
  async run(ctx) {
    for (const source of await enabledSources(ctx)) await queueSync(ctx, source)
  },
}
