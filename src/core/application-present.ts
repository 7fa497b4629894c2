import { presentObjects } from '../api/crud.ts'
import type { Row } from '../api/model.ts'
import { withKindNames } from '../api/polymorphic.ts'
import { findObjects } from '../api/store.ts'
import { sql } from 'kysely'
import type { Ctx } from '../context.ts'
import { initiatedLogins } from '../providers/oauth2/authorize/initiate-login.ts'
import { Provider } from '../providers/provider.ts'
import { iconUrl } from './icon.ts'
import { userUid } from './uid.ts'

/** Values that `%(username)s` and its like stand for in launch URLs. */
const PLACEHOLDER = /%\((\w+)\)s/g

/** Fills a launch URL's placeholders with fields of the person who will follow it, each encoded for a URL. */
export function fillLaunchUrl(deps: Pick<Ctx, 'installId'>, url: string, user: Row | null): string {
  if (user === null) return url
  const { username, name, email, id, uuid, path, type } = user
  const known: Row = { username, name, email, pk: id, id, uuid, uid: userUid(deps, id as number), path, type }
  return url.replaceAll(PLACEHOLDER, (whole, name: string) =>
    Object.hasOwn(known, name) ? encodeURIComponent(String(known[name] ?? '')) : whole,
  )
}

/** The computed fields of applications, for many rows at once. */
export async function presentApplications(ctx: Ctx, rows: Row[]): Promise<Row[]> {
  const keys = [
    ...new Set(
      rows.flatMap(row => [row.provider as number | null, ...(row.backchannel_providers as number[])]).filter(key => key !== null),
    ),
  ]
  const providers = keys.length ? await findObjects(ctx, Provider, { where: [sql<boolean>`provider.id in (${sql.join(keys)})`] }) : []
  const kinds = new Map(providers.map(row => [row.id, row.kind as string]))
  const shown = await withKindNames(ctx, Provider, kinds, await presentObjects(ctx, Provider, providers))
  const byKey = new Map(shown.map(provider => [provider.pk, provider]))
  const sites = keys.length ? await ctx.db.selectFrom('provider_oauth2').select(['id', 'site']).where('id', 'in', keys).execute() : []
  const slugs = new Map(rows.filter(row => row.provider !== null).map(row => [row.provider as number, row.slug as string]))
  const initiated = await initiatedLogins(ctx, slugs)
  const siteOf = new Map(sites.map(row => [row.id, row.site]))
  return rows.map(row => {
    const url = (row.meta_launch_url as string) || (initiated.get(row.provider as number) ?? siteOf.get(row.provider as number) ?? null)
    return {
      pbm_uuid: row.pbm_uuid,
      provider_obj: row.provider === null ? null : (byKey.get(row.provider) ?? null),
      backchannel_providers_obj: (row.backchannel_providers as number[]).map(key => byKey.get(key)),
      launch_url: url === null ? null : fillLaunchUrl(ctx, url, ctx.caller.user),
      meta_icon_url: iconUrl(row.meta_icon as string),
      meta_icon_themed_urls: null,
    }
  })
}
