import { createLocalJWKSet, errors, type JSONWebKeySet, type JWK, type JWTVerifyGetKey } from 'jose'
import type { Config } from '../config.ts'
import type { Ctx } from '../context.ts'
import { outgoingOf } from './client.ts'

/** How long a fetched set is believed, and how soon an unknown key may make us ask again: ms. */
const FRESH = 300_000
const ASK_AGAIN = 30_000
const MAX_BYTES = 256 * 1024
const KEPT = 500

type KeySet = { keys: readonly JWK[]; find: JWTVerifyGetKey }
type Fetched = { at: number; set: Promise<KeySet> }

const fetched = new WeakMap<Config, Map<string, Fetched>>()

async function fetchKeys(ctx: Ctx, url: string): Promise<KeySet> {
  const { status, body } = await outgoingOf(ctx.config)(url, { maxBytes: MAX_BYTES, redirects: 0, headers: { accept: 'application/json' } })
  if (status !== 200) throw new Error(`the key set answered ${status}`)
  const set = JSON.parse(new TextDecoder().decode(body)) as JSONWebKeySet
  return { find: createLocalJWKSet(set), keys: set.keys }
}

function known(ctx: Ctx, url: string, maxAge: number): Promise<KeySet> {
  const sets = fetched.get(ctx.config) ?? new Map<string, Fetched>()
  fetched.set(ctx.config, sets)
  const now = ctx.now().getTime()
  const found = sets.get(url)
  if (found && now - found.at < maxAge) return found.set
  if (sets.size >= KEPT) sets.delete(sets.keys().next().value!)
  const set = fetchKeys(ctx, url)
  sets.set(url, { at: now, set })
  set.catch(() => sets.delete(url)) // whoever waits for it is told; the next one asks again
  return set
}

/**
 * The public keys at an address (RFC 7517 §5), through the guarded way out. A key that a remembered set does not know makes us ask
 * again, but not at everybody's bidding: once in half a minute.
 */
export function remoteKeySet(ctx: Ctx, url: string): JWTVerifyGetKey {
  return async (header, token) => {
    try {
      return await (await known(ctx, url, FRESH)).find(header, token)
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error
      return (await known(ctx, url, ASK_AGAIN)).find(header, token)
    }
  }
}

/** All public keys at an address: for encrypting, where nobody names one. */
export const remoteKeyList = async (ctx: Ctx, url: string): Promise<readonly JWK[]> => (await known(ctx, url, FRESH)).keys
