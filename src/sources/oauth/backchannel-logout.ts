import { decodeProtectedHeader } from 'jose'
import type { Row } from '../../api/model.ts'
import { eventModel } from '../../api/objects.ts'
import { findObject } from '../../api/store.ts'
import { transact, type Ctx } from '../../context.ts'
import { endSession } from '../../core/session/session.ts'
import { User } from '../../core/people.ts'
import { recordEvent } from '../../events/record.ts'
import { firstTime } from '../../providers/oauth2/seen.sql.ts'
import { SourceError } from './error.ts'
import { signedClaims } from './id-token.ts'
import { OAuthSource } from './model.ts'
import { discovered, upstreamOf } from './upstream.ts'

const EVENT = 'http://schemas.openid.net/event/backchannel-logout'
/** Older tokens are not taken, so that their identifiers need not be remembered for longer: ms. */
const OLDEST = 600_000
const TYPES = new Set([undefined, 'JWT', 'logout+jwt', 'application/logout+jwt'])

type Ended = { sub: string | undefined; sid: string | undefined }

const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined)

/** Whom a logout token is about, once everything in it is proven (Back-Channel Logout §2.6). @throws SourceError */
async function readLogoutToken(ctx: Ctx, source: Row, token: string): Promise<Ended> {
  const upstream = await discovered(ctx, upstreamOf(source))
  const claims = await signedClaims(ctx, upstream, token, ['jti', 'events'])
  const refused = (why: string): SourceError => new SourceError(`The logout token ${why}.`)
  const { typ } = decodeProtectedHeader(token)
  if (!TYPES.has(typ)) throw refused('is of another type')
  const events = claims.events as Row | null
  if (typeof events !== 'object' || events === null || typeof events[EVENT] !== 'object') throw refused('tells of something else')
  // Or an ID token could pass for one.
  if (claims.nonce !== undefined) throw refused('has a nonce')
  const [sub, sid] = [text(claims.sub), text(claims.sid)]
  if (sub === undefined && sid === undefined) throw refused('names nobody')
  const now = ctx.now().getTime()
  if (claims.iat! * 1000 < now - OLDEST) throw refused('is too old')
  const once = await firstTime(ctx.db, `logout token ${String(source.pbm_uuid)} ${claims.jti}`, new Date(now + 2 * OLDEST))
  if (!once) throw refused('was taken before')
  return { sub, sid }
}

/**
 * Ends what a source says is over: the sessions that came of the session there, or of all sessions of that person there, and no others.
 * @returns how many. @throws SourceError for a token that proves nothing
 */
export async function backchannelLogout(ctx: Ctx, source: Row, token: string): Promise<number> {
  const { sub, sid } = await readLogoutToken(ctx, source, token)
  return transact(ctx, async ctx => {
    let query = ctx.db
      .selectFrom('source_session')
      .innerJoin('session', 'session.session_hash', 'source_session.session')
      .select(['session.session_hash', 'session.user'])
      .where('source_session.source', '=', source.pbm_uuid as string)
    if (sub !== undefined) query = query.where('source_session.sub', '=', sub)
    if (sid !== undefined) query = query.where('source_session.sid', '=', sid)
    const sessions = await query.execute()
    for (const { session_hash, user: key } of sessions) {
      await endSession(ctx, { session_hash })
      const user = key === null ? undefined : await findObject(ctx, User, key)
      if (user) await recordEvent(ctx, 'logout', { reason: 'Signed out at the source', source: eventModel(OAuthSource, source) }, { user })
    }
    return sessions.length
  })
}
