import { applyDefaults } from '../../blueprints/defaults.ts'
import { bootstrapEnvironment } from '../../boot.ts'
import { withLease } from '../lease.ts'
import type { Job } from '../job.ts'

/** Looks for blueprints that are new or have changed, and applies them. */
export const discoverBlueprints: Job = {
  name: 'blueprints_discovery',
  description: 'Find blueprints as files and apply those that changed.',
  schedule: { crontab: '47 * * * *', jitter: 600_000 },
  run: ctx => withLease(ctx, 'boot', () => applyDefaults(ctx, bootstrapEnvironment(ctx.config))),
}
