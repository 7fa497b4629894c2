import type { Ctx } from '../../context.ts'
import type { Answer } from './answer.ts'
import type { Headers } from './client/authentication.ts'
import { allOrigins } from './client/client.ts'

/** What a web page of another origin may read: only pages of origins that the client registered (Fetch §3.2). */
export function corsHeaders(headers: Headers, origins: ReadonlySet<string>): Record<string, string> {
  const { origin } = headers
  if (typeof origin !== 'string' || !origins.has(origin)) return { vary: 'Origin' }
  return {
    'access-control-allow-origin': origin,
    'access-control-allow-credentials': 'true',
    // What a page has to know in order to ask again, RFC 9449 §8.2 and RFC 6750 §3.
    'access-control-expose-headers': 'DPoP-Nonce, WWW-Authenticate',
    vary: 'Origin',
  }
}

/**
 * A refusal whose client is not known, as a page may read it that belongs to any client: browsers keep other refusals from scripts, which then
 * cannot tell a token that has ended from a server that is gone. Nothing that was sent (a token that nobody vouches for) decides who may read.
 */
export async function readableRefusal(ctx: Ctx, headers: Headers, answer: Answer): Promise<Answer> {
  if (answer.status < 400 || headers.origin === undefined || 'access-control-allow-origin' in answer.headers) return answer
  return { ...answer, headers: { ...answer.headers, ...corsHeaders(headers, await allOrigins(ctx)) } }
}

/** The answer to a preflight, which names no client: the origin must be one that some client registered. */
export async function preflight(ctx: Ctx, headers: Headers): Promise<Record<string, string>> {
  const cors = corsHeaders(headers, await allOrigins(ctx))
  if (!('access-control-allow-origin' in cors)) return cors
  const wanted = headers['access-control-request-headers']
  return {
    ...cors,
    'access-control-allow-methods': 'GET, POST, OPTIONS',
    ...(typeof wanted === 'string' && /^[\w!#$%&'*+.^`|~, -]{1,1024}$/.test(wanted) && { 'access-control-allow-headers': wanted }),
    'access-control-max-age': '600',
  }
}
