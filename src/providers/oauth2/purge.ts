import { sql } from 'kysely'
import type { Ctx } from '../../context.ts'
import { purgeRows, type Over } from '../../db/sql/purge.ts'
import { purgeRetired } from './keys/retired.ts'

/** Nothing is left that a code bought: until then its row is what tells a replay from a guess. */
const boughtNothing = sql`
  not exists (select 1 from oauth2_access_token as bought where bought.family = oauth2_code.family)
  and not exists (select 1 from oauth2_refresh_token as bought where bought.family = oauth2_code.family)`

/** What is over at an instant of its own; tokens go before the codes that bought them. */
const OVER: readonly Over[] = [
  { table: 'oauth2_access_token', key: 'id', until: 'expires' },
  { table: 'oauth2_refresh_token', key: 'id', until: 'expires' },
  { table: 'oauth2_earlier_token', key: 'token_hash', until: 'expires' },
  { table: 'oauth2_code', key: 'id', until: 'expires', and: boughtNothing },
  { table: 'oauth2_device_code', key: 'id', until: 'expires' },
  { table: 'oauth2_seen', key: 'seen_hash', until: 'expires' },
  { table: 'oauth2_pushed_request', key: 'uri_hash', until: 'expires' },
]

/** Deletes what is over: codes, tokens, requests, proofs that were seen, keys; returns how many rows that were. For a job that runs now and then. */
export async function purgeExpired(ctx: Ctx, signal?: AbortSignal): Promise<number> {
  let count = await purgeRetired(ctx.db, ctx.now())
  for (const over of OVER) count += await purgeRows(ctx.db, over, ctx.now(), signal)
  return count
}
