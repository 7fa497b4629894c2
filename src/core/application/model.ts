import { sql } from 'kysely'
import { Type } from 'typebox'
import { crud } from '../../api/crud.ts'
import { objectAt } from '../../api/objects.ts'
import { paginated } from '../../api/page.ts'
import { presentObjects } from '../../api/present.ts'
import { invalid, permissionDenied } from '../../api/errors.ts'
import { computed, flag, many, reference, slug, text } from '../../api/fields.ts'
import { filterConditions, MAX_KEY, orderings, parseFlag, requireChoices, searchCondition } from '../../api/filters.ts'
import { defineModel, type Model, type Query, type Row } from '../../api/model.ts'
import type { Resource, SpecialOperation } from '../../api/mount.ts'
import { requireCaller } from '../../api/permissions.ts'
import { listOf, namedOrNull } from '../../api/shapes.ts'
import { findObjects, matchObjects, pageOfObjects, readingContext } from '../../api/store.ts'
import type { Ctx } from '../../context.ts'
import { PolicyTarget } from '../../policies/target.ts'
import { forbiddenScheme } from '../../providers/oauth2/client/redirect-uri.ts'
import { Provider } from '../../providers/provider.ts'
import { mayOpen } from './access.ts'
import { openTo } from './access-list.ts'
import { presentApplications } from './present.ts'
import { removeEntitlements } from './entitlement.sql.ts'
import { HIDDEN_LAUNCH_URL } from './launch-url.ts'

/** Slugs that would hide an endpoint of the same name. */
const RESERVED = new Set(['authorize', 'token', 'device', 'userinfo', 'introspect', 'revoke', 'par', 'end-session', 'check-session'])

/** Applications that have an address to be opened at, as `launch_url` shows it, and are not to be hidden. */
const HAS_TILE = sql<boolean>`(
  application.meta_hide = ${false} and application.meta_launch_url <> ${HIDDEN_LAUNCH_URL} and (
    application.meta_launch_url <> ''
    or exists (select 1 from provider_oauth2 as client where client.id = application.provider and client.site is not null)
    or exists (select 1 from oauth2_client_metadata as client where client.provider = application.provider and client.initiate_login_uri <> '')))`

const launchUrlError = (url: string): string | undefined => {
  if (forbiddenScheme(url)) return 'Enter a valid URL.'
  return url === '' || /^[a-z][a-z0-9+.-]*:\/\/\S+$/i.test(url) ? undefined : 'Enter a valid URL.'
}

const iconError = (icon: string): string | undefined =>
  forbiddenScheme(icon) && !icon.startsWith('data:image/') ? 'Enter a valid URL.' : undefined

/** Something people open. Its key is what policies, groups and users are bound to. */
export const Application: Model = defineModel({
  name: 'Application',
  label: 'authentik_core.application',
  verboseName: 'Application',
  uniqueName: 'application',
  table: 'application',
  pk: 'pbm_uuid',
  lookup: 'slug',
  base: PolicyTarget,
  fields: {
    name: text(),
    slug: slug({ unique: true }),
    provider: reference(() => Provider, { nullable: true, unique: true }),
    provider_obj: computed(namedOrNull('Provider')),
    backchannel_providers: many(() => Provider, { table: 'application_backchannel_provider', ours: 'application', theirs: 'provider' }),
    backchannel_providers_obj: computed(listOf('Provider')),
    launch_url: computed(Type.Unsafe({ type: ['string', 'null'] })),
    open_in_new_tab: flag(false),
    meta_launch_url: text({ default: '', check: launchUrlError }),
    meta_icon: text({ default: '', check: iconError }),
    meta_icon_url: computed(Type.Unsafe({ type: ['string', 'null'] })),
    meta_icon_themed_urls: computed(namedOrNull('ThemedUrls')),
    meta_description: text({ default: '' }),
    meta_publisher: text({ default: '' }),
    group: text({ default: '' }),
    meta_hide: flag(false),
    pbm_uuid: computed(Type.String({ format: 'uuid' })),
  },
  filters: ['name', 'slug', 'group', 'meta_description', 'meta_launch_url', 'meta_publisher'],
  parameters: { superuser_full_list: { type: 'boolean' }, only_with_launch_url: { type: 'boolean' }, for_user: { type: 'integer' } },
  search: ['name', 'slug', 'meta_launch_url', 'meta_description', 'meta_publisher', 'group'],
  ordering: ['name'],
  present: presentApplications,
})

function clean(_: Ctx, values: Row): Row {
  const name = values.slug as string | undefined
  if (name !== undefined && RESERVED.has(name))
    throw invalid({ slug: [`The slug '${name}' is reserved and cannot be used for applications.`] })
  return values
}

const operations = crud(Application, {
  clean,
  removing: (ctx, application) => removeEntitlements(ctx, application.pbm_uuid as string),
})

/** The account that `?for_user=` names; only superusers may look through another's eyes. */
async function viewer(ctx: Ctx, query: Query): Promise<Row> {
  const wanted = [query.for_user].flat()[0]
  if (wanted === undefined || wanted === '') return ctx.caller.user!
  if (!/^\d{1,10}$/.test(wanted) || Number(wanted) > MAX_KEY) throw invalid({ for_user: ['for_user must be numerical'] })
  if (!ctx.caller.superuser && !ctx.caller.permissions.has('authentik_core.view_user_applications')) throw permissionDenied()
  const user = (await ctx.db.selectFrom('user').selectAll().where('id', '=', Number(wanted)).executeTakeFirst()) as Row | undefined
  if (!user) throw invalid({ for_user: ['User not found'] })
  return user
}

/**
 * The applications that the caller may open. Superusers see all with `superuser_full_list=true`; without it the
 * listing never uses their bypass. Counts are those of what is shown: nothing is cached, so that a new binding
 * hides an application at the next request.
 */
async function list(ctx: Ctx, query: Query): Promise<unknown> {
  requireCaller(ctx)
  const flagged = (name: string) => parseFlag([query[name]].flat()[0]) ?? false
  if (flagged('superuser_full_list') && (ctx.caller.superuser || ctx.caller.permissions.has('authentik_core.view_application')))
    return operations.list(ctx, query)
  const user = await viewer(ctx, query)
  const asked = [
    ...(await filterConditions(ctx, Application, query)),
    searchCondition(ctx, Application, query),
    flagged('only_with_launch_url') ? HAS_TILE : undefined,
  ]
  const reading = await readingContext(ctx, Application)
  const where = [...asked, await openTo(ctx, Application, user, asked)]
  const orderBy = orderings(Application, query)
  const { count, where: narrowed } = await matchObjects(reading, Application, where)
  await requireChoices(reading, Application, query, count)
  return paginated(ctx, query, count, async (limit, offset) =>
    presentObjects(reading, Application, await pageOfObjects(reading, Application, { where: narrowed, orderBy, limit, offset }), query),
  )
}

/** Applications that are read at a time: a query holds at most 32,766 values, and others want their turn. */
const CHUNK = 500

/** The applications that a person may open, superusers without their bypass, and that have a tile; by name, as the API shows them. */
export async function tilesFor(ctx: Ctx, user: Row): Promise<Row[]> {
  const reading = await readingContext(ctx, Application)
  const open = await findObjects(reading, Application, {
    where: [HAS_TILE, await openTo(ctx, Application, user, [HAS_TILE])],
    orderBy: orderings(Application, {}),
  })
  const shown: Row[] = []
  for (let start = 0; start < open.length; start += CHUNK)
    shown.push(...(await presentObjects(reading, Application, open.slice(start, start + CHUNK))))
  return shown
}

export const applications: Resource = { path: '/core/applications', model: Application, operations: { ...operations, list } }

export const applicationRoutes: Record<string, SpecialOperation> = {
  'GET /core/applications/:slug/check_access/': {
    response: 'PolicyTestResult',
    query: { for_user: { type: 'integer' } },
    handler: async (ctx, request) => {
      const application = await objectAt(ctx, Application, (request.params as { slug: string }).slug)
      const query = request.query as Query
      if (query.for_user !== undefined && !ctx.caller.superuser) throw permissionDenied()
      const { passing, messages } = await mayOpen(ctx, application, await viewer(ctx, query))
      return { passing, messages: ctx.caller.superuser ? messages : [], log_messages: [] }
    },
  },
}

/** An application by its slug, for the surfaces that people and clients reach without the API. */
export async function applicationBySlug(ctx: Ctx, name: string): Promise<Row | undefined> {
  const [row] = await findObjects(ctx, Application, { where: [sql<boolean>`application.slug = ${name}`], limit: 1 })
  return row
}
