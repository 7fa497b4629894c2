import { eventModel } from '../../api/objects.ts'
import type { Row } from '../../api/model.ts'
import type { Ctx } from '../../context.ts'
import { recordEvent } from '../../events/record.ts'
import { countAttempt } from '../../core/attempts.ts'
import { livingSession } from '../../core/session/session.ts'
import type { Visit } from '../../flows/visit.ts'
import { networkOf } from '../../lib/ip.ts'
import { arrive, type Arrived } from '../arrive.ts'
import { buyTokens } from './client.ts'
import { GroupOAuthSourceConnection, UserOAuthSourceConnection } from './connection.ts'
import { SourceError, STATE_FAILED } from './error.ts'
import { requireFresh } from './freshness.ts'
import { identityOf } from './identity.ts'
import { secretsOf } from './login.ts'
import { OAuthSource } from './model.ts'
import { comeBack, type Away } from './pending.sql.ts'
import { profileOf } from './profile.ts'
import { discovered, upstreamOf, type Upstream } from './upstream.ts'

/** Longer texts of sources are cut before anybody is shown them. */
const MAX_SHOWN = 300

/** What was kept under the state of an answer, spent by that. @throws SourceError for any state that this browser did not get for this source */
async function spend(ctx: Ctx, visit: Visit, source: Row, state: string | null): Promise<Away> {
  const { session } = visit
  const known = session && state ? await comeBack(ctx.db, { state, session: session.session_hash, now: ctx.now() }) : undefined
  // The answer of one source is never taken for that of another (RFC 9207 §1, mix-up).
  if (!known || known.source !== source.pbm_uuid) throw new SourceError(STATE_FAILED)
  // Whoever meant to connect an account is the one who is signed in still.
  if (known.data.connect !== undefined && known.data.connect !== ctx.caller.user?.id) throw new SourceError(STATE_FAILED)
  return known.data
}

/** RFC 9207 §2.4. */
function checkIssuer({ issuer, namesItself }: Upstream, sent: string | null): void {
  if (sent === null ? namesItself : issuer !== undefined && sent !== issuer)
    throw new SourceError('The answer is from somebody else than the source.')
}

/** Apple tells the name in the browser, at the first time alone. It is nobody's proof: it fills a form and no more. */
function nameFromForm(params: URLSearchParams): string | undefined {
  try {
    const { name } = JSON.parse(params.get('user') ?? '{}') as { name?: { firstName?: unknown; lastName?: unknown } }
    const parts = [name?.firstName, name?.lastName].filter(part => typeof part === 'string')
    return parts.join(' ').trim().slice(0, 150) || undefined
  } catch {
    return undefined // not what Apple writes
  }
}

/** Entries in the audit log of sign-ins from one network that a source came to nothing with: anybody can send answers that are none. */
const MOST = 20
const WINDOW = 3_600_000 // ms

/** Says in the log, and in the audit log, that nothing came of it. */
export async function noteFailure(ctx: Ctx, source: Row, error: SourceError): Promise<void> {
  ctx.log.info({ source: source.slug, reason: error.message, err: error.cause }, 'sign-in by a source failed')
  const from = networkOf(ctx.request?.clientIp ?? '')
  if ((await countAttempt(ctx, `failed source ${String(source.slug)} ${from}`, WINDOW)) > MOST) return
  await recordEvent(ctx, 'login_failed', { source: eventModel(OAuthSource, source), reason: error.message })
}

/**
 * Takes the answer that a source sent with the browser (RFC 6749 §4.1.2): spends the state, buys tokens, asks who it is, and decides
 * what happens. `params` is the query, or the form that was posted. @throws SourceError
 */
export async function callback(ctx: Ctx, visit: Visit, source: Row, params: URLSearchParams): Promise<Arrived> {
  const state = params.get('state')
  const { redirect_uri: redirectUri, left, ...back } = await spend(ctx, visit, source, state)
  const failure = params.get('error')
  if (failure !== null) throw new SourceError((params.get('error_description') || failure).slice(0, MAX_SHOWN))
  const code = params.get('code')
  if (code === null || code === '') throw new SourceError('No token received.')
  const upstream = await discovered(ctx, upstreamOf(source))
  checkIssuer(upstream, params.get('iss'))
  const { nonce, verifier } = secretsOf(ctx, state!)
  const tokens = await buyTokens(ctx, upstream, { code, verifier, redirectUri })
  const told = await profileOf(ctx, upstream, tokens, nonce)
  const name = upstream.type.signedSecret === 'apple' ? nameFromForm(params) : undefined
  const identity = await identityOf(ctx, upstream, tokens, told, name)
  const { claims } = told
  requireFresh(ctx, upstream, claims, back, left)
  // Asking took its time: a session that has ended meanwhile connects nothing.
  if (back.connect !== undefined && !(await livingSession(ctx, visit.session!.session_hash))) throw new SourceError(STATE_FAILED)
  return arrive(
    ctx,
    {
      identity,
      models: { source: OAuthSource, user: UserOAuthSourceConnection, group: GroupOAuthSourceConnection },
      context: { oauth_userinfo: told.raw },
      session: claims === undefined ? null : { sub: claims.sub!, sid: typeof claims.sid === 'string' ? claims.sid : null },
    },
    back,
  )
}
