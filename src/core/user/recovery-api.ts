import { Type } from 'typebox'
import { invalid } from '../../api/errors.ts'
import { type Row, modelLabelled } from '../../api/model.ts'
import type { SpecialOperation } from '../../api/mount.ts'
import { mayTouch } from '../../api/permissions.ts'
import { findObject } from '../../api/store.ts'
import { body, checked } from '../../api/validate.ts'
import { visitor, transact, type Ctx } from '../../context.ts'
import { recordEvent, person } from '../../events/record.ts'
import { flowByKey } from '../../flows/definition.ts'
import { asObject } from '../../flows/objects.ts'
import { inMemoryStage, type Plan } from '../../flows/plan.ts'
import { planFlow } from '../../flows/planner.ts'
import { createFlowToken } from '../../flows/token.ts'
import { isDuration, parseDuration } from '../../lib/duration.ts'
import { flowLink } from '../../mail/links.ts'
import { EMAIL_STAGE, queueMail, stageMail } from '../../mail/queue.ts'
import { isMailAddress } from '../../mail/send.ts'
import { currentBrand } from '../brand/model.ts'
import { systemSettings } from '../settings.ts'
import { User } from '../people.ts'
import { accountToReset } from './reach.ts'

const Lifetime = body({ token_duration: Type.String({ minLength: 1 }) }, ['token_duration'])
const ByMail = body({ email_stage: Type.String({ format: 'uuid' }), token_duration: Type.String({ minLength: 1 }) }, ['token_duration'])

// The values of these errors are texts and no lists: clients of them know them so.
const refused = (text: string) => invalid({ non_field_errors: text })

/** The brand's recovery flow, planned for somebody who is not signed in, and until when its link is good. */
async function plannedRecovery(ctx: Ctx, user: Row, duration: string | undefined): Promise<{ plan: Plan; expires: Date }> {
  if (duration !== undefined && !isDuration(duration))
    throw invalid({ token_duration: [`${duration} is not in the correct format of 'hours=3;minutes=1'.`] })
  const { flows } = await currentBrand(ctx)
  if (!flows.flow_recovery) throw refused('No recovery flow set.')
  const definition = (await flowByKey(ctx, flows.flow_recovery.pk))!
  // Whoever opens the link is nobody yet; that the plan is restored from one is known already.
  const planned = await planFlow({ ...ctx, caller: visitor }, definition, { pending_user: asObject(User, user), is_restored: {} })
  if (!planned.ok) throw refused('Recovery flow not applicable to user')
  const { default_token_duration: standard } = await systemSettings(ctx)
  return { plan: planned.plan, expires: new Date(ctx.now().getTime() + parseDuration(duration ?? standard)) }
}

/** The link behind which a plan waits. A new one takes the place of the last. In the caller's transaction. */
async function recoveryLink(ctx: Ctx, user: Row, { plan, expires }: { plan: Plan; expires: Date }): Promise<string> {
  await ctx.db
    .deleteFrom('flow_token')
    .where('user', '=', user.id as number)
    .where('flow', '=', plan.flow.flow_uuid as string)
    .execute()
  const key = await createFlowToken(ctx, plan, { user, expires })
  return flowLink(ctx, plan.flow.slug as string, new URLSearchParams({ flow_token: key }))
}

export const recoveryRoutes: Record<string, SpecialOperation> = {
  /** A link that lets somebody into their account again, for an administrator to hand over. */
  'POST /core/users/:pk/recovery/': {
    body: Lifetime,
    bodyName: 'UserRecoveryLinkRequest',
    response: 'Link',
    handler: async (ctx, request) => {
      const user = await accountToReset(ctx, request.params)
      const { token_duration } = checked<{ token_duration?: string }>(Lifetime, request.body ?? {})
      const planned = await plannedRecovery(ctx, user, token_duration)
      const link = await transact(ctx, async ctx => {
        await recordEvent(ctx, 'secret_view', { secret: { recovery_link_of: person(user) } })
        return recoveryLink(ctx, user, planned)
      })
      return { link }
    },
  },

  /** The same by mail, which nobody else gets to see. */
  'POST /core/users/:pk/recovery_email/': {
    status: 204,
    body: ByMail,
    bodyName: 'UserRecoveryEmailRequest',
    handler: async (ctx, request) => {
      const user = await accountToReset(ctx, request.params)
      const { email_stage, token_duration } = checked<{ email_stage: string; token_duration?: string }>(ByMail, request.body)
      const address = user.email as string
      if (!isMailAddress(address)) throw refused('User does not have an email address set.')
      const model = modelLabelled(ctx, EMAIL_STAGE)!
      const stage = await findObject(ctx, model, email_stage)
      if (!stage || !(await mayTouch(ctx, model, email_stage, 'view'))) throw refused('Email stage not found.')
      const planned = await plannedRecovery(ctx, user, token_duration)
      // Programs that open every link of a mail get no further than this question.
      planned.plan.insertStage(inMemoryStage('confirm_email'), 0)
      const { title } = await currentBrand(ctx)
      await transact(ctx, async ctx => {
        const url = await recoveryLink(ctx, user, planned)
        const about = { url, token: new URL(url).searchParams.get('flow_token') }
        await queueMail(ctx, stageMail(stage, { address, user, brand: title, expires: planned.expires, about }))
      })
    },
  },
}
