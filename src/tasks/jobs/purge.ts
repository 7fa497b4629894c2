import { sql } from 'kysely'
import { transact, type Ctx } from '../../context.ts'
import { eventModel } from '../../api/objects.ts'
import type { Row } from '../../api/model.ts'
import { purgeRows, type Over } from '../../db/sql/purge.ts'
import { systemSettings } from '../../core/settings.ts'
import { newKey, Token } from '../../core/token/model.ts'
import { tidyNotifications } from '../../events/notifications/repeats.ts'
import { recordEvent } from '../../events/record.ts'
import { parseDuration } from '../../lib/duration.ts'
import { purgeExpired } from '../../providers/oauth2/purge.ts'
import { isStale } from '../../stages/invitation/record.ts'
import type { Job } from '../job.ts'

/**
 * An API token that is over gets a new key, so that the old one is worth nothing, and a new time; who uses it fetches the key again.
 * Tokens for other ends are deleted.
 */
async function tokens(ctx: Ctx): Promise<number> {
  const now = ctx.now()
  const settings = await systemSettings(ctx)
  const over = (await ctx.db.selectFrom('token').selectAll().where('expiring', '=', true).where('expires', '<', now).execute()) as Row[]
  for (const token of over) {
    const same = { token_uuid: token.token_uuid as string, key_hash: token.key_hash as string }
    await transact(ctx, async ctx => {
      if (token.intent !== 'api') {
        await ctx.db.deleteFrom('token').where('token_uuid', '=', same.token_uuid).where('key_hash', '=', same.key_hash).execute()
        return
      }
      const { key_hash, key_sealed } = newKey(ctx, settings.default_token_length)
      const expires = new Date(now.getTime() + parseDuration(settings.default_token_duration))
      const rotated = await ctx.db
        .updateTable('token')
        .set({ key_hash, key_sealed, expires })
        .where('token_uuid', '=', same.token_uuid)
        .where('key_hash', '=', same.key_hash)
        .executeTakeFirst()
      if (rotated.numUpdatedRows === 0n) return
      await recordEvent(ctx, 'secret_rotate', {
        secret: eventModel(Token, token),
        message: `Token ${String(token.identifier)}'s secret was rotated.`,
      })
    })
  }
  return over.length
}

const expiring = (table: string, key: string): Over => ({ table, key, until: 'expires' })

/** What is over at the time that its rows say. */
const EXPIRING: Readonly<Record<string, Over>> = {
  sessions: expiring('session', 'session_hash'),
  events: expiring('event', 'event_uuid'),
  notifications: expiring('notification', 'uuid'),
  flow_tokens: expiring('flow_token', 'flow_token_uuid'),
  invitations: expiring('invitation', 'invite_uuid'),
  explanations: expiring('explanation', 'explanation_uuid'),
  email_attempts: expiring('email_attempt', 'key_hash'),
  authenticator_codes: expiring('authenticator_code', 'key'),
  password_attempts: expiring('password_attempt', 'key_hash'),
  reputation: expiring('reputation', 'reputation_uuid'),
  source_pending: expiring('source_pending', 'state_hash'),
}

/** Removes what is over: sessions, tokens, events, flow tokens, codes and tokens of OAuth2 clients. */
export const cleanExpired: Job = {
  name: 'clean_expired_models',
  description: 'Remove expired sessions, tokens and events.',
  schedule: { crontab: '2-59/15 * * * *', jitter: 120_000 },
  async run(ctx, _args, { log, signal }) {
    const now = ctx.now()
    const { event_retention: retention } = await systemSettings(ctx)
    const kept = new Date(now.getTime() - parseDuration(retention))
    const counts: Record<string, unknown> = {}
    for (const [name, over] of Object.entries(EXPIRING)) counts[name] = await purgeRows(ctx.db, over, now, signal)
    const records = { table: 'invitation_record', key: 'invite_uuid', until: 'changed', and: isStale(kept) }
    counts.invitation_records = await purgeRows(ctx.db, records, kept, signal)
    counts.old_notifications = await tidyNotifications(ctx)
    counts.tokens = await tokens(ctx)
    counts.oauth2 = await purgeExpired(ctx, signal)
    log('info', 'Removed what was over', counts)
  },
}

/** Removes tasks that ended long ago. */
export const cleanTasks: Job = {
  name: 'clean_tasks',
  description: 'Remove old tasks.',
  schedule: { crontab: '21 3 * * *', jitter: 1_800_000 },
  async run(ctx, _args, { log, signal }) {
    const before = new Date(ctx.now().getTime() - ctx.config.worker.task_expiration)
    const over = { table: 'task', key: 'message_id', until: 'mtime', and: sql`state in ('done', 'rejected')` }
    log('info', 'Removed old tasks', { tasks: await purgeRows(ctx.db, over, before, signal) })
  },
}
