import { sql, type RawBuilder } from 'kysely'
import { transact, type Ctx } from '../../context.ts'
import { eventModel } from '../../api/objects.ts'
import type { Row } from '../../api/model.ts'
import { purgeRows } from '../../db/sql/purge.ts'
import { systemSettings } from '../../core/settings.ts'
import { newKey, Token } from '../../core/token/model.ts'
import { tidyNotifications } from '../../events/notifications/repeats.ts'
import { recordEvent } from '../../events/record.ts'
import { parseDuration } from '../../lib/duration.ts'
import { purgeExpired } from '../../providers/oauth2/purge.ts'
import { isStale } from '../../stages/invitation/record.ts'
import type { Job } from '../job.ts'

/** Deletes the rows of a table whose time is over, in small steps. Returns how many. */
export const purge = (
  { db }: Ctx,
  table: string,
  key: string,
  until: string,
  before: Date,
  signal: AbortSignal,
  and?: RawBuilder<unknown>,
): Promise<number> => purgeRows(db, { table, key, until, and }, before, signal)

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

/** Removes what is over: sessions, tokens, events, flow tokens, codes and tokens of OAuth2 clients. */
export const cleanExpired: Job = {
  name: 'clean_expired_models',
  description: 'Remove expired sessions, tokens and events.',
  schedule: { crontab: '2-59/15 * * * *', jitter: 120_000 },
  async run(ctx, _args, { log, signal }) {
    const now = ctx.now()
    const { event_retention: retention } = await systemSettings(ctx)
    const kept = new Date(now.getTime() - parseDuration(retention))
    const counts = {
      sessions: await purge(ctx, 'session', 'session_hash', 'expires', now, signal),
      events: await purge(ctx, 'event', 'event_uuid', 'expires', now, signal),
      notifications: await purge(ctx, 'notification', 'uuid', 'expires', now, signal),
      old_notifications: await tidyNotifications(ctx),
      flow_tokens: await purge(ctx, 'flow_token', 'flow_token_uuid', 'expires', now, signal),
      invitations: await purge(ctx, 'invitation', 'invite_uuid', 'expires', now, signal),
      explanations: await purge(ctx, 'explanation', 'explanation_uuid', 'expires', now, signal),
      invitation_records: await purge(ctx, 'invitation_record', 'invite_uuid', 'changed', kept, signal, isStale(kept)),
      email_attempts: await purge(ctx, 'email_attempt', 'key_hash', 'expires', now, signal),
      authenticator_codes: await purge(ctx, 'authenticator_code', 'key', 'expires', now, signal),
      password_attempts: await purge(ctx, 'password_attempt', 'key_hash', 'expires', now, signal),
      reputation: await purge(ctx, 'reputation', 'reputation_uuid', 'expires', now, signal),
      source_pending: await purge(ctx, 'source_pending', 'state_hash', 'expires', now, signal),
      tokens: await tokens(ctx),
      oauth2: await purgeExpired(ctx, signal),
    }
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
    log('info', 'Removed old tasks', {
      tasks: await purge(ctx, 'task', 'message_id', 'mtime', before, signal, sql`state in ('done', 'rejected')`),
    })
  },
}
