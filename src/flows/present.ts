import type { Ctx } from '../context.ts'
import type { Row } from '../api/model.ts'
import { avatarOf, avatarOfName } from '../core/user/avatar.ts'
import { systemSettings } from '../core/settings.ts'
import { pathOf } from './addresses.ts'
import { currentBrand } from '../core/brand/model.ts'
import { backgroundUrl, DEFAULT_BACKGROUND, themedUrls } from './flow.ts'
import type { PlanContext } from './plan.ts'
import { subjectOf } from './planner.ts'
import type { Run } from './stage.ts'
import { textOf } from './text.ts'

/** Who a plan is about, as the person in front of the browser may see it: what they typed, where the match is not to be shown. */
export function displayName(ctx: Ctx, context: PlanContext): string {
  if (typeof context.pending_user_identifier === 'string' && context.pending_user_identifier !== '') return context.pending_user_identifier
  return textOf(subjectOf(ctx, context)?.username)
}

/** The fields of challenges "with user". */
export async function withUser({ ctx, plan }: Pick<Run, 'ctx' | 'plan'>): Promise<{ pending_user: string; pending_user_avatar: string }> {
  const name = displayName(ctx, plan.context)
  const { avatars } = await systemSettings(ctx)
  return { pending_user: name, pending_user_avatar: shownAvatar(ctx, plan.context, name, avatars) }
}

/**
 * Before somebody has proved who they are, the picture says no more than the name beside it: their own would tell that the account
 * exists, and whose it is.
 */
function shownAvatar(ctx: Ctx, context: PlanContext, name: string, modes: string): string {
  const user = subjectOf(ctx, context)
  const proved = context.auth_method !== undefined || (user !== null && ctx.caller.user?.id === user.id)
  if (user && proved && name === user.username) return avatarOf(ctx, user, modes)
  return avatarOfName(ctx, name, modes)
}

/**
 * The title with `%(app)s` and `%(user)s` filled in. Titles with any other use of `%` are shown as they are, `%%` is one `%`
 * in those that can be filled in.
 */
export function flowTitle(title: string, names: { app: string; user: string }): string {
  const rest = title.replaceAll(/%%|%\((?:app|user)\)s/g, '')
  if (rest.includes('%')) return title
  return title.replaceAll(/%%|%\((app|user)\)s/g, (whole, name: 'app' | 'user' | undefined) =>
    name === undefined ? (whole === '%%' ? '%' : whole) : names[name],
  )
}

/** `flow_info`: what every challenge says about the flow it belongs to. */
export async function flowInfo(ctx: Ctx, flow: Row, context: PlanContext, query: URLSearchParams): Promise<Row> {
  const application = context.application as Row | undefined
  const background = textOf(flow.background) || (await currentBrand(ctx)).background
  const following = query.get('next')
  return {
    title: flowTitle(flow.title as string, { app: textOf(application?.name), user: displayName(ctx, context) }),
    background: background === '' ? pathOf(ctx, DEFAULT_BACKGROUND) : backgroundUrl(ctx, background),
    background_themed_urls: themedUrls(ctx, background),
    cancel_url: pathOf(ctx, '/flows/-/cancel/') + (following === null ? '' : `?next=${encodeURIComponent(following)}`),
    layout: flow.layout,
  }
}
