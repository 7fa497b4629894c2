import type { Job } from './job.ts'
import { expressionMail } from '../expression/host/mail-job.ts'
import { sendWebhook } from '../events/notifications/deliver.ts'
import { evaluateRules } from '../events/notifications/evaluate.ts'
import { backchannelLogout } from '../providers/oauth2/logout/backchannel.ts'
import { sendQueuedMail } from '../mail/queue.ts'
import { syncLdapSource } from '../sources/ldap/jobs.ts'
import { emptyTrash } from './jobs/authenticators.ts'
import { discoverBlueprints } from './jobs/blueprints.ts'
import { cleanExpired, cleanTasks } from './jobs/purge.ts'

/** Every job of the program. */
export const jobs: readonly Job[] = [
  cleanExpired,
  cleanTasks,
  emptyTrash,
  discoverBlueprints,
  expressionMail,
  sendQueuedMail,
  evaluateRules,
  sendWebhook,
  backchannelLogout,
  syncLdapSource,
]
