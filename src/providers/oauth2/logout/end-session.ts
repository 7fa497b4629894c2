import { transact, visitor, type Ctx } from '../../../context.ts'
import type { Row } from '../../../api/model.ts'
import { Application } from '../../../core/application/model.ts'
import { currentBrand } from '../../../core/brand/model.ts'
import type { Session } from '../../../core/session/session.ts'
import { textField } from '../../../flows/answer.ts'
import { flowByKey, type FlowDefinition } from '../../../flows/definition.ts'
import { asObject } from '../../../flows/objects.ts'
import { inMemoryStage, Plan } from '../../../flows/plan.ts'
import { planFlow } from '../../../flows/planner.ts'
import { explainNoPlan } from '../../../flows/refusal.ts'
import { withUser } from '../../../flows/present.ts'
import { sessionEnd } from '../../../flows/session-end.ts'
import { defineMemoryStage, finish, next, redirect, retry } from '../../../flows/stage.ts'
import { startPlan } from '../../../flows/start.ts'
import { secretsEqual } from '../../../lib/constant-time.ts'
import { languageOfTags } from '../../../interfaces/language.ts'
import { toBase64url } from '../../../lib/base64url.ts'
import { wakeRunners } from '../../../tasks/queue.ts'
import { redirectAnswer, type Answer } from '../answer.ts'
import { deniedPage, errorPage, notFoundPage, type Browser } from '../browser.ts'
import { clientById, clientOfApplication, type Client } from '../client/client.ts'
import { audienceOf, openedHint, readIdTokenHint } from './id-token-hint.ts'
import { frontChannelLogout } from './front-channel.ts'
import { endPart } from './notice.sql.ts'
import { wrongLogoutRedirect } from '../authorize/misconfigured.ts'
import type { Parameters } from '../parameters.ts'
import { globalClients } from '../discovery/root.ts'
import { advancePlan } from '../../../flows/advance.ts'
import { forbiddenScheme, withParameters } from '../client/redirect-uri.ts'
import { sidOf } from '../claims/sign-in-facts.ts'
import { subjectOf } from '../claims/subject.ts'

const CONFIRM = 'oauth2-confirm-logout'
const PART = 'oauth2-part-end'
const END = 'oauth2-session-end'
const TOKEN = 'goauthentik.io/providers/oauth2/logout'

/** Asks before it goes on: the request may come from any page that the browser has open (RP-Initiated Logout §6). */
export const confirmLogoutStage = defineMemoryStage({
  kind: CONFIRM,
  component: 'ak-stage-consent',
  answer: () => ({ token: textField() }),
  async challenge(run) {
    const { context } = run.plan
    context[TOKEN] ??= toBase64url(run.ctx.randomBytes(32))
    const application = context.application as Row | undefined
    return {
      component: 'ak-stage-consent',
      ...(await withUser(run)),
      header_text: application ? `Do you want to sign out of ${String(application.name)}?` : 'Do you want to sign out?',
      permissions: [],
      additional_permissions: [],
      token: context[TOKEN],
    }
  },
  respond({ plan }, { token }) {
    const expected = plan.context[TOKEN]
    return typeof expected === 'string' && secretsEqual(token as string, expected)
      ? next()
      : retry({ token: 'Invalid consent token, re-showing prompt' })
  },
})

/** The application's tokens of this session end with its sign-out, also where the session itself goes on. */
async function endTokens(ctx: Ctx, provider: number, session: string): Promise<void> {
  await ctx.db
    .updateTable('oauth2_access_token')
    .set({ revoked_at: ctx.now() })
    .where('provider', '=', provider)
    .where('session_hash', '=', session)
    .where('revoked_at', 'is', null)
    .execute()
}

/**
 * After a flow that keeps the session: what the application has of it ends all the same, and it hears of that as if the whole session had
 * ended (upstream's clients count on it).
 */
export const oauthPartEndStage = defineMemoryStage({
  kind: PART,
  async challenge(run) {
    const { ctx, plan, visit, stage } = run
    const provider = stage.provider as number
    const { session } = visit
    if (!session || ctx.caller.user === null) return next()
    for (const farewell of await frontChannelLogout(ctx, session, provider)) plan.insertStage(farewell)
    await transact(ctx, async ctx => {
      await endTokens(ctx, provider, session.session_hash)
      await endPart(ctx.db, { session: session.uuid, provider, gone: ctx.uuid(), now: ctx.now() })
    })
    wakeRunners(ctx)
    return next()
  },
})

type EndData = { redirect_to?: string }

/** The last stage: goes where the client was promised, or says that it is done. */
export const oauthSessionEndStage = defineMemoryStage({
  kind: END,
  async challenge(run) {
    const { redirect_to: to } = run.stage as unknown as EndData
    if (to !== undefined) return redirect(to, { last: true })
    if (run.ctx.caller.user !== null) return sessionEnd.challenge(run)
    const application = run.plan.context.application as Row | undefined
    return finish({
      component: 'ak-stage-session-end',
      ...(await withUser(run)),
      application_name: application?.name,
      brand_name: (await currentBrand(run.ctx)).title,
    })
  },
})

/**
 * The registered address with the state exactly as it came, RP-Initiated Logout §3; undefined: nobody is to be sent anywhere. Many clients send no
 * hint at all (OmniAuth, MeshCentral): what confirms the address then is the person, who is asked first. A hint that is none makes it doubtful.
 */
function returnAddress(client: Client, params: Parameters, hint: Row | undefined): string | undefined {
  const uri = params.get('post_logout_redirect_uri')
  const clientId = params.get('client_id')
  if (uri === undefined || (clientId !== undefined && clientId !== client.client_id)) return undefined
  if (hint === undefined && params.get('id_token_hint') !== undefined) return undefined
  if (!client.mayLogOutTo(uri)) return undefined
  const state = params.get('state')
  return state === undefined ? uri : withParameters(uri, { state }, 'query')
}

/** Whether the hint is about the very person, and where it says so the very session, that the browser is signed in with (§4). */
const isAbout = (ctx: Ctx, client: Client, hint: Row, user: Row, session: Session): boolean =>
  hint.sub === subjectOf(ctx, client, user) && (hint.sid === undefined || hint.sid === sidOf(session))

/**
 * Who sends somebody here. A client that registered itself was told of the endpoint of the application that it registered with; those that share the
 * issuer of the installation were told of one endpoint for all (`slug` null), and say who they are, or nobody is known. The hint that says it may
 * be encrypted for a key that this issuer shows; `hint`: as it was signed.
 */
async function leaving(ctx: Ctx, slug: string | null, params: Parameters): Promise<{ client?: Client; hint?: string }> {
  const [sent, clientId] = [params.get('id_token_hint'), params.get('client_id')]
  const home = slug === null ? undefined : await clientOfApplication(ctx, slug)
  const named = clientId === undefined ? undefined : await clientById(ctx, clientId)
  const known = [named, home].filter(client => client !== undefined)
  let hint = sent === undefined ? undefined : await openedHint(sent, known)
  if (sent !== undefined && hint === undefined && slug === null) hint = await openedHint(sent, await globalClients(ctx))
  const meant = clientId ?? audienceOf(hint)
  const client = named ?? (meant === undefined ? undefined : await clientById(ctx, meant))
  const other = client?.application ? client : undefined
  if (slug === null) return { client: other?.issuerMode === 'global' ? other : undefined, hint }
  return { client: other?.issuerSlug === slug ? other : home, hint }
}

/** The flow that ends the sign-in: the client's, or the brand's where nobody knows for which client. */
async function endingFlow(ctx: Ctx, client: Client | undefined): Promise<FlowDefinition | undefined> {
  const key = client ? client.flows.invalidation : (await currentBrand(ctx)).flows.flow_invalidation?.pk
  return key === undefined ? undefined : flowByKey(ctx, key)
}

/**
 * RP-initiated logout, OIDC RP-Initiated Logout 1.0 §2. The browser goes back to the client only at an address that is registered
 * for that, with an ID token that we issued to it or after the person agreed. Without such a token about whoever is signed in, or with an address
 * that is not registered, the person is asked first: another site cannot sign anybody out.
 * @param slug of the application; null at the endpoint of the issuer that clients share
 */
export async function endSession(ctx: Ctx, slug: string | null, params: Parameters, browser: Browser): Promise<Answer> {
  const { client, hint: signed } = await leaving(ctx, slug, params)
  if (slug !== null && !client?.application) return notFoundPage(browser)
  const uri = params.get('post_logout_redirect_uri')
  if (params.fault) return errorPage(ctx, browser, 'Request Error', `${params.fault.why}.`)
  if (uri !== undefined && forbiddenScheme(uri))
    return errorPage(ctx, browser, 'Request Error', 'Forbidden URI scheme in post_logout_redirect_uri')
  const hint = client && signed !== undefined ? await readIdTokenHint(ctx, client, signed) : undefined
  const to = client && returnAddress(client, params, hint)
  if (client && hint !== undefined && uri !== undefined && !client.mayLogOutTo(uri)) await wrongLogoutRedirect(ctx, client, uri)
  const method = ctx.request?.method ?? 'GET'
  const definition = await endingFlow(ctx, client)
  if (!definition) return notFoundPage(browser)
  const { user } = ctx.caller
  const session = ctx.caller.session as unknown as Session | null
  const context = client?.application ? { application: asObject(Application, client.application) } : {}
  const language = languageOfTags(params.get('ui_locales'))
  const options = language && { query: new URLSearchParams({ locale: language }) }
  const end = inMemoryStage(END, to === undefined ? {} : { redirect_to: to })
  if (!user || !session) {
    // Nobody is asked here, so a hint alone can say that the address is meant.
    if (to !== undefined && hint !== undefined) return redirectAnswer(to, method)
    const done = new Plan(definition.flow, [inMemoryStage(END, {})], context)
    return redirectAnswer(await startPlan({ ...ctx, caller: visitor }, browser.visit, done, options), method)
  }
  const planned = await planFlow(ctx, definition, context, { allowEmpty: true })
  if (!planned.ok)
    return deniedPage(ctx, browser, planned.messages, { explanationId: explainNoPlan(ctx, definition.flow, planned, 'end-session') })
  const { plan } = planned
  if (client) plan.appendStage(inMemoryStage(PART, { provider: client.id }))
  plan.appendStage(end)
  // An address that is not the client's makes the whole request doubtful.
  const sure = client && hint !== undefined && (uri === undefined || to !== undefined) && isAbout(ctx, client, hint, user, session)
  if (!sure) plan.insertStage(inMemoryStage(CONFIRM), 0)
  // The last stage shows itself on the flow's page unless it sends the browser away.
  if (!sure || to === undefined) return redirectAnswer(await startPlan(ctx, browser.visit, plan, options), method)
  const advanced = await advancePlan(ctx, browser.visit, plan)
  if (advanced.end === 'redirect') return redirectAnswer(advanced.to, method)
  if (advanced.end === 'asks') return redirectAnswer(advanced.page, method)
  return advanced.end === 'denied'
    ? deniedPage(ctx, browser, advanced.messages, { explanationId: advanced.explanationId })
    : errorPage(ctx, browser, 'Flow Error', 'The invalidation flow could not be run.')
}
