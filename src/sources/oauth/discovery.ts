import type { Config } from '../../config.ts'
import type { Ctx } from '../../context.ts'
import { outgoingOf } from '../../http/outgoing/client.ts'
import { LruMap } from '../../lib/lru.ts'

/** What we read of a discovery document (OpenID Connect Discovery §3, RFC 8414 §2). */
export type Metadata = {
  issuer: string
  authorization_endpoint?: string
  token_endpoint?: string
  userinfo_endpoint?: string
  jwks_uri?: string
  /** RFC 8414 §2; empty where it says nothing. */
  code_challenge_methods_supported: readonly string[]
  /** RFC 9207 §3: the answer in the browser says who it is from. */
  authorization_response_iss_parameter_supported?: boolean
}

/** A discovery document that is none. The message is for administrators. */
export class DiscoveryError extends Error {}

const FRESH = 3_600_000 // ms
/** How long a document that could not be had is not asked for again: ms. */
const AGAIN = 5_000
const MAX_BYTES = 256 * 1024
const TIMEOUT = 10_000 // ms
const ENDPOINTS = ['authorization_endpoint', 'token_endpoint', 'userinfo_endpoint', 'jwks_uri'] as const

const isWeb = (value: unknown): value is string => typeof value === 'string' && /^https?:$/.test(URL.parse(value)?.protocol ?? '')

/** Takes what is known from a document. @throws DiscoveryError */
export function readMetadata(text: string): Metadata {
  let read: unknown
  try {
    read = JSON.parse(text)
  } catch (error) {
    throw new DiscoveryError('not JSON', { cause: error })
  }
  const document = read as Record<string, unknown> | null
  if (typeof document !== 'object' || document === null || typeof document.issuer !== 'string' || document.issuer === '')
    throw new DiscoveryError('no issuer')
  const methods = document.code_challenge_methods_supported
  const metadata: Metadata = {
    issuer: document.issuer,
    code_challenge_methods_supported: Array.isArray(methods) ? methods.filter(method => typeof method === 'string') : [],
  }
  for (const name of ENDPOINTS) {
    const value = document[name]
    if (value === undefined || value === null) continue
    if (!isWeb(value)) throw new DiscoveryError(`${name} is no web address`)
    metadata[name] = value
  }
  metadata.authorization_response_iss_parameter_supported = document.authorization_response_iss_parameter_supported === true
  return metadata
}

/** Fetches a document. @throws DiscoveryError, OutgoingError */
export async function fetchMetadata(ctx: Ctx, url: string): Promise<Metadata> {
  const { status, body } = await outgoingOf(ctx.config)(url, {
    timeout: TIMEOUT,
    maxBytes: MAX_BYTES,
    redirects: 3,
    headers: { accept: 'application/json' },
  })
  if (status !== 200) throw new DiscoveryError(`it answers ${status}`)
  return readMetadata(new TextDecoder().decode(body))
}

type Known = { at: number; metadata: Promise<Metadata> }
const caches = new WeakMap<Config, LruMap<string, Known>>()

/**
 * The document at an address, remembered for an hour. When it cannot be fetched again, what it said before goes on counting.
 * @throws DiscoveryError, OutgoingError when it was never read
 */
export async function metadataAt(ctx: Ctx, url: string): Promise<Metadata> {
  let cache = caches.get(ctx.config)
  if (!cache) caches.set(ctx.config, (cache = new LruMap({ max: 200, now: ctx.now })))
  const known = cache.get(url)
  const now = ctx.now().getTime()
  if (known && now - known.at < FRESH) return known.metadata
  const metadata = fetchMetadata(ctx, url).catch((error: unknown) => {
    if (!known) throw error
    ctx.log.warn({ err: error, url }, 'a discovery document could not be fetched again')
    return known.metadata
  })
  const entry = { at: now, metadata }
  cache.set(url, entry)
  metadata.catch(() => (entry.at = now - FRESH + AGAIN))
  return metadata
}
