import type { Row } from '../../../api/model.ts'
import type { Ctx } from '../../../context.ts'
import type { Session } from '../../../core/session/session.ts'
import type { PlannedWrite } from '../../../db/planned-write.ts'
import { outgoingOf } from '../../../http/outgoing/client.ts'
import { OutgoingError } from '../../../http/outgoing/error.ts'
import type { Job, Run } from '../../../tasks/job.ts'
import { issuerOf } from '../addresses.ts'
import { randomId, seconds } from '../claims/claims.ts'
import { sealedIdToken } from '../client/encryption.ts'
import { clientOfProvider, type Client } from '../client/client.ts'
import { sidOf } from '../claims/sign-in-facts.ts'
import { OAuthError } from '../errors.ts'
import { subjectOf } from '../claims/subject.ts'
import { dropNotice, dueNotices, nextTryAt, noteClient, takeNotice, type NoticeRow } from './notice.sql.ts'

/** OIDC Back-Channel Logout §2.4: short, against replay. s. */
const TOKEN_LIFE = 120
const TIMEOUT = 5_000 // ms
const AT_ONCE = 20
/** Waits before further tries: ms. Then the client has to find out by itself. */
const AGAIN = [10_000, 60_000, 300_000, 1_800_000, 3_600_000]

const EVENT = 'http://schemas.openid.net/event/backchannel-logout'

const wants = ({ provider }: Client): boolean => provider.logout_method === 'backchannel' && provider.logout_uri !== ''

/**
 * Remembers that a client takes part in a session, if it wants to hear of its end, from us or through the browser. In the transaction that
 * grants it something.
 */
export function takesPart(ctx: Ctx, client: Client, user: Row, session: Session): PlannedWrite[] {
  const issuer = issuerOf(ctx, client)
  if (client.provider.logout_uri === '' || issuer === null) return []
  const sub = subjectOf(ctx, client, user)
  return [noteClient({ session: session.uuid, provider: client.id, issuer, sub, sid: sidOf(session), due: ctx.now() })]
}

/** The logout token, OIDC Back-Channel Logout §2.4: without a nonce, so that it can never pass for an ID token. */
const logoutToken = (ctx: Ctx, client: Client, { issuer, sub, sid }: NoticeRow): Promise<string> => {
  const now = seconds(ctx.now())
  const events = { [EVENT]: {} }
  const claims = { iss: issuer, sub, aud: client.client_id, iat: now, exp: now + TOKEN_LIFE, jti: randomId(ctx), events, sid }
  return sealedIdToken(ctx, client, claims, 'logout+jwt')
}

/** Tells one client; whether it has heard. */
async function tell(ctx: Ctx, client: Client, notice: NoticeRow, { log }: Run): Promise<boolean> {
  const url = client.provider.logout_uri as string
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  try {
    const body = new URLSearchParams({ logout_token: await logoutToken(ctx, client, notice) }).toString()
    const { status } = await outgoingOf(ctx.config)(url, {
      method: 'POST',
      headers,
      body,
      timeout: TIMEOUT,
      redirects: 0,
      maxBytes: 64 * 1024,
    })
    const heard = status >= 200 && status < 300 // §2.8: 200, and some say 204
    log(heard ? 'info' : 'warning', 'client told of a session’s end', { client: client.name, status })
    return heard
  } catch (error) {
    // It cannot be reached, or has no key that the token could be encrypted for.
    if (!(error instanceof OutgoingError) && !(error instanceof OAuthError)) throw error
    log('warning', 'client could not be told of a session’s end', { client: client.name, reason: error.message })
    return false
  }
}

async function deliver(ctx: Ctx, notice: NoticeRow, run: Run): Promise<void> {
  const again = AGAIN[notice.tries]
  const until = new Date(ctx.now().getTime() + (again ?? 0))
  if (!(await takeNotice(ctx.db, notice, until))) return // another process has it
  const client = await clientOfProvider(ctx, notice.provider)
  if (!client || !wants(client) || (await tell(ctx, client, notice, run)) || again === undefined) await dropNotice(ctx.db, notice.id)
}

/** Tells clients that a session has ended, however it came to that: sign-out, deletion, a disabled account, its own age. */
export const backchannelLogout: Job = {
  name: 'oauth2_backchannel_logout',
  description: 'Tell applications of sessions that have ended.',
  brief: true,
  pending: async ctx => (await dueNotices(ctx.db, ctx.now(), 1)).length > 0,
  pendingAt: ctx => nextTryAt(ctx.db, ctx.now()),
  async run(ctx, _args, run) {
    for (;;) {
      run.signal.throwIfAborted()
      const notices = await dueNotices(ctx.db, ctx.now(), AT_ONCE)
      if (notices.length === 0) return
      await Promise.all(notices.map(notice => deliver(ctx, notice, run)))
    }
  },
}
