import type { Row } from '../../api/model.ts'
import type { Ctx } from '../../context.ts'
import { initiatedLogins } from '../../providers/oauth2/authorize/initiate-login.ts'
import { userUid } from '../user/uid.ts'

/** Marks an application that has no tile of its own. */
export const HIDDEN_LAUNCH_URL = 'blank://blank'

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

/**
 * Where each of these applications is opened: at its own address, where its client wants sign-ins begun, or at the site that its redirect URIs suggest;
 * null for nowhere.
 * @param user who will follow the address; null: nobody in particular
 */
export async function launchUrls(ctx: Ctx, applications: readonly Row[], user: Row | null): Promise<(string | null)[]> {
  const slugs = new Map(applications.filter(row => row.provider !== null).map(row => [row.provider as number, row.slug as string]))
  const sites = slugs.size
    ? await ctx.db
        .selectFrom('provider_oauth2')
        .select(['id', 'site'])
        .where('id', 'in', [...slugs.keys()])
        .execute()
    : []
  const siteOf = new Map(sites.map(row => [row.id, row.site]))
  const initiated = await initiatedLogins(ctx, slugs)
  return applications.map(({ meta_launch_url: own, provider }) => {
    const url = (own as string) || (initiated.get(provider as number) ?? siteOf.get(provider as number) ?? null)
    return url && fillLaunchUrl(ctx, url, user)
  })
}

/** The address to link an application by on a page of ours; undefined where that would lead nowhere. */
export async function linkTo(ctx: Ctx, application: Row, user: Row | null): Promise<string | undefined> {
  const [url] = await launchUrls(ctx, [application], user)
  return !url || url === HIDDEN_LAUNCH_URL || (user === null && url.search(PLACEHOLDER) >= 0) ? undefined : url
}
