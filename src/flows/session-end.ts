import type { Row } from '../api/model.ts'
import { currentBrand } from '../core/brand/model.ts'
import { linkTo } from '../core/application/launch-url.ts'
import { flowPath, pathOf } from './addresses.ts'
import { withUser } from './present.ts'
import { defineMemoryStage, finish, redirect } from './stage.ts'

/**
 * The last stage of signing out of one application: says so, and offers to sign out here too. Who is not signed in is sent on.
 * Data: `redirect_to`, an address after logout that the provider has verified.
 */
export const sessionEnd = defineMemoryStage({
  kind: 'session_end',
  async challenge(run) {
    const { ctx, plan, stage } = run
    if (typeof stage.redirect_to === 'string') return redirect(stage.redirect_to, { last: true })
    if (ctx.caller.user === null) return redirect(pathOf(ctx, '/'), { last: true })
    const application = plan.context.application as Row | undefined
    const brand = await currentBrand(ctx)
    const url = application && (await linkTo(ctx, application, ctx.caller.user))
    const invalidation = brand.flows.flow_invalidation?.slug
    return finish({
      component: 'ak-stage-session-end',
      ...(await withUser(run)),
      ...(application && { application_name: application.name }),
      ...(url !== undefined && { application_launch_url: url }),
      ...(invalidation !== undefined && { invalidation_flow_url: flowPath(ctx, invalidation) }),
      overview_url: pathOf(ctx, '/'),
      brand_name: brand.title,
    })
  },
})
