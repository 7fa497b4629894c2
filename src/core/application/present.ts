import { presentObjects } from '../../api/present.ts'
import type { Row } from '../../api/model.ts'
import { withKindNames } from '../../api/polymorphic.ts'
import { findObjects } from '../../api/store.ts'
import { sql } from 'kysely'
import type { Ctx } from '../../context.ts'
import { Provider } from '../../providers/provider.ts'
import { iconUrl } from '../icon.ts'
import { launchUrls } from './launch-url.ts'

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
  const addresses = await launchUrls(ctx, rows, ctx.caller.user)
  return rows.map((row, index) => ({
    pbm_uuid: row.pbm_uuid,
    provider_obj: row.provider === null ? null : (byKey.get(row.provider) ?? null),
    backchannel_providers_obj: (row.backchannel_providers as number[]).map(key => byKey.get(key)),
    launch_url: addresses[index],
    meta_icon_url: iconUrl(row.meta_icon as string),
    meta_icon_themed_urls: null,
  }))
}
