import { createHash } from 'node:crypto'
import type { Ctx } from '../../../context.ts'
import type { Answer } from '../answer.ts'

const NOTHING = new Uint8Array()

/** Strong validators of bodies that are kept as they go over the wire: made with the first request, gone with the body when anything changes. */
const tags = new WeakMap<Uint8Array, string>()

function tagOf(body: Uint8Array): string {
  const known = tags.get(body)
  if (known !== undefined) return known
  const made = `"${createHash('sha256').update(body).digest('base64url').slice(0, 27)}"`
  tags.set(body, made)
  return made
}

/** Whether a list of validators names one, by weak comparison (RFC 9110 §13.1.2): proxies that compress weaken it. */
const names = (list: string, tag: string): boolean => list.split(',').some(item => ['*', tag].includes(item.trim().replace(/^W\//, '')))

/**
 * A JSON document that is open to all, ready to be sent; 304 to whoever has it already. It may be kept but must be asked after each time: a key that is
 * replaced counts from the next request on.
 */
export function document(ctx: Ctx, body: Uint8Array, headers: Record<string, string>): Answer {
  const etag = tagOf(body)
  const about = { 'content-type': 'application/json', etag, 'cache-control': 'no-cache', ...headers }
  const known = ctx.request?.headers['if-none-match']
  if (known !== undefined && names(String(known), etag)) return { status: 304, headers: about, body: NOTHING }
  return { status: 200, headers: about, body }
}
