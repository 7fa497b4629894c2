import { crud } from '../../api/crud.ts'
import { invalid } from '../../api/errors.ts'
import { flag, jsonObject, many, reference, text } from '../../api/fields.ts'
import { defineModel, type Model, type Row } from '../../api/model.ts'
import type { Resource, SpecialOperation } from '../../api/mount.ts'
import type { Ctx } from '../../context.ts'
import { CertificateKeyPair } from '../../crypto/model.ts'
import { Flow } from '../../flows/flow.ts'
import { Application } from '../application/model.ts'
import { brandOfHost, brandRows } from './rows.ts'
import { cached } from '../cache.ts'
import { systemSettings } from '../settings.ts'

/** The flows that a brand may name, by what they are for. */
export const BRAND_FLOWS = [
  'flow_authentication',
  'flow_invalidation',
  'flow_recovery',
  'flow_unenrollment',
  'flow_user_settings',
  'flow_device_code',
] as const
export type BrandFlow = (typeof BRAND_FLOWS)[number]

/** How the installation looks and which flows it uses under a host name. */
export const Brand: Model = defineModel({
  name: 'Brand',
  label: 'authentik_brands.brand',
  verboseName: 'Brand',
  table: 'brand',
  pk: 'brand_uuid',
  keyName: 'brand_uuid',
  display: 'domain',
  fields: {
    domain: text({ unique: true }),
    default: flag(false),
    branding_title: text({ default: 'Signet' }),
    branding_logo: text({ default: '/static/dist/assets/icons/icon_left_brand.svg' }),
    branding_favicon: text({ default: '/static/dist/assets/icons/icon.png' }),
    branding_custom_css: text({ default: '' }),
    branding_default_flow_background: text({ default: '/static/dist/assets/images/flow_background.jpg' }),
    flow_authentication: reference(() => Flow, { nullable: true }),
    flow_invalidation: reference(() => Flow, { nullable: true }),
    flow_recovery: reference(() => Flow, { nullable: true }),
    flow_unenrollment: reference(() => Flow, { nullable: true }),
    flow_user_settings: reference(() => Flow, { nullable: true }),
    flow_device_code: reference(() => Flow, { nullable: true }),
    default_application: reference(() => Application, { nullable: true }),
    web_certificate: reference(() => CertificateKeyPair, { nullable: true }),
    client_certificates: many(() => CertificateKeyPair, { table: 'brand_client_certificate', ours: 'brand', theirs: 'keypair' }),
    attributes: jsonObject(),
  },
  filters: {
    ...Object.fromEntries(
      [
        'brand_uuid',
        'branding_default_flow_background',
        'branding_favicon',
        'branding_logo',
        'branding_title',
        'default',
        'default_application',
        'domain',
        'web_certificate',
        ...BRAND_FLOWS,
      ].map(name => [name, {}]),
    ),
    client_certificates: { many: true },
  },
  search: ['domain', 'branding_title', 'branding_logo', 'branding_favicon'],
  ordering: ['domain'],
})

async function clean(ctx: Ctx, values: Row, current?: Row): Promise<Row> {
  if (values.default !== true || current?.default) return values
  const other = await ctx.db.selectFrom('brand').select('brand_uuid').where('default', '=', true).executeTakeFirst()
  if (other) throw invalid({ default: ['Only a single brand can be set as default.'] })
  return values
}

export const brands: Resource = { path: '/core/brands', model: Brand, operations: crud(Brand, { clean }) }

/** A brand with the slugs of its flows, as pages and clients see it. */
export type CurrentBrand = {
  matched_domain: string
  title: string
  logo: string
  favicon: string
  css: string
  background: string
  attributes: Row
  flows: Partial<Record<BrandFlow, { pk: string; slug: string }>>
  default_application: string | null
  web_certificate: string | null
}

const FALLBACK: CurrentBrand = {
  matched_domain: 'fallback',
  title: 'Signet',
  logo: '/static/dist/assets/icons/icon_left_brand.svg',
  favicon: '/static/dist/assets/icons/icon.png',
  css: '',
  background: '/static/dist/assets/images/flow_background.jpg',
  attributes: {},
  flows: {},
  default_application: null,
  web_certificate: null,
}

const allBrands = cached(['brand', 'flow'], async (ctx): Promise<(CurrentBrand & { domain: string; default: boolean })[]> => {
  // Events ask for the names inside of transactions, where nothing can be remembered.
  await brandRows(ctx)
  const rows = await ctx.db.selectFrom('brand').selectAll().execute()
  const flows = new Map((await ctx.db.selectFrom('flow').select(['flow_uuid', 'slug']).execute()).map(flow => [flow.flow_uuid, flow.slug]))
  return rows.map(row => ({
    matched_domain: row.domain,
    domain: row.domain,
    default: row.default,
    title: row.branding_title,
    logo: row.branding_logo,
    favicon: row.branding_favicon,
    css: row.branding_custom_css,
    background: row.branding_default_flow_background,
    attributes: row.attributes as Row,
    flows: Object.fromEntries(
      BRAND_FLOWS.flatMap(name => (row[name] === null ? [] : [[name, { pk: row[name], slug: flows.get(row[name])! }]])),
    ),
    default_application: row.default_application,
    web_certificate: row.web_certificate,
  }))
})

/**
 * The brand of the host that was asked for: the one whose domain equals it or that it ends with (the longest wins),
 * else the default brand, else a plain fallback.
 */
export async function currentBrand(ctx: Ctx): Promise<CurrentBrand> {
  return brandOfHost(await allBrands(ctx), ctx.request?.host ?? '') ?? FALLBACK
}

const setting = (attributes: Row, ...path: string[]): unknown =>
  path.reduce<unknown>(
    (value, key) => (typeof value === 'object' && value !== null && Object.hasOwn(value, key) ? (value as Row)[key] : undefined),
    attributes,
  )

/** What anybody may know of the brand in force: names, pictures, flows by slug. */
export async function publicBrand(ctx: Ctx) {
  const brand = await currentBrand(ctx)
  const { footer_links: links, flags } = await systemSettings(ctx)
  const theme = setting(brand.attributes, 'settings', 'theme', 'base')
  const shown: 'light' | 'dark' | 'automatic' = theme === 'light' || theme === 'dark' ? theme : 'automatic'
  const locale = setting(brand.attributes, 'settings', 'locale')
  return {
    matched_domain: brand.matched_domain,
    branding_title: brand.title,
    branding_logo: brand.logo,
    branding_logo_themed_urls: null,
    branding_favicon: brand.favicon,
    branding_favicon_themed_urls: null,
    branding_custom_css: brand.css,
    branding_map_tiles: '',
    ui_footer_links: links,
    ui_theme: shown,
    ...Object.fromEntries(Object.entries(brand.flows).map(([name, flow]) => [name, flow.slug])),
    default_locale: typeof locale === 'string' ? locale : '',
    flags: { flows_continuous_login: flags.flows_continuous_login, flows_refresh_others: flags.flows_refresh_others },
  }
}

/** Slug of the application that external accounts are sent to. */
export async function guestApplication(ctx: Ctx): Promise<string | undefined> {
  const { default_application: key } = await currentBrand(ctx)
  if (key === null) return undefined
  return (await ctx.db.selectFrom('application').select('slug').where('pbm_uuid', '=', key).executeTakeFirst())?.slug
}

export const brandRoutes: Record<string, SpecialOperation> = {
  'GET /core/brands/current/': { anonymous: true, response: 'CurrentBrand', handler: publicBrand },
}
