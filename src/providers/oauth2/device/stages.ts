import type { Row } from '../../../api/model.ts'
import type { Ctx } from '../../../context.ts'
import { explainAccess, mayOpen } from '../../../core/application/access.ts'
import { countAttempt, forgiveAttempt } from '../../../core/attempts.ts'
import { Application } from '../../../core/application/model.ts'
import { eventModel } from '../../../api/objects.ts'
import type { Session } from '../../../core/session/session.ts'
import { commitTogether } from '../../../db/planned-write.ts'
import { recordEvent } from '../../../events/record.ts'
import { textField } from '../../../flows/answer.ts'
import { withUser } from '../../../flows/present.ts'
import { ASKING } from '../../../flows/asking.ts'
import { flowByKey } from '../../../flows/definition.ts'
import { asObject } from '../../../flows/objects.ts'
import { inMemoryStage, type Plan } from '../../../flows/plan.ts'
import { planFlow } from '../../../flows/planner.ts'
import { explainNoPlan } from '../../../flows/refusal.ts'
import { defineMemoryStage, denied, finish, retry, switchTo } from '../../../flows/stage.ts'
import { transact } from '../../../context.ts'
import { networkOf } from '../../../lib/ip.ts'
import { askerOf } from '../authorize/asker.ts'
import { ASK_AGAIN, consentContext } from '../authorize/flow.ts'
import { clientOfProvider, type Client } from '../client/client.ts'
import { consentBehind } from '../consent/consent.ts'
import { takesPart } from '../logout/backchannel.ts'
import { signInFacts } from '../claims/sign-in-facts.ts'
import { DEVICE_GRANT } from './authorization.ts'
import { approve, decline, findWaiting } from './rows.sql.ts'

export const ENTER_CODE = 'oauth2-device-code'
const LET_IN = 'oauth2-device-finish'

const WRONG = 'Invalid code'
const NOT_YOURS = 'Devices are let in by the person alone, and not through another’s eyes.'
/** Codes that one person, or one address, may try: nine digits among a handful of waiting devices are not guessed by that (RFC 8628 §5.1). */
const MOST = 20
const WINDOW = 600_000 // ms

type Waiting = { client: Client; application: Row; id: number; scope: string[] }

/** The waiting device behind a code that this person typed; a code that is wrong, over or used says the same. */
async function deviceOf(ctx: Ctx, typed: string): Promise<Waiting | undefined> {
  const { user } = ctx.caller
  if (!user) return undefined
  const counted = [`device user code ${String(user.id)}`, `device user code from ${networkOf(ctx.request?.clientIp ?? '')}`]
  for (const key of counted) if ((await countAttempt(ctx, key, WINDOW)) > MOST) return undefined
  const device = await findWaiting(ctx.db, typed.replaceAll(/[\s-]/g, ''), ctx.now())
  const client = device && (await clientOfProvider(ctx, device.provider))
  if (!client?.application) return undefined
  // Many people behind one address may sign devices in: only guesses count.
  for (const key of counted) await forgiveAttempt(ctx, key)
  return { client, application: client.application, id: device!.id, scope: device!.scope }
}

export type Entered =
  | { kind: 'plan'; plan: Plan }
  | { kind: 'wrong' }
  | { kind: 'denied'; messages: readonly string[]; explanationId?: string }

/** From a code to the way through the application's authorization flow, at whose end the device is let in. */
export async function planFor(ctx: Ctx, typed: string): Promise<Entered> {
  // Nothing but the device's own end would end what it has: that is for the person to give.
  if (ctx.caller.impersonator !== null) return { kind: 'denied', messages: [NOT_YOURS] }
  const waiting = await deviceOf(ctx, typed)
  const { user } = ctx.caller
  if (!waiting || !user) return { kind: 'wrong' }
  const { client, application, scope } = waiting
  const decision = await mayOpen(ctx, application, user, { context: deviceFacts(scope), unbound: client.mayBeUnbound })
  if (!decision.passing) {
    const explanationId = explainAccess(ctx, application, user, decision, 'authorize')
    return { kind: 'denied', messages: decision.messages, explanationId }
  }
  const definition = await flowByKey(ctx, client.flows.authorization)
  if (!definition) return { kind: 'denied', messages: [] }
  const context = {
    is_sso: true,
    application: asObject(Application, application),
    ...consentContext(client, application, scope),
    consent_header: `You're about to sign a device into ${String(application.name)}.`,
  }
  const planned = await planFlow(ctx, definition, context, { allowEmpty: true })
  if (!planned.ok)
    return { kind: 'denied', messages: planned.messages, explanationId: explainNoPlan(ctx, definition.flow, planned, 'authorize') }
  // Somebody else may have sent the address with the code in it: the person has to say yes, whatever the flow says (RFC 8628 §5.4).
  planned.plan.context[ASKING] = { ...askerOf(client, application), declines: true, device: true }
  planned.plan.appendStage(inMemoryStage(ASK_AGAIN, { mode: 'always_require' }))
  planned.plan.appendStage(inMemoryStage(LET_IN, { device: waiting.id, provider: client.id, scope, user: user.id }))
  return { kind: 'plan', plan: planned.plan }
}

const deviceFacts = (scopes: readonly string[]): Row => ({ oauth_scopes: [...scopes], oauth_grant_type: DEVICE_GRANT })

/** Asks for the code that the device shows. */
export const enterCodeStage = defineMemoryStage({
  kind: ENTER_CODE,
  component: 'ak-provider-oauth2-device-code',
  answer: () => ({ code: textField() }),
  challenge: () => ({ component: 'ak-provider-oauth2-device-code' }),
  async respond({ ctx }, { code }) {
    const entered = await planFor(ctx, String(code))
    if (entered.kind === 'plan') return switchTo(entered.plan)
    if (entered.kind === 'wrong') return retry({ code: WRONG })
    return denied(entered.messages.join('\n') || 'Request has been denied.', entered.explanationId)
  },
})

type LetIn = { device: number; provider: number; scope: string[]; user: number }

const OVER = 'The code is not valid any more. Start again on the device.'

/** Lets the device in: who said yes, in which session, is what its tokens stand on. */
export const letInStage = defineMemoryStage({
  kind: LET_IN,
  async challenge({ ctx, stage }) {
    const { device, provider, scope, user: expected } = stage as LetIn
    const { user, session } = ctx.caller
    const client = await clientOfProvider(ctx, provider)
    if (!user || !session || user.id !== expected || !client?.application) return denied('This sign-in belongs to another session.')
    const { application } = client
    const decision = await mayOpen(ctx, application, user, { context: deviceFacts(scope), unbound: client.mayBeUnbound })
    if (!decision.passing)
      return denied(
        decision.messages.join('\n') || 'Request has been denied.',
        explainAccess(ctx, application, user, decision, 'authorize'),
      )
    const facts = signInFacts(session as unknown as Session)
    const consent = await consentBehind(ctx, application, user, scope)
    const approval = {
      user: user.id,
      session_hash: session.session_hash as string,
      sid: facts.sid,
      auth_time: facts.auth_time,
      amr: JSON.stringify(facts.amr),
      ...consent,
    }
    const done = await transact(ctx, async ctx => {
      if (!(await approve(ctx.db, device, approval, ctx.now()))) return false
      await commitTogether(ctx, takesPart(ctx, client, user, session as unknown as Session))
      const authorized = { authorized_application: eventModel(Application, application), scopes: scope.join(', ') }
      await recordEvent(ctx, 'authorize_application', { ...authorized, flow: client.flows.authorization.replaceAll('-', '') }, { user })
      return true
    })
    if (!done) return denied(OVER)
    return finish({ component: 'ak-provider-oauth2-device-code-finish' })
  },
  /** The device hears it when it asks next (RFC 8628 §3.5). */
  async decline(run) {
    const { ctx, stage } = run
    const { device, user: expected } = stage as LetIn
    if (ctx.caller.user?.id !== expected) return denied('This sign-in belongs to another session.')
    if (!(await decline(ctx.db, device, ctx.now()))) return denied(OVER)
    return finish({ component: 'ak-stage-access-denied', ...(await withUser(run)), error_message: 'The device was not connected.' })
  },
})
