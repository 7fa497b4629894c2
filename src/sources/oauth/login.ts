import type { Row } from '../../api/model.ts'
import type { Ctx } from '../../context.ts'
import { startSession } from '../../core/session/session.ts'
import { isReturnPath } from '../../flows/addresses.ts'
import { freshnessOf } from '../../flows/freshness.ts'
import { loadPlan, type Plan } from '../../flows/plan.ts'
import { adoptSession, GET, PLAN, type Visit } from '../../flows/visit.ts'
import { toBase64url } from '../../lib/base64url.ts'
import { takenBy } from '../../stages/invitation/carry.ts'
import type { Back } from '../arrive.ts'
import { authorizationAddress, type Secrets } from './client.ts'
import { SourceError } from './error.ts'
import { freshParameters } from './freshness.ts'
import { leave } from './pending.sql.ts'
import { callbackUrl } from './settings.ts'
import { discovered, upstreamOf } from './upstream.ts'

/** Longer addresses of ours are not carried along. */
const MAX_NEXT = 8_192

/** Everything that binds an answer follows from the state, so that nothing of it has to be kept. */
export const secretsOf = (ctx: Pick<Ctx, 'secrets'>, state: string): Secrets => ({
  state,
  nonce: ctx.secrets.hmac('source sign-in nonce', state),
  verifier: ctx.secrets.hmac('source sign-in verifier', state),
})

/**
 * Sends a browser to a source: keeps what the person was doing, bound to this browser and this source, and answers the source's address.
 * Opens a session for a browser that has none. @throws SourceError when the source has no such address
 */
export async function begin(ctx: Ctx, visit: Visit, source: Row, back: Back): Promise<string> {
  const known = upstreamOf(source)
  const upstream = known.authorizationUrl === '' ? await discovered(ctx, known) : known
  if (!/^https?:$/.test(URL.parse(upstream.authorizationUrl)?.protocol ?? '')) throw new SourceError('The source has no address.')
  if (!visit.session) {
    const { key, session } = await startSession(ctx, {})
    await adoptSession(ctx, visit, key, session, null)
  }
  const state = toBase64url(ctx.randomBytes(32))
  const redirectUri = callbackUrl(ctx, source.slug as string)
  // As with sessions of visitors: what is lost in a power cut is begun anew.
  await leave(ctx.database.relaxed, {
    state,
    source: source.pbm_uuid as string,
    session: visit.session!.session_hash,
    data: { ...back, redirect_uri: redirectUri, left: ctx.now().getTime() },
    now: ctx.now(),
  })
  return authorizationAddress(upstream, { ...secretsOf(ctx, state), redirectUri, fresh: freshParameters(upstream, back) })
}

const first = (...texts: (string | null | undefined)[]): string | undefined =>
  texts.find((text): text is string => typeof text === 'string' && text !== '')

/** Whether the browser is in the middle of signing in, also where somebody is signed in and has to do it again. */
const signingIn = (plan: Plan | undefined): boolean => plan?.flow.designation === 'authentication'

/** What the person was doing: what the button's address says, else the flow that their browser is in. */
export async function backOf(ctx: Ctx, visit: Visit, query: URLSearchParams): Promise<Back> {
  const plan = await loadPlan(ctx, visit.session?.data[PLAN])
  const page = new URLSearchParams((plan && (visit.session?.data[GET] as Record<string, string> | undefined)) ?? {})
  const next = first(query.get('next'), page.get('next'))
  const invitation = plan && (await takenBy(ctx, plan))
  const token = first(invitation?.key, query.get('itoken'), page.get('itoken'), page.get('token'))
  const { user } = ctx.caller
  const fresh = freshnessOf(plan)
  return {
    query: {
      ...(next !== undefined && isReturnPath(ctx, next) && next.length <= MAX_NEXT && { next }),
      ...(token !== undefined && token.length <= 200 && { itoken: token }),
    },
    ...(invitation && { invitation }),
    ...(fresh && signingIn(plan) && { fresh }),
    ...(user !== null && (signingIn(plan) ? { again: true } : { connect: user.id as number })),
  }
}
