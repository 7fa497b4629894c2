import { Type } from 'typebox'
import { objectAt } from '../api/crud.ts'
import { invalid } from '../api/errors.ts'
import type { SpecialOperation } from '../api/mount.ts'
import { requireObject } from '../api/permissions.ts'
import { body, checked } from '../api/validate.ts'
import { visitor, transact } from '../context.ts'
import { recordEvent, person } from '../events/record.ts'
import { flowByKey } from '../flows/definition.ts'
import { planFlow } from '../flows/planner.ts'
import { createFlowToken } from '../flows/token.ts'
import { isDuration, parseDuration } from '../lib/duration.ts'
import { currentBrand } from './brand.ts'
import { systemSettings } from './settings.ts'
import { requireReach, User } from './user.ts'

const Lifetime = body({ token_duration: Type.String({ minLength: 1 }) }, ['token_duration'])

export const recoveryRoutes: Record<string, SpecialOperation> = {
  /** A link that lets somebody into their account again, for an administrator to hand over. A new one takes the place of the last. */
  'POST /core/users/:pk/recovery/': {
    body: Lifetime,
    bodyName: 'UserRecoveryLinkRequest',
    response: 'Link',
    handler: async (ctx, request) => {
      const user = await objectAt(ctx, User, (request.params as { pk: string }).pk)
      await requireObject(ctx, User, user.id as number, 'authentik_core.reset_user_password')
      await requireReach(ctx, user)
      const { token_duration: sent } = checked<{ token_duration?: string }>(Lifetime, request.body ?? {})
      if (sent !== undefined && !isDuration(sent)) throw invalid({ token_duration: [`${sent} is not in the correct format of 'hours=3;minutes=1'.`] })
      const { flows } = await currentBrand(ctx)
      // The value is a text and no list: clients of this error know it so.
      if (!flows.flow_recovery) throw invalid({ non_field_errors: 'No recovery flow set.' })
      const definition = (await flowByKey(ctx, flows.flow_recovery.pk))!
      // Whoever opens the link is nobody yet; that the plan is restored from one is known already.
      const planned = await planFlow({ ...ctx, caller: visitor }, definition, { pending_user: user, is_restored: {} })
      if (!planned.ok) throw invalid({ non_field_errors: 'Recovery flow not applicable to user' })
      const { default_token_duration: standard } = await systemSettings(ctx)
      const expires = new Date(ctx.now().getTime() + parseDuration(sent ?? standard))
      const key = await transact(ctx, async ctx => {
        await ctx.db.deleteFrom('flow_token').where('user', '=', user.id as number).where('flow', '=', definition.flow.flow_uuid as string).execute()
        await recordEvent(ctx, 'secret_view', { secret: { recovery_link_of: person(user) } })
        return createFlowToken(ctx, planned.plan, { user, expires })
      })
      const base = `${ctx.config.public_url ?? ctx.request!.origin}${ctx.config.web.path}`.replace(/\/$/, '')
      return { link: `${base}/if/flow/${flows.flow_recovery.slug}/?${new URLSearchParams({ flow_token: key }).toString()}` }
    },
  },
}
