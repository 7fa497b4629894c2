import type { Row } from '../../../api/model.ts'
import type { Ctx } from '../../../context.ts'
import { explainAccess, mayOpen, type Access } from '../../../core/application/access.ts'
import type { Session } from '../../../core/session/session.ts'
import { commitTogether } from '../../../db/planned-write.ts'
import { storePlan } from '../../../flows/visit.ts'
import { isHere } from '../addresses.ts'
import type { Answer } from '../answer.ts'
import { deliveryOf, readAuthorizationRequest, type AuthorizationRequest } from './request.ts'
import { deliver, errorParameters } from './response.ts'
import { runAuthorizationFlow } from './flow.ts'
import { deniedPage, errorPage, notFoundPage, type Browser } from '../browser.ts'
import { responseFault } from '../client/encryption.ts'
import { clientById, type Client } from '../client/client.ts'
import { contextOf } from '../claims/context-class.ts'
import { authorizationError, OAuthError } from '../errors.ts'
import { policyFacts } from './fulfil.ts'
import { byGithubAddress, withGithubScopes } from '../github/scopes.ts'
import { readIdTokenHint } from '../logout/id-token-hint.ts'
import { unknownClient, wrongRedirect } from './misconfigured.ts'
import type { Parameters } from '../parameters.ts'
import { PROMPTED, promptedBefore, type Prompted } from './prompted.ts'
import { spendPushed } from './pushed-request.ts'
import { wantedSubjects } from '../claims/requested.ts'
import { requireSent, sentRequest, type Sent } from './sent-request.ts'
import { carriedRequest, signInFirst } from './sign-in.ts'
import { couldStepUp } from './step-up.ts'
import { subjectOf } from '../claims/subject.ts'

/** What was sent ahead was granted or refused before, or is too old (RFC 9126 §4). */
const RUN_OUT = 'It was used already, or took too long. Open the application again to begin anew.'

/**
 * Authorization endpoint, RFC 6749 §3.1 and OIDC Core §3.1.2, for GET and POST alike. Until client and redirect URI are known to be
 * right, errors are shown to the person and nobody is sent anywhere; after that, they go to the client.
 */
export async function authorize(ctx: Ctx, params: Parameters, browser: Browser): Promise<Answer> {
  if (params.fault?.name === '') return errorPage(ctx, browser, 'Request Error', `${params.fault.why}.`)
  if (params.empty) return notFoundPage(browser)
  const clientId = params.get('client_id')
  const client = clientId === undefined ? undefined : await clientById(ctx, clientId)
  if (!client) return unknownClient(ctx, browser, clientId) // RFC 6749 §4.1.2.1
  const sent = await sentRequest(ctx, client, params) // RFC 9101 §5, RFC 9126 §4
  if (!sent) return errorPage(ctx, browser, 'This sign-in has run out', RUN_OUT)
  const redirectUri = sent.parameters.get('redirect_uri')
  if (redirectUri === undefined || !client.mayRedirectTo(redirectUri) || (client.registered && isHere(ctx, redirectUri))) {
    // An object that is not read may have named an address; nobody is sent there on its word.
    if (sent.fault && redirectUri === undefined) return errorPage(ctx, browser, 'Request Error', `${sent.fault.message}.`)
    return wrongRedirect(ctx, browser, client, redirectUri)
  }
  const delivery = deliveryOf(ctx, client, sent.parameters, redirectUri)
  const untold = await responseFault(ctx, client, delivery)
  if (untold) return errorPage(ctx, browser, 'Request Error', `${untold.message}.`)
  try {
    if (sent.fault) throw sent.fault
    requireSent(client, sent)
    const seen = byGithubAddress(ctx) ? withGithubScopes(client, sent.parameters) : client
    const request = { ...readAuthorizationRequest(seen, sent.parameters, delivery), pushed: sent.pushed }
    return await decide(ctx, seen, request, sent, params, browser)
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error
    return deliver(delivery, await errorParameters(ctx, client, delivery, error), ctx.request?.method ?? 'GET', browser.page)
  }
}

/** Who is there, whether they may, and whether they have to sign in (again), OIDC Core §3.1.2.3. */
async function decide(
  ctx: Ctx,
  client: Client,
  request: AuthorizationRequest,
  sent: Sent,
  params: Parameters,
  browser: Browser,
): Promise<Answer> {
  const { user } = ctx.caller
  const session = ctx.caller.session as unknown as Session | null
  const silent = request.prompt.includes('none')
  const prompted = promptedBefore(ctx, request, params.get(PROMPTED))
  if (prompted?.gaveUp) return giveUp(ctx, request, browser)
  if (!client.application) return refuse(ctx, browser, silent)
  const askToSignIn = async (hint = request.login_hint): Promise<Answer> => {
    if (silent) throw authorizationError('login_required') // §3.1.2.6
    const carried = await carriedRequest(ctx, client, sent, params)
    if (prompted?.hinted) return signInFirst(ctx, client, request, carried, browser, null) // "that is not me"
    if (prompted) throw authorizationError('access_denied', 'The sign-in was not completed')
    return signInFirst(ctx, client, request, carried, browser, hint)
  }
  if (!user || !session) return askToSignIn()
  const decision = await mayOpen(ctx, client.application, user, { context: policyFacts(request), unbound: client.mayBeUnbound })
  if (!decision.passing) return refuse(ctx, browser, silent, { application: client.application, user, access: decision })
  if (!isFresh(ctx, request, session, prompted)) return askToSignIn()
  if (!(await isWanted(ctx, client, request, user))) {
    if (prompted) throw authorizationError('login_required')
    return askToSignIn()
  }
  if (request.context && contextOf(session, request.context) === undefined) {
    const helps = !prompted && (await couldStepUp(ctx, request.context, user))
    if (helps && !silent) return askToSignIn(request.login_hint ?? String(user.username))
    if (request.context.essential) throw authorizationError(helps ? 'login_required' : 'unmet_authentication_requirements')
  }
  return runAuthorizationFlow(ctx, { client, request: given(ctx, request), application: client.application, user, session }, browser)
}

/** Leave to go on without the person is the person's own to give (OIDC Core §11), not that of who looks through their eyes for a while. */
const given = (ctx: Ctx, request: AuthorizationRequest): AuthorizationRequest =>
  ctx.caller.impersonator === null ? request : { ...request, scopes: request.scopes.filter(name => name !== 'offline_access') }

/** The person would rather not sign in: the way there is forgotten, and a request that was sent ahead is over (RFC 6749 §4.1.2.1). */
async function giveUp(ctx: Ctx, request: AuthorizationRequest, { visit }: Browser): Promise<never> {
  await storePlan(ctx, visit, null)
  if (request.pushed !== null) await commitTogether(ctx, [spendPushed(request.pushed, ctx.now())])
  throw authorizationError('access_denied', 'The sign-in was not completed')
}

/** Whether the sign-in is as recent as the request demands, and a choice where it wants one; `prompted`: this request sent the person to sign in. */
function isFresh(ctx: Ctx, request: AuthorizationRequest, session: Session, prompted: Prompted | undefined): boolean {
  if (session.auth_time === null) return false
  const signedIn = session.auth_time.getTime()
  if (prompted && signedIn > prompted.at) return true
  if (request.prompt.includes('login') || request.prompt.includes('select_account')) return false
  return request.max_age === null || (request.max_age > 0 && ctx.now().getTime() - signedIn <= request.max_age * 1000)
}

/** Whether the request is about this person: by an ID token of theirs, or by their name (§3.1.2.1 `id_token_hint`, §5.5.1 `sub`). */
async function isWanted(ctx: Ctx, client: Client, request: AuthorizationRequest, user: Row): Promise<boolean> {
  const subject = subjectOf(ctx, client, user)
  const subjects = wantedSubjects(request.claims)
  if (subjects && !subjects.includes(subject)) return false
  if (request.id_token_hint === null) return true
  const hint = await readIdTokenHint(ctx, client, request.id_token_hint)
  if (!hint) throw authorizationError('invalid_request', 'The id_token_hint is not an ID token of this client')
  return hint.sub === subject
}

/** The person may not: a page of ours says so, with the way to find out why; a client that asked for silence hears it instead. */
function refuse(ctx: Ctx, browser: Browser, silent: boolean, refused?: { application: Row; user: Row; access: Access }): Promise<Answer> {
  const explanationId = refused && explainAccess(ctx, refused.application, refused.user, refused.access, 'authorize')
  if (silent) throw authorizationError('access_denied')
  const { user, superuser } = ctx.caller
  const mayKnow = superuser || (user?.attributes as Row | undefined)?.['goauthentik.io/user/debug'] === true
  const findings = refused?.access.findings ?? []
  const explanation = mayKnow
    ? findings.map(({ kind, name, passing }) => [`${kind} ${name ?? ''}`.trim(), passing ? 'passed' : 'denied'] as const)
    : undefined
  const messages = refused ? refused.access.messages : ['This provider belongs to no application yet.']
  const about = refused && { application: String(refused.application.name), user: String(refused.user.username) }
  return deniedPage(ctx, browser, messages, { about, explanation, explanationId })
}
