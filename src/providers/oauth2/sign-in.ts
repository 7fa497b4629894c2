import { visitor, type Ctx } from '../../context.ts'
import { Application } from '../../core/application.ts'
import { pathOf } from '../../flows/addresses.ts'
import { flowByKey } from '../../flows/definition.ts'
import { asObject } from '../../flows/objects.ts'
import { planFlow } from '../../flows/planner.ts'
import { explainNoPlan } from '../../flows/refusal.ts'
import { defaultFlow, startPlan } from '../../flows/start.ts'
import { redirectAnswer, type Answer } from './answer.ts'
import type { AuthorizationRequest } from './authorization-request.ts'
import { deniedPage, type Browser } from './browser.ts'
import type { Client } from './client.ts'
import type { Parameters } from './parameters.ts'
import { PROMPTED, promptedMark } from './prompted.ts'

/** Names that the flow's page reads itself: a client must not choose them. */
const FLOW_PARAMETERS = new Set(['next', 'flow_token', 'itoken', 'token', 'inspector', PROMPTED])
/** Longer values are of no use on the way and would make the address too long for some proxies. */
const MAX_SHOWN = 256

const encoded = (pairs: [string, string][]): string =>
  pairs.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join('&')

/**
 * Sends the person to the sign-in page, from where the way leads back to the same request. Somebody who is signed in already and has
 * to do it again is planned for as a visitor, so that a flow for visitors takes them.
 * @param options.hint who it probably is, filled in beforehand
 */
export async function signInFirst(
  ctx: Ctx,
  client: Client,
  request: AuthorizationRequest,
  params: Parameters,
  browser: Browser,
  options: { hint: string | null } = { hint: request.login_hint },
): Promise<Answer> {
  const asVisitor = { ...ctx, caller: visitor }
  const { authentication } = client.flows
  const definition = authentication === null ? await defaultFlow(asVisitor, 'authentication') : await flowByKey(ctx, authentication)
  if (!definition) return deniedPage(ctx, browser, ['There is no flow to sign in with.'])
  const context = {
    application: asObject(Application, client.application!),
    ...(options.hint !== null && { pending_user_identifier: options.hint }),
  }
  const planned = await planFlow(asVisitor, definition, context)
  if (!planned.ok)
    return deniedPage(ctx, browser, planned.messages, { explanationId: explainNoPlan(ctx, definition.flow, planned, 'authorize') })
  const sent = params.names.flatMap(name => {
    const value = params.get(name)
    return value === undefined || name === PROMPTED ? [] : [[name, value] as [string, string]]
  })
  const back = `${pathOf(ctx, '/application/o/authorize/')}?${encoded([...sent, [PROMPTED, promptedMark(ctx, request, options.hint !== null)]])}`
  const query = encoded([...sent.filter(([name, value]) => !FLOW_PARAMETERS.has(name) && value.length <= MAX_SHOWN), ['next', back]])
  const page = await startPlan(ctx, browser.visit, planned.plan, { query: new URLSearchParams(query) })
  return redirectAnswer(page, ctx.request?.method ?? 'GET')
}
