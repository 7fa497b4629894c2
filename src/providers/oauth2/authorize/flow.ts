import type { Row } from '../../../api/model.ts'
import type { Ctx } from '../../../context.ts'
import { Application } from '../../../core/application/model.ts'
import { saveSessionData } from '../../../core/session/session.ts'
import { ASKING, type Asking } from '../../../flows/asking.ts'
import { flowByKey } from '../../../flows/definition.ts'
import { asObject } from '../../../flows/objects.ts'
import { inMemoryStage, type Plan } from '../../../flows/plan.ts'
import { planFlow } from '../../../flows/planner.ts'
import { explainNoPlan } from '../../../flows/refusal.ts'
import { defineMemoryStage, next } from '../../../flows/stage.ts'
import { consent } from '../../../stages/consent/stage.ts'
import { redirectAnswer, type Answer } from '../answer.ts'
import { askerOf } from './asker.ts'
import type { AuthorizationRequest, Delivery } from './request.ts'
import { deliver } from './response.ts'
import { deniedPage, errorPage, type Browser } from '../browser.ts'
import type { Client } from '../client/client.ts'
import { authorizationError } from '../errors.ts'
import { FULFIL, grantCode, type FulfilData, type Standing } from './fulfil.ts'
import { advancePlan } from '../../../flows/advance.ts'
import { scopesOfClaims } from '../claims/requested.ts'
import { showBrowserState } from '../logout/session-state.ts'
import { inLanguage } from './sign-in.ts'

export const ASK_AGAIN = 'oauth2-consent'

/** Asked whatever the flow says, unless the flow's own consent stage asked a moment ago (OIDC Core §3.1.2.1). */
export const askAgainStage = defineMemoryStage({
  ...consent,
  kind: ASK_AGAIN,
  challenge: run => (run.plan.context.consent === undefined ? consent.challenge(run) : next()),
})

/**
 * The consent that a request needs whatever the flow says, as a consent stage has it; undefined: none. `prompt=consent` (OIDC Core §3.1.2.1); and nobody
 * lets in unasked a client that nobody has looked at (RFC 7591 §5): once in a while, or each time where the address that the answer goes to does not
 * tell whether it is the same client again (RFC 6749 §10.2, RFC 8252 §8.6).
 */
function demandedConsent(client: Client, { prompt, delivery }: AuthorizationRequest): Row | undefined {
  if (prompt.includes('consent')) return { mode: 'always_require' }
  if (!client.registered) return undefined
  if (client.public && !delivery.redirect_uri.startsWith('https://')) return { mode: 'always_require' }
  return { mode: 'expiring', consent_expire_in: 'weeks=4' }
}

/** What the consent page says; a scope without a description is not worth a line. */
export function consentContext(client: Client, application: Row, scopes: readonly string[]): Row {
  const descriptions = new Map(client.mappings.map(mapping => [mapping.scope_name, mapping.description]))
  return {
    consent_header: `You're about to sign into ${String(application.name)}.`,
    consent_permissions: scopes.map(id => ({ id, name: descriptions.get(id) ?? '' })),
  }
}

/** The page that the answer will be posted from has to know beforehand. */
const formOf = ({ response_mode: mode, redirect_uri: uri }: Delivery): Partial<Asking> =>
  mode === 'form_post' && /^https?:/i.test(uri) ? { form: uri } : {}

/**
 * Runs the provider's authorization flow. What needs nobody's answer happens within this request, so that implicit consent is a plain
 * redirect; else the browser goes to the flow's page, whose last stage answers the client.
 */
export async function runAuthorizationFlow(ctx: Ctx, standing: Standing, browser: Browser): Promise<Answer> {
  const { client, request, application, user, session } = standing
  const definition = await flowByKey(ctx, client.flows.authorization)
  if (!definition) return deniedPage(ctx, browser, [])
  const silent = request.prompt.includes('none')
  const named = request.claims ? await scopesOfClaims(ctx, client, user, request.claims, request.scopes) : []
  const asked = consentContext(client, application, [...request.scopes, ...named])
  const context = { is_sso: true, application: asObject(Application, application), ...asked }
  const planned = await planFlow(ctx, definition, context, { allowEmpty: true })
  if (!planned.ok) {
    if (silent) throw authorizationError('interaction_required')
    return deniedPage(ctx, browser, planned.messages, { explanationId: explainNoPlan(ctx, definition.flow, planned, 'authorize') })
  }
  const { plan } = planned
  const demanded = demandedConsent(client, request)
  if (demanded) plan.appendStage(inMemoryStage(ASK_AGAIN, demanded))
  const method = ctx.request?.method ?? 'GET'
  if (!plan.hasStages) {
    showBrowserState(ctx, browser.visit, session, user)
    return deliver(request.delivery, await grantCode(ctx, standing), method, browser.page)
  }
  plan.context[ASKING] = { ...askerOf(client, application, request.delivery.redirect_uri), declines: true, ...formOf(request.delivery) }
  plan.appendStage(inMemoryStage(FULFIL, { request, user: user.id as number } satisfies FulfilData))
  return runPlan(ctx, plan, request, silent, browser)
}

/** As far as it goes without anybody; `prompt=none` goes no further (OIDC Core §3.1.2.6) and leaves what the browser was doing as it was. */
async function runPlan(ctx: Ctx, plan: Plan, request: AuthorizationRequest, silent: boolean, browser: Browser): Promise<Answer> {
  const { visit } = browser
  const method = ctx.request?.method ?? 'GET'
  const before = visit.session?.data ?? {}
  const advanced = await advancePlan(ctx, visit, plan)
  if (silent && visit.session) await saveSessionData(ctx, visit.session, before)
  switch (advanced.end) {
    case 'redirect':
      return redirectAnswer(advanced.to, method)
    case 'form':
      return deliver(request.delivery, advanced.fields, method, browser.page)
    case 'denied':
      if (silent) throw authorizationError('access_denied')
      return deniedPage(ctx, browser, advanced.messages, { explanationId: advanced.explanationId })
    case 'error':
      if (silent) throw authorizationError('server_error')
      return errorPage(ctx, browser, 'Flow Error', 'The authorization flow could not be run.')
    case 'asks':
      if (silent) throw authorizationError(advanced.component === 'ak-stage-consent' ? 'consent_required' : 'interaction_required')
      return redirectAnswer(inLanguage(advanced.page, request), method)
  }
}
