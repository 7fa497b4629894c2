import type { Row } from '../../api/model.ts'
import { changeObject } from '../../api/objects.ts'
import { currentBrand } from '../../core/brand/model.ts'
import { User } from '../../core/people.ts'
import { userHooks } from '../../core/user/hooks.ts'
import { transact } from '../../context.ts'
import { asObject, isStored } from '../../flows/objects.ts'
import { Plan } from '../../flows/plan.ts'
import { defineStage, denied, next, retry, type Challenge, type Outcome, type Run } from '../../flows/stage.ts'
import { textOf } from '../../flows/text.ts'
import { createFlowToken } from '../../flows/token.ts'
import { parseDuration } from '../../lib/duration.ts'
import { flowLink } from '../../mail/links.ts'
import { queueMail, stageMail } from '../../mail/queue.ts'
import { isMailAddress } from '../../mail/send.ts'
import { mayMail } from './attempts.ts'
import { confirmation } from './confirm.ts'
import { EmailStage } from './model.ts'

/** What the plan of a link remembers: the address that the link went to. */
const ADDRESS = 'goauthentik.io/stages/email/address'
/** The link, if any, that had led to the page when the mail was sent. */
const ARRIVED_BY = 'goauthentik.io/stages/email/arrived_by'

/** A little longer than the mail says, for clocks and slow readers. */
const GRACE = 60_000 // ms

const waiting: Challenge = { component: 'ak-stage-email' }

const USED = 'Link was already used, please request a new link.'

/** Where the mail goes: where an expression said, else to the account's own address. */
const addressOf = ({ plan }: Run): string => {
  const chosen = plan.context.email
  return typeof chosen === 'string' && chosen !== '' ? chosen : textOf((plan.context.pending_user as Row | undefined)?.email)
}

/**
 * Sends the link, or does everything but that: for accounts that were only pretended to exist, have no address, or were written to
 * too often. Whoever asks sees and feels the same in each case.
 */
async function send(run: Run): Promise<void> {
  const { ctx, flow, plan, stage, query } = run
  const user = plan.context.pending_user as Row
  const address = addressOf(run)
  const lifetime = parseDuration(stage.token_expiry as string)
  const expires = new Date(ctx.now().getTime() + lifetime)
  const { title } = await currentBrand(ctx)
  const onwards = new URLSearchParams(query)
  onwards.delete('flow_token')
  plan.context.email_sent = true
  plan.context[ARRIVED_BY] = query.get('flow_token') ?? ''
  const restored = new Plan(flow, [confirmation(), ...plan.stages], { ...plan.context, [ADDRESS]: address })
  await transact(ctx, async ctx => {
    const allowed = await mayMail(ctx, stage, address)
    const reached = allowed && isStored(user, 'id') && isMailAddress(address)
    const stored = isStored(user, 'id') ? user : null
    onwards.set('flow_token', await createFlowToken(ctx, restored, { user: stored, expires: new Date(expires.getTime() + GRACE) }))
    const url = await flowLink(ctx, flow.slug as string, onwards)
    const about = { url, token: onwards.get('flow_token') }
    await queueMail(ctx, {
      ...stageMail(stage, { address, user, brand: title, expires, about }),
      user: (stored?.id as number | undefined) ?? null,
      ...(!reached && { decoy: true }),
    })
    if (!allowed) ctx.log.warn({ stage: stage.name }, 'email withheld: too many attempts')
  })
}

/** Whoever is here has opened the link: the address is theirs, if it still is the account's. */
async function verified(run: Run): Promise<Outcome> {
  const { ctx, flow, plan, stage } = run
  const user = plan.context.pending_user as Row | undefined
  if (!isStored(user, 'id')) return denied()
  const address = plan.context[ADDRESS]
  // Links that administrators hand over were sent nowhere.
  if (typeof address === 'string' && address !== addressOf(run)) return denied(USED)
  // Its brothers, from the times the mail was asked for again, are worth nothing from here on.
  await ctx.db
    .deleteFrom('flow_token')
    .where('user', '=', user.id as number)
    .where('flow', '=', flow.flow_uuid as string)
    .execute()
  if (stage.activate_user_on_success && !user.is_active) {
    const active = await changeObject({ ...ctx, caller: { ...ctx.caller, superuser: true } }, User, user, { is_active: true }, userHooks)
    plan.context.pending_user = { ...asObject(User, active), ...(user.backend !== undefined && { backend: user.backend }) }
  }
  return next()
}

export const email = defineStage({
  model: EmailStage,
  component: 'ak-stage-email',
  answer: () => ({}),

  async challenge(run) {
    const { context } = run.plan
    if (context.is_restored) return verified(run)
    if (!context.pending_user) return denied('No pending user.')
    if (!context.email_sent) {
      await send(run)
    } else if ((run.query.get('flow_token') ?? '') !== context[ARRIVED_BY]) {
      // A link that is good would have brought its own plan.
      return denied(USED)
    }
    return waiting
  },

  /** Any answer asks for another mail; only its link leads further. */
  async respond(run) {
    const { context } = run.plan
    if (context.is_restored) return verified(run)
    if (!context.pending_user) return denied('No pending user.')
    await send(run)
    return retry({ non_field_errors: [{ string: 'email-sent', code: 'email-sent' }] })
  },
})
