import type { Ctx } from '../../../context.ts'
import { currentBrand } from '../../../core/brand/model.ts'
import { pathOf } from '../../../flows/addresses.ts'
import { flowDefinition } from '../../../flows/definition.ts'
import { inMemoryStage } from '../../../flows/plan.ts'
import { planFlow } from '../../../flows/planner.ts'
import { explainNoPlan } from '../../../flows/refusal.ts'
import { startPlan } from '../../../flows/start.ts'
import { redirectAnswer, type Answer } from '../answer.ts'
import { deniedPage, notFoundPage, type Browser } from '../browser.ts'
import type { Parameters } from '../parameters.ts'
import { ENTER_CODE, planFor } from './stages.ts'

/**
 * The page that a device sends people to, RFC 8628 §3.3: whoever is not signed in does that first; the code is asked for in the flow that the brand
 * names for it. An address with the code in it goes straight to the application's question. Without such a flow there is no page.
 */
export async function devicePage(ctx: Ctx, params: Parameters, browser: Browser): Promise<Answer> {
  const code = params.get('code')
  const method = ctx.request?.method ?? 'GET'
  const slug = (await currentBrand(ctx)).flows.flow_device_code?.slug
  const definition = slug === undefined ? undefined : await flowDefinition(ctx, slug)
  if (!definition) return notFoundPage(browser)
  if (!ctx.caller.user) {
    const back = pathOf(ctx, '/device') + (code === undefined ? '' : `?code=${encodeURIComponent(code)}`)
    return redirectAnswer(`${pathOf(ctx, '/flows/-/default/authentication/')}?next=${encodeURIComponent(back)}`, method)
  }
  const entered = code === undefined ? undefined : await planFor(ctx, code)
  if (entered?.kind === 'denied') return deniedPage(ctx, browser, entered.messages, { explanationId: entered.explanationId })
  if (entered?.kind === 'plan') return redirectAnswer(await startPlan(ctx, browser.visit, entered.plan), method)
  const planned = await planFlow(ctx, definition, {}, { allowEmpty: true })
  if (!planned.ok)
    return deniedPage(ctx, browser, planned.messages, { explanationId: explainNoPlan(ctx, definition.flow, planned, 'flow') })
  planned.plan.appendStage(inMemoryStage(ENTER_CODE))
  return redirectAnswer(await startPlan(ctx, browser.visit, planned.plan), method)
}
