import type { Ctx } from '../context.ts'
import { hostOfDefault, isBrandHost } from '../core/brand/rows.ts'
import { flowPath } from '../flows/addresses.ts'

/**
 * Scheme and host of links in mails: the configured address of the installation. Whoever asks for a mail must not choose where its
 * link leads, and the Host header is theirs to choose where nothing in front of the server checks it. Without a configured
 * address the brands decide, once the default one is named after a host: other hosts than theirs then get that one's. Only an
 * installation whose default brand answers for any host takes the request's own.
 */
export async function linkOrigin(ctx: Ctx): Promise<string> {
  if (ctx.config.public_url) return new URL(ctx.config.public_url).origin
  const { origin } = ctx.request!
  const brands = await ctx.db.selectFrom('brand').select(['domain', 'default']).execute()
  const standard = hostOfDefault(brands)
  if (standard === undefined) return origin
  const { protocol, hostname } = new URL(origin)
  return isBrandHost(brands, hostname) ? origin : `${protocol}//${standard}`
}

/** Tells whoever runs this installation when nothing says where links in mails lead. Once, at the start. */
export async function warnOfLinks({ config, db, log }: Pick<Ctx, 'config' | 'db' | 'log'>): Promise<void> {
  if (config.public_url) return
  if (hostOfDefault(await db.selectFrom('brand').select(['domain', 'default']).execute()) !== undefined) return
  log.warn(
    'links in mails follow the Host header of whoever asks for them: set SIGNET_PUBLIC_URL to the address of this server, or name the default brand after its host',
  )
}

/** The address of a flow's page, for a mail. */
export const flowLink = async (ctx: Ctx, slug: string, query: URLSearchParams): Promise<string> =>
  (await linkOrigin(ctx)) + flowPath(ctx, slug, query.toString())
