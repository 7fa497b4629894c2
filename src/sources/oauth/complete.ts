import { invalid } from '../../api/errors.ts'
import type { Row } from '../../api/model.ts'
import type { Ctx } from '../../context.ts'
import { outgoingOf } from '../../http/outgoing/client.ts'
import { OutgoingError } from '../../http/outgoing/error.ts'
import { DiscoveryError, fetchMetadata, type Metadata } from './discovery.ts'
import { providerType } from './types/index.ts'

const TIMEOUT = 10_000 // ms
const MAX_BYTES = 256 * 1024

/** Fields of a source, and what its discovery document calls them. */
const FILLED = {
  authorization_url: 'authorization_endpoint',
  access_token_url: 'token_endpoint',
  profile_url: 'userinfo_endpoint',
  oidc_jwks_url: 'jwks_uri',
} as const

/** What went wrong, without anything that an inner server may have said: whoever may write a source need not see into its network. */
const reason = (error: unknown): string | undefined =>
  error instanceof OutgoingError || error instanceof DiscoveryError ? error.message : undefined

async function metadataOf(ctx: Ctx, url: string): Promise<Metadata> {
  try {
    return await fetchMetadata(ctx, url)
  } catch (error) {
    const why = reason(error)
    if (why === undefined) throw error
    throw invalid({ oidc_well_known_url: [`Invalid well-known configuration: ${why}`] })
  }
}

/** The key set at an address, RFC 7517 §5. */
async function keysAt(ctx: Ctx, url: string): Promise<Row> {
  const refused = (why: string) => invalid({ oidc_jwks_url: [`Invalid JWKS: ${why}`] })
  let answer
  try {
    answer = await outgoingOf(ctx.config)(url, {
      timeout: TIMEOUT,
      maxBytes: MAX_BYTES,
      redirects: 0,
      headers: { accept: 'application/json' },
    })
  } catch (error) {
    const why = reason(error)
    throw why === undefined ? error : refused(why)
  }
  if (answer.status !== 200) throw refused(`it answers ${answer.status}`)
  let read: { keys?: unknown } | null
  try {
    read = JSON.parse(new TextDecoder().decode(answer.body)) as typeof read
  } catch {
    throw refused('not JSON')
  }
  if (!Array.isArray(read?.keys)) throw refused('no keys')
  return { keys: read.keys }
}

/**
 * The values of a source with what its provider tells of itself: a new discovery document fills in the addresses that were not sent, a new
 * address of keys brings the keys. Asks nobody when nothing of that changes, so that a source can be stored while its provider is away.
 * @throws ApiError on the field whose address gives nothing of use
 */
export async function completed(ctx: Ctx, values: Row, current?: Row): Promise<Row> {
  const whole = { ...current, ...values }
  const type = providerType(whole.provider_type as string)
  if (!type.urls_customizable) return values
  const out = { ...values }
  const document = (whole.oidc_well_known_url as string | undefined) ?? ''
  const isNew = document !== (current?.oidc_well_known_url ?? '')
  const names = Object.keys(FILLED) as (keyof typeof FILLED)[]
  const touched = 'oidc_well_known_url' in values || names.some(name => name in values)
  const lacking = touched && names.some(name => !whole[name] && !type[name])
  if (document !== '' && (isNew || lacking)) {
    const metadata = await metadataOf(ctx, document)
    for (const [name, theirs] of Object.entries(FILLED)) {
      if (values[name] || (!isNew && whole[name])) continue
      const found = metadata[theirs]
      if (found !== undefined) out[name] = found
    }
    if (!current && values.pkce === undefined && metadata.code_challenge_methods_supported.includes('S256')) out.pkce = 'S256'
  }
  const keys = (out.oidc_jwks_url as string | undefined) ?? ''
  if (keys !== '' && values.oidc_jwks === undefined && keys !== current?.oidc_jwks_url) out.oidc_jwks = await keysAt(ctx, keys)
  return out
}
