import { findObject } from '../../api/store.ts'
import { lazy } from '../../lib/lazy.ts'
import { withLeanHeap } from '../../lib/v8-modes.ts'
import { tryLease } from '../../tasks/lease.ts'
import type { Job } from '../../tasks/job.ts'
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
