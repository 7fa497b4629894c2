import { timeOrderedUuid } from '../../../lib/random.ts'
import { eventModel } from '../../../api/objects.ts'
import type { Row } from '../../../api/model.ts'
import type { Ctx } from '../../../context.ts'
import { explainAccess, mayOpen } from '../../../core/application/access.ts'
import { Application } from '../../../core/application/model.ts'
import type { Session } from '../../../core/session/session.ts'
import { hashToken } from '../../../crypto/secrets.ts'
import { commitTogether, required } from '../../../db/planned-write.ts'
import { insertion } from '../../../db/statement.ts'
import { eventWrite } from '../../../events/record.ts'
import { defineMemoryStage, denied, finish, redirect, type Outcome, type Run } from '../../../flows/stage.ts'
import type { AuthorizationRequest, Delivery } from './request.ts'
import { errorParameters, responseLocation, responseParameters } from './response.ts'
import { responseFault } from '../client/encryption.ts'
import { clientById, type Client } from '../client/client.ts'
import { consentBehind } from '../consent/consent.ts'
import { contextOf } from '../claims/context-class.ts'
import { authorizationError, OAuthError } from '../errors.ts'
import { newSecret } from '../token/handle.ts'
import { takesPart } from '../logout/backchannel.ts'
import { spendPushed } from './pushed-request.ts'
import { frontChannel } from './implicit.ts'
import { sessionState, showBrowserState } from '../logout/session-state.ts'
import { signInFacts } from '../claims/sign-in-facts.ts'

const grantType = ({ response_type: types }: AuthorizationRequest): string =>
  types.includes('code') ? (types.length > 1 ? 'hybrid' : 'authorization_code') : 'implicit'

/** What policies see of an authorization request. */
export const policyFacts = (request: AuthorizationRequest): Row => ({
  oauth_scopes: [...request.scopes], // theirs to write into: what was asked for stays
  oauth_grant_type: grantType(request),
  oauth_code_challenge: request.challenge?.value ?? '',
  oauth_code_challenge_method: request.challenge?.method ?? '',
  oauth_max_age: request.max_age,
  oauth_redirect_uri: request.delivery.redirect_uri,
  oauth_response_type: request.response_type.join(' '),
})

const insertCode = insertion('oauth2_code', [
  'code_hash',
  'provider',
  'user',
  'session_hash',
  'family',
  'scope',
  'nonce',
  'redirect_uri',
  'jkt',
  'code_challenge',
  'code_challenge_method',
  'sid',
  'auth_time',
  'amr',
  'acr',
  'requested_claims',
  'consented',
  'consent_until',
  'expires',
  'used_at',
])

/** RFC 9126 §4 */
const spentBefore = () => authorizationError('invalid_request_uri', 'The request was granted before, or is too old')

/** A request that may be granted: who it is by, who has signed in for it, and to which application. */
export type Standing = { client: Client; application: Row; user: Row; session: Session; request: AuthorizationRequest }

/**
 * Grants a request: makes the code, and tokens where it asks for them, and answers the parameters of the response (RFC 6749 §4.1.2). All questions of who and whether are
 * settled by then. `asked`: the person said yes to this very request.
 */
export async function grantCode(ctx: Ctx, standing: Standing): Promise<Record<string, string>> {
  const { client, request, application, user, session } = standing
  const family = timeOrderedUuid(ctx.now(), ctx.randomBytes)
  const code = request.response_type.includes('code') ? newSecret(family, ctx.randomBytes) : undefined
  const facts = { ...signInFacts(session), acr: metContext(request, session) }
  const tokens = await frontChannel(ctx, standing, { family, facts })
  const parameters = await tokens?.parameters(code)
  const consent = await consentBehind(ctx, application, user, request.scopes)
  const granted =
    code !== undefined &&
    insertCode.planned({
      code_hash: hashToken(code),
      provider: client.id,
      user: user.id as number,
      session_hash: session.session_hash,
      family,
      scope: JSON.stringify(request.scopes),
      nonce: request.nonce,
      redirect_uri: request.delivery.redirect_uri,
      jkt: request.dpop_jkt,
      code_challenge: request.challenge?.value ?? null,
      code_challenge_method: request.challenge?.method ?? null,
      sid: facts.sid,
      auth_time: facts.auth_time,
      amr: JSON.stringify(facts.amr),
      acr: facts.acr,
      requested_claims: request.claims && JSON.stringify(request.claims),
      ...consent,
      expires: new Date(ctx.now().getTime() + client.lifetimes.code),
      used_at: null,
    })
  await commitTogether(ctx, [
    ...(request.pushed === null ? [] : [required(spendPushed(request.pushed, ctx.now()), spentBefore)]),
    ...(tokens?.writes ?? []),
    ...takesPart(ctx, client, user, session),
    ...(granted ? [granted] : []),
    await eventWrite(
      ctx,
      'authorize_application',
      {
        authorized_application: eventModel(Application, application),
        flow: client.flows.authorization.replaceAll('-', ''),
        scopes: request.scopes.join(', '),
      },
      { user },
    ),
  ])
  const state = sessionState(ctx, client, request, user, session)
  return responseParameters(ctx, client, request.delivery, {
    ...(code !== undefined && { code }),
    ...parameters,
    ...(state !== undefined && { session_state: state }),
  })
}

/** The context class that is wanted and met; null: none is, and none has to be. @throws unmet_authentication_requirements */
function metContext({ context }: AuthorizationRequest, session: Session): string | null {
  const met = context && contextOf(session, context)
  if (context?.essential && met === undefined) throw authorizationError('unmet_authentication_requirements') // OIDC Core §5.5.1.1
  return met ?? null
}

/** Name of the stage that ends an authorization flow. */
export const FULFIL = 'oauth2-fulfil'

/** What the stage keeps: the request, and who it was checked for. */
export type FulfilData = { request: AuthorizationRequest; user: number }

/** Takes a response to the client, by the browser that the flow's page is open in. */
function handOver(client: Client, delivery: Delivery, parameters: Record<string, string>): Outcome {
  if (delivery.response_mode !== 'form_post') return redirect(responseLocation(delivery, parameters), { last: true })
  return finish({
    component: 'ak-stage-autosubmit',
    title: `Redirecting to ${String(client.application?.name)}...`,
    url: delivery.redirect_uri,
    attrs: parameters,
  })
}

/** Who the request is by and about, as long as that is still true. */
async function standing({ ctx, stage }: Run): Promise<Standing | Outcome> {
  const { request, user: expected } = stage as unknown as FulfilData
  const { user, session } = ctx.caller
  const client = await clientById(ctx, request.client_id)
  if (!user || !session || user.id !== expected || !client?.application) return denied('This sign-in belongs to another session.')
  if (!client.mayRedirectTo(request.delivery.redirect_uri)) return denied('The application has changed. Please begin anew.')
  const untold = await responseFault(ctx, client, request.delivery)
  if (untold) return denied(`${untold.message}.`)
  return { client, application: client.application, user, session: session as unknown as Session, request }
}

/**
 * The last stage of an authorization flow. Time has passed since the request was checked: the browser may belong to somebody else by
 * now, and access may have been withdrawn.
 */
export const fulfilStage = defineMemoryStage({
  kind: FULFIL,
  async challenge(run) {
    const { ctx, visit } = run
    const found = await standing(run)
    if ('kind' in found) return found
    const { client, application, user, session, request } = found
    const decision = await mayOpen(ctx, application, user, { context: policyFacts(request), unbound: client.mayBeUnbound })
    if (!decision.passing) {
      const explanation = explainAccess(ctx, application, user, decision, 'authorize')
      return denied(decision.messages.join('\n') || 'Request has been denied.', explanation)
    }
    const parameters = await grantCode(ctx, found).catch((error: unknown) => {
      if (error instanceof OAuthError) return errorParameters(ctx, client, request.delivery, error)
      throw error
    })
    showBrowserState(ctx, visit, session, user)
    return handOver(client, request.delivery, parameters)
  },
  /** RFC 6749 §4.1.2.1: the client hears it. A request that was sent ahead is over with it. */
  async decline(run) {
    const found = await standing(run)
    if ('kind' in found) return found
    const { ctx } = run
    const { client, request } = found
    if (request.pushed !== null) await commitTogether(ctx, [spendPushed(request.pushed, ctx.now())])
    return handOver(client, request.delivery, await errorParameters(ctx, client, request.delivery, authorizationError('access_denied')))
  },
})
