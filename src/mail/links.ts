import type { Ctx } from '../context.ts'
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
  const standard = brands.find(brand => brand.default)?.domain.toLowerCase()
  // `authentik-default`, the name that it begins with, is none of a host.
  if (!standard?.includes('.')) return origin
  const { protocol, hostname } = new URL(origin)
  const isOurs = brands.some(({ domain }) => hostname === domain.toLowerCase() || hostname.endsWith(`.${domain.toLowerCase()}`))
  return isOurs ? origin : `${protocol}//${standard}`
}

/** The address of a flow's page, for a mail. */
export const flowLink = async (ctx: Ctx, slug: string, query: URLSearchParams): Promise<string> =>
  (await linkOrigin(ctx)) + flowPath(ctx, slug, query.toString())
