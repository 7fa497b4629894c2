import { transact, type Ctx } from '../../../context.ts'
import { hashToken } from '../../../crypto/secrets.ts'
import { toBase64url } from '../../../lib/base64url.ts'
import { networkOf } from '../../../lib/ip.ts'
import type { Client } from '../client/client.ts'
import { OAuthError } from '../errors.ts'
import type { Parameters } from '../parameters.ts'

export const PREFIX = 'urn:ietf:params:oauth:request_uri:'
const URI_BYTES = 32

/** What proves the client and nothing of the request. */
const OF_THE_CLIENT = new Set(['client_secret', 'client_assertion', 'client_assertion_type'])

/** Requests that may wait at once: of a client in all, and of one that did not prove itself from one network, which many people may share. */
const MOST = 10_000
const MOST_FROM_NETWORK = 200
/** How long a request may be that nobody proved to be of its client. Characters. */
const LONGEST_UNPROVEN = 32_768

/** RFC 9126 §2.3, and at the authorization endpoint RFC 6749 §4.1.2.1. */
const tooMany = (seconds: number): OAuthError =>
  new OAuthError('temporarily_unavailable', 'Too many authorization requests of this client are waiting. Try again later.', {
    status: 429,
    headers: { 'retry-after': String(Math.max(1, Math.ceil(seconds))) },
  })

/** Refuses what would be one request too many, by when the first of the others is over. Once granted or declined, a request waits no more. */
async function requireRoom(ctx: Ctx, client: Client, network: string): Promise<void> {
  const now = ctx.now()
  const waiting = ctx.db.selectFrom('oauth2_pushed_request').where('provider', '=', client.id).where('expires', '>', now)
  const groups = [{ rows: waiting.where('network', '=', network), most: network === '' ? MOST : MOST_FROM_NETWORK }]
  if (network !== '') groups.push({ rows: waiting.where('network', '>', ''), most: MOST })
  for (const { rows, most } of groups) {
    const { count } = await rows.select(eb => eb.fn.countAll<number | bigint>().as('count')).executeTakeFirstOrThrow()
    if (Number(count) < most) continue
    const first = await rows.select('expires').orderBy('expires').limit(1).executeTakeFirstOrThrow()
    throw tooMany((first.expires.getTime() - now.getTime()) / 1000)
  }
}

type Keeping = {
  /** s */
  life: number
  /** The client proved itself with the request. */
  proven: boolean
  /** Parameters that count beside what was sent. */
  more?: Readonly<Record<string, string>>
  /** What is used up by it, where there is room for the request. */
  spend?: (ctx: Ctx) => Promise<void>
}

/** Keeps a request of a client under a URI that stands in its place, once. @throws OAuthError when too many wait already */
export async function keepRequest(
  ctx: Ctx,
  client: Client,
  parameters: Parameters,
  { life, proven, more = {}, spend }: Keeping,
): Promise<string> {
  const kept = parameters.names
    .filter(name => !OF_THE_CLIENT.has(name))
    .flatMap(name => [[name, parameters.get(name) ?? ''] as [string, string]])
  const stored = new URLSearchParams(kept)
  stored.set('client_id', client.client_id)
  for (const [name, value] of Object.entries(more)) stored.set(name, value)
  const text = stored.toString()
  if (!proven && text.length > LONGEST_UNPROVEN) throw new OAuthError('invalid_request', 'The request is too large', { status: 413 }) // RFC 9126 §2.3
  const uri = PREFIX + toBase64url(ctx.randomBytes(URI_BYTES))
  const network = proven ? '' : networkOf(ctx.request?.clientIp ?? '0.0.0.0')
  const expires = new Date(ctx.now().getTime() + life * 1000)
  await transact(ctx, async ctx => {
    await requireRoom(ctx, client, network)
    await spend?.(ctx)
    const values = { uri_hash: hashToken(uri), provider: client.id, parameters: text, expires, network }
    await ctx.db.insertInto('oauth2_pushed_request').values(values).execute()
  })
  return uri
}
