import { createSecureContext, type SecureContext } from 'node:tls'
import { findObject } from '../api/store.ts'
import type { Ctx } from '../context.ts'
import { brandOfHost } from '../core/brand/rows.ts'
import { CertificateKeyPair } from '../crypto/model.ts'
import type { PemPair } from './https-pair.ts'
import { TLS } from './tls.ts'

/** What HTTPS is served with. */
export type Certificates = {
  /** For clients that name no host; undefined: what is served already. */
  usual: PemPair | undefined
  /** By the name that a client asks for (SNI, RFC 6066 §3); undefined: the usual one. */
  named: (host: string) => SecureContext | undefined
}

/**
 * Tells the certificates now and after each change: of the brand that a host belongs to (`web_certificate`), else of the default brand, else
 * `own`. A pair that cannot be used is passed over, and said so in the log.
 * @returns a function that ends it
 */
export async function watchCertificates(
  ctx: Ctx,
  own: PemPair | undefined,
  tell: (certificates: Certificates) => void,
): Promise<() => void> {
  const refresh = async () => tell(await certificates(ctx, own))
  const leave = ctx.database.feed.onChange(['brand', 'keypair'], () => {
    refresh().catch((error: unknown) => ctx.log.error({ err: error }, 'the certificates for HTTPS cannot be read'))
  })
  await refresh()
  return leave
}

async function certificates(ctx: Ctx, own: PemPair | undefined): Promise<Certificates> {
  const brands = await ctx.db.selectFrom('brand').select(['domain', 'default', 'web_certificate']).execute()
  const pairs = new Map<string, PemPair & { context: SecureContext }>()
  for (const key of new Set(brands.flatMap(brand => brand.web_certificate ?? []))) {
    const row = await findObject(ctx, CertificateKeyPair, key)
    if (!row) continue
    const pair = { cert: row.certificate_data as string, key: row.key_data as string }
    try {
      if (pair.key === '') throw new Error('it has no private key')
      pairs.set(key, { ...pair, context: createSecureContext({ ...TLS, ...pair }) })
    } catch (error) {
      ctx.log.warn({ err: error, keypair: row.name }, "a brand's certificate cannot be served")
    }
  }
  const pairAt = (host: string) => pairs.get(brandOfHost(brands, host)?.web_certificate ?? '')
  // No host's name is empty, so that only the default brand is left.
  const usual = pairAt('')
  return { usual: usual ? { cert: usual.cert, key: usual.key } : own, named: host => (pairAt(host) ?? usual)?.context }
}
