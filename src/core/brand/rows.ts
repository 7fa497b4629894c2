import type { Ctx } from '../../context.ts'
import { cached } from '../cache.ts'

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
  let longest: B | undefined
  for (const brand of brands) {
    const domain = brand.domain.toLowerCase()
    if ((asked === domain || asked.endsWith(`.${domain}`)) && (!longest || brand.domain.length > longest.domain.length)) longest = brand
  }
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

const NO_BRAND = '{}'

/** The brand under whose host the request came, as events name it, in JSON; nothing for what no request asked for. */
export function eventBrand(ctx: Ctx): string | Promise<string> {
  const { request } = ctx
  if (request === null) return NO_BRAND
  const brands = brandRows.outside(ctx)
  return brands instanceof Promise ? brands.then(found => nameOf(found, request.host)) : nameOf(brands, request.host)
}

const names = new WeakMap<BrandRow, string>()

function nameOf(brands: readonly BrandRow[], host: string): string {
  const brand = brandOfHost(brands, host)
  if (!brand) return NO_BRAND
  const known = names.get(brand)
  if (known !== undefined) return known
  const name = brand.default ? 'Default brand' : `Brand ${brand.domain}`
  const text = JSON.stringify({ app: 'authentik_brands', model_name: 'brand', pk: brand.brand_uuid.replaceAll('-', ''), name })
  names.set(brand, text)
  return text
}
