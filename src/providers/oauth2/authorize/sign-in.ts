import { visitor, type Ctx } from '../../../context.ts'
import { Application } from '../../../core/application/model.ts'
import { pathOf } from '../../../flows/addresses.ts'
import { ASKING, type Asking } from '../../../flows/asking.ts'
import { flowByKey } from '../../../flows/definition.ts'
import { freshContext } from '../../../flows/freshness.ts'
import { asObject } from '../../../flows/objects.ts'
import { planFlow } from '../../../flows/planner.ts'
import { explainNoPlan } from '../../../flows/refusal.ts'
import { defaultFlow, startPlan } from '../../../flows/start.ts'
import { redirectAnswer, type Answer } from '../answer.ts'
import { askerOf } from './asker.ts'
import type { AuthorizationRequest } from './request.ts'
import { deniedPage, type Browser } from '../browser.ts'
import type { Client } from '../client/client.ts'
import { demandedDevices } from '../claims/context-class.ts'
import { AUTHORIZE, byGithubAddress } from '../github/scopes.ts'
import { readParameters, type Parameters } from '../parameters.ts'
import { PROMPTED, promptedMark } from './prompted.ts'
import { keepRequest } from './kept-request.ts'
import type { Sent } from './sent-request.ts'
import { stepUp } from './step-up.ts'

/** Names that the flow's page reads itself: a client must not choose them. */
const FLOW_PARAMETERS = new Set(['next', 'flow_token', 'itoken', 'token', 'inspector', 'locale', PROMPTED])
/** Longer values are of no use on the way and would make the address too long for some proxies. */
const MAX_SHOWN = 256

const encoded = (pairs: [string, string][]): string =>
  pairs.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join('&')

/** A request that is larger is kept here meanwhile: what carries it twice must pass as an address. Characters. */
const MAX_CARRIED = 4_096
/** As long as a mark is good for that says that somebody was sent to sign in: s. */
const KEPT = 3_600

const pairsOf = (params: Parameters): [string, string][] =>
  params.names.flatMap(name => {
    const value = params.get(name)
    return value === undefined || name === PROMPTED ? [] : [[name, value] as [string, string]]
  })

/**
 * What the browser carries to the sign-in page and back. A request object may be over by then, and was found good: what it said is kept, as if it
 * had been sent ahead, and so is what is too long for an address.
 */
export async function carriedRequest(ctx: Ctx, client: Client, sent: Sent, params: Parameters): Promise<Parameters> {
  if (sent.pushed !== null) return params
  if (!sent.object && encoded(pairsOf(params)).length <= MAX_CARRIED) return params
  const uri = await keepRequest(ctx, client, sent.parameters, { life: KEPT, proven: false })
  const mark = params.get(PROMPTED)
  const pairs: [string, string][] = [
    ['client_id', client.client_id],
    ['request_uri', uri],
    ...(mark ? [[PROMPTED, mark] as [string, string]] : []),
  ]
  return readParameters(encoded(pairs))
}

/** The page of a flow in the language that the client wishes for the person. */
export const inLanguage = (page: string, { language }: AuthorizationRequest): string =>
  language === null ? page : `${page}${page.includes('?') ? '&' : '?'}locale=${language}`

/**
 * Sends the person to the sign-in page, from where the way leads back to the same request. Somebody who is signed in already and has
 * to do it again is planned for as a visitor, so that a flow for visitors takes them.
 * @param params what the way back carries
 * @param hint who it probably is, filled in beforehand
 */
export async function signInFirst(
  ctx: Ctx,
  client: Client,
  request: AuthorizationRequest,
  params: Parameters,
  browser: Browser,
  hint: string | null,
): Promise<Answer> {
  const asVisitor = { ...ctx, caller: visitor }
  const { authentication } = client.flows
  const definition = authentication === null ? await defaultFlow(asVisitor, 'authentication') : await flowByKey(ctx, authentication)
  if (!definition) return deniedPage(ctx, browser, ['There is no flow to sign in with.'])
  const sent = pairsOf(params)
  const endpoint = pathOf(ctx, byGithubAddress(ctx) ? AUTHORIZE : '/application/o/authorize/')
  const backWith = (how: '' | 'h' | 'x') => `${endpoint}?${encoded([...sent, [PROMPTED, promptedMark(ctx, request, how)]])}`
  const asking: Asking = {
    ...askerOf(client, client.application!, request.delivery.redirect_uri),
    // Where clients that registered themselves live, nobody has checked: a visitor is not offered to be sent there (RFC 9700 §4.11.2).
    ...(!client.registered && { leave: backWith('x') }),
  }
  const context = {
    [ASKING]: asking,
    application: asObject(Application, client.application!),
    ...freshContext({ again: request.prompt.includes('login') || request.max_age === 0, maxAge: request.max_age }),
    ...(hint !== null && { pending_user_identifier: hint }),
  }
  const planned = await planFlow(asVisitor, definition, context)
  if (!planned.ok)
    return deniedPage(ctx, browser, planned.messages, { explanationId: explainNoPlan(ctx, definition.flow, planned, 'authorize') })
  const devices = demandedDevices(request.context)
  if (devices) stepUp(planned.plan, devices)
  const back = backWith(hint === null ? '' : 'h')
  const query = encoded([...sent.filter(([name, value]) => !FLOW_PARAMETERS.has(name) && value.length <= MAX_SHOWN), ['next', back]])
  const page = await startPlan(ctx, browser.visit, planned.plan, { query: new URLSearchParams(query) })
  return redirectAnswer(inLanguage(page, request), ctx.request?.method ?? 'GET')
}
