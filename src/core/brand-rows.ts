import type { Ctx } from '../context.ts'
import { cached } from './cache.ts'

type BrandRow = { brand_uuid: string; domain: string; default: boolean }

/** Names of all brands, for what is asked with every event. */
export const brandRows = cached(['brand'], async (ctx): Promise<BrandRow[]> =>
  ctx.db.selectFrom('brand').select(['brand_uuid', 'domain', 'default']).execute(),
)

/**
 * Of brands with a domain each, the one in force under a host: whose domain equals it or that it ends with (the longest wins), else
 * the default one.
 */
export function brandOfHost<B extends { domain: string; default: boolean }>(brands: readonly B[], host: string): B | undefined {
  const asked = host.toLowerCase()
  const matching = brands.filter(({ domain }) => asked === domain.toLowerCase() || asked.endsWith(`.${domain.toLowerCase()}`))
  const [longest] = matching.toSorted((a, b) => b.domain.length - a.domain.length)
  return longest ?? brands.find(brand => brand.default)
}

/** Whether a host is one that a brand is named after, or below one. */
export const isBrandHost = (brands: readonly { domain: string }[], host: string): boolean =>
  brands.some(({ domain }) => host === domain.toLowerCase() || host.endsWith(`.${domain.toLowerCase()}`))

/** The host that the default brand is named after, if any: `authentik-default`, the name that it begins with, is none. */
export function hostOfDefault(brands: readonly { domain: string; default: boolean }[]): string | undefined {
  const domain = brands.find(brand => brand.default)?.domain.toLowerCase()
  return domain?.includes('.') ? domain : undefined
}

/** The brand under whose host the request came, as events name it; nothing for what no request asked for. */
export async function eventBrand(ctx: Ctx): Promise<Record<string, unknown>> {
  if (ctx.request === null) return {}
  const brand = brandOfHost(await brandRows.outside(ctx), ctx.request.host)
  if (!brand) return {}
  const name = brand.default ? 'Default brand' : `Brand ${brand.domain}`
  return { app: 'authentik_brands', model_name: 'brand', pk: brand.brand_uuid.replaceAll('-', ''), name }
}
