import { createLocalJWKSet, errors, type JSONWebKeySet, type JWK, type JWTVerifyGetKey } from 'jose'
import type { Config } from '../config.ts'
import type { Ctx } from '../context.ts'
import { outgoingOf } from './outgoing/client.ts'

/** How long a fetched set is believed, how soon an unknown key may make us ask again, and how soon an address that failed is asked again: ms. */
const FRESH = 300_000
const ASK_AGAIN = 30_000
const FAILED = 10_000
const MAX_BYTES = 256 * 1024

/** As many keys as a set may have, and members as a key. Nobody has so many; strangers' sets would take a hundred times their bytes of memory. */
export const MOST_KEYS = 100
const MOST_MEMBERS = 32

/** What all remembered sets may weigh together, in bytes of their texts; and what a set, and each key of it, weighs at least. */
const MOST_HELD = 4 * 1024 ** 2
const USUAL = 1024

/** Whether something is a key as RFC 7517 §4 describes them: of some kind, with texts and lists of texts. */
export function isKey(key: unknown): key is JWK {
  if (typeof key !== 'object' || key === null || typeof (key as JWK).kty !== 'string') return false
  const members = Object.values(key)
  const isFlat = (value: unknown) => (Array.isArray(value) ? value.every(item => typeof item === 'string') : typeof value !== 'object')
  return members.length <= MOST_MEMBERS && members.every(value => value === null || isFlat(value))
}

/** One algorithm has two names (RFC 9864 §2.2): a key that says the one is good for signatures that say the other. */
function byEitherName(key: JWK): JWK {
  if (key.crv !== 'Ed25519' || (key.alg !== 'EdDSA' && key.alg !== 'Ed25519')) return key
  const { alg: _, ...others } = key
  return others
}

/** Finds the key of a signature in a set that is at hand. */
export const localKeySet = (keys: readonly unknown[]): JWTVerifyGetKey => createLocalJWKSet({ keys: keys.filter(isKey).map(byEitherName) })

type KeySet = { keys: readonly JWK[]; find: JWTVerifyGetKey; weight: number }
/** `set` counts `until` then; `latest` is what the address was asked for last, and is not asked for `again` before then. */
type Fetched = { set: Promise<KeySet>; until: number; latest: Promise<KeySet>; again: number; weight: number }

/** The sets that were fetched lately, by address, the oldest first. */
class KeySets {
  readonly #sets = new Map<string, Fetched>()
  #held = 0

  get(url: string): Fetched | undefined {
    return this.#sets.get(url)
  }

  add(url: string, fetched: Fetched): void {
    this.#remove(url)
    this.#sets.set(url, fetched)
    this.#held += fetched.weight
    for (const oldest of this.#sets.keys()) {
      if (this.#held <= MOST_HELD) return
      this.#remove(oldest)
    }
  }

  /** Unless another was added since. */
  replace(url: string, fetched: Fetched, by: Fetched): void {
    if (this.#sets.get(url) === fetched) this.add(url, by)
  }

  #remove(url: string): void {
    this.#held -= this.#sets.get(url)?.weight ?? 0
    this.#sets.delete(url)
  }
}

const fetched = new WeakMap<Config, KeySets>()

async function fetchKeys(ctx: Ctx, url: string): Promise<KeySet> {
  const { status, body } = await outgoingOf(ctx.config)(url, { maxBytes: MAX_BYTES, redirects: 0, headers: { accept: 'application/json' } })
  if (status !== 200) throw new Error(`the key set answered ${status}`)
  const { keys } = JSON.parse(new TextDecoder().decode(body)) as Partial<JSONWebKeySet>
  if (!Array.isArray(keys)) throw new Error('the key set has no list of keys')
  if (keys.length > MOST_KEYS) throw new Error(`the key set has more than ${MOST_KEYS} keys`)
  return { find: localKeySet(keys), keys: keys.filter(isKey), weight: body.length + (1 + keys.length) * USUAL } // RFC 7517 §5: others are ignored
}

/** @param newKey the remembered set lacks a key: perhaps the address has another set by now */
function known(ctx: Ctx, url: string, newKey = false): Promise<KeySet> {
  const sets = fetched.get(ctx.config) ?? new KeySets()
  fetched.set(ctx.config, sets)
  const now = ctx.now().getTime()
  const found = sets.get(url)
  const good = found && now < found.until ? found : undefined
  if (good && !newKey) return good.set
  if (good && now < good.again) return good.latest
  const latest = fetchKeys(ctx, url)
  // What is good goes on being believed: whoever asks for unknown keys must not make others wait, or lose theirs where the address fails.
  const asked: Fetched = { set: latest, until: now + FRESH, weight: USUAL, ...good, latest, again: now + ASK_AGAIN }
  sets.add(url, asked)
  latest.then(
    ({ weight }) => sets.replace(url, asked, { ...asked, set: latest, until: now + FRESH, weight }),
    () => good || sets.replace(url, asked, { ...asked, until: now + FAILED }), // whoever waits for it is told
  )
  return latest
}

/**
 * The public keys at an address (RFC 7517 §5), through the guarded way out. A key that a remembered set does not know makes us ask
 * again, but not at everybody's bidding: once in half a minute.
 */
export function remoteKeySet(ctx: Ctx, url: string): JWTVerifyGetKey {
  return async (header, token) => {
    try {
      return await (await known(ctx, url)).find(header, token)
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error
      return (await known(ctx, url, true)).find(header, token)
    }
  }
}

/** All public keys at an address: for encrypting, where nobody names one. */
export const remoteKeyList = async (ctx: Ctx, url: string): Promise<readonly JWK[]> => (await known(ctx, url)).keys
