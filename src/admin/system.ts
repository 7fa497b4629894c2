import { arch, platform, release, version } from 'node:os'
import type { SpecialOperation } from '../api/mount.ts'
import { type Row, modelLabelled } from '../api/model.ts'
import { notFound } from '../api/errors.ts'
import { requirePermission } from '../api/permissions.ts'
import type { Ctx } from '../context.ts'
import { currentBrand } from '../core/brand/model.ts'
import { systemSettings } from '../core/settings.ts'
import { knownPlaces } from '../geoip/place.ts'
import { appName } from '../rbac/catalogue.ts'
import { API_VERSION } from '../version.ts'

const VIEW = 'authentik_rbac.view_system_info'

/** Headers that say how the request came here, and nothing that lets somebody come here as another. */
const HARMLESS = new Set([
  'accept',
  'accept-encoding',
  'accept-language',
  'connection',
  'content-length',
  'content-type',
  'forwarded',
  'host',
  'origin',
  'referer',
  'user-agent',
  'via',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-proto',
  'x-forwarded-scheme',
  'x-real-ip',
  'x-request-id',
])

async function systemInfo(ctx: Ctx): Promise<Row> {
  requirePermission(ctx, VIEW)
  const { request } = ctx
  const headers = Object.entries(request?.headers ?? {}).filter(([name]) => HARMLESS.has(name))
  const brand = await currentBrand(ctx)
  const origin = request?.origin ?? ''
  return {
    http_headers: Object.fromEntries(headers.map(([name, value]) => [name, String(value)])),
    http_host: request?.host ?? '',
    http_is_secure: origin.startsWith('https:'),
    runtime: {
      // Clients know the field under this name; what runs here is another language's.
      python_version: `Node.js ${process.version}`,
      environment: 'custom',
      architecture: arch(),
      platform: platform(),
      uname: `${platform()} ${release()} ${version()}`,
      openssl_version: process.versions.openssl,
      openssl_fips_enabled: null,
      authentik_version: API_VERSION,
    },
    brand: brand.matched_domain,
    server_time: ctx.now().toISOString(),
    embedded_outpost_disabled: ctx.config.outposts.disable_embedded_outpost,
    embedded_outpost_host: ctx.config.public_url ?? origin,
    base_url: ctx.config.public_url ?? origin,
    /** Ours: which databases of addresses are in use. */
    address_databases: await knownPlaces(ctx),
  }
}

/** The releases of this program that have changed the database, with the day on which each came. */
async function versions(ctx: Ctx): Promise<{ id: number; timestamp: string; version: string; build: string }[]> {
  const rows = await ctx.db.selectFrom('schema_migration').select(['program_version', 'applied_at']).orderBy('applied_at').execute()
  const first = new Map(rows.toReversed().map(row => [row.program_version, row.applied_at]))
  return [...first]
    .toSorted(([, one], [, other]) => one.getTime() - other.getTime())
    .map(([name, since], index) => ({ id: index + 1, timestamp: since.toISOString(), version: name, build: '' }))
}

export const systemRoutes: Record<string, SpecialOperation> = {
  /** What interfaces must know before anybody is signed in. */
  'GET /root/config/': {
    anonymous: true,
    response: 'Config',
    handler: async ctx => {
      const { config } = ctx
      const { impersonation } = await systemSettings(ctx)
      const places = await knownPlaces(ctx)
      return {
        error_reporting: {
          enabled: false,
          sentry_dsn: '',
          environment: config.error_reporting.environment,
          send_pii: false,
          traces_sample_rate: 0,
        },
        capabilities: [
          'can_save_media',
          ...(places.geoip ? ['can_geo_ip'] : []),
          ...(places.asn ? ['can_asn'] : []),
          ...(impersonation ? ['can_impersonate'] : []),
          ...(config.debug ? ['can_debug'] : []),
        ],
        cache_timeout: config.cache.timeout,
        cache_timeout_flows: config.cache.timeout_flows,
        cache_timeout_policies: config.cache.timeout_policies,
      }
    },
  },
  'GET /admin/version/': {
    response: 'Version',
    handler: async () => ({
      version_current: API_VERSION,
      version_latest: API_VERSION,
      version_latest_valid: true,
      build_hash: '',
      outdated: false,
      outpost_outdated: false,
    }),
  },
  'GET /admin/version/history/': {
    response: 'VersionHistory',
    many: 'list',
    query: Object.fromEntries(['build', 'version', 'search', 'ordering'].map(name => [name, { type: 'string' }])),
    handler: async (ctx, request) => {
      requirePermission(ctx, VIEW)
      const { version: wanted, build } = request.query as Record<string, string | undefined>
      return (await versions(ctx)).filter(entry => (!wanted || entry.version === wanted) && (!build || entry.build === build))
    },
  },
  'GET /admin/version/history/:id/': {
    response: 'VersionHistory',
    handler: async (ctx, request) => {
      requirePermission(ctx, VIEW)
      const found = (await versions(ctx)).find(entry => String(entry.id) === (request.params as { id: string }).id)
      if (!found) throw notFound('VersionHistory')
      return found
    },
  },
  'GET /admin/system/': { response: 'SystemInfo', handler: systemInfo },
  'POST /admin/system/': { response: 'SystemInfo', handler: systemInfo },
  'GET /admin/apps/': {
    response: 'App',
    many: 'list',
    handler: async ctx =>
      [...new Set(ctx.registry.models.map(model => model.app))].toSorted().map(app => ({ name: app, label: appName(app) })),
  },
  'GET /admin/models/': {
    response: 'App',
    many: 'list',
    query: { filter_has_attributes: { type: 'boolean' } },
    handler: async (ctx, request) => {
      const attributed = (request.query as { filter_has_attributes?: string }).filter_has_attributes === 'true'
      const labels = [...new Set(ctx.registry.models.map(model => model.label))].toSorted()
      return labels
        .map(label => modelLabelled(ctx, label)!)
        .filter(model => !attributed || model.allFields.attributes)
        .map(model => ({ name: model.label, label: model.verboseName }))
    },
  },
}
