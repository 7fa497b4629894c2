import { eventModel } from '../../../../api/objects.ts'
import type { Row } from '../../../../api/model.ts'
import type { Ctx } from '../../../../context.ts'
import { Application } from '../../../../core/application/model.ts'
import { required } from '../../../../db/planned-write.ts'
import { eventWrite } from '../../../../events/record.ts'
import { livingRow, type LivingToken } from '../../resource/access-token.ts'
import { clientById, type Client } from '../../client/client.ts'
import { invalidRequest, invalidScope, OAuthError, unauthorizedClient } from '../../errors.ts'
import { findAccessToken, holdAccessToken } from '../grants.sql.ts'
import type { Authorization } from '../issue.ts'
import { parseScope, type Parameters } from '../../parameters.ts'
import type { Grant, TokenRequest } from '../token.ts'

export const EXCHANGE_GRANT = 'urn:ietf:params:oauth:grant-type:token-exchange'

const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token'
/** Ours are both, RFC 8693 §3. */
const TYPES: readonly string[] = [ACCESS_TOKEN, 'urn:ietf:params:oauth:token-type:jwt']

const invalidTarget = (): OAuthError => new OAuthError('invalid_target', 'The client may not get tokens for this target') // §2.2.2

/** An access token that is good right now; of whichever client, that is for the caller to judge. */
async function tokenOf(ctx: Ctx, form: Parameters, name: 'subject_token' | 'actor_token'): Promise<LivingToken> {
  const type = form.get(`${name}_type`)
  const sent = form.get(name)
  if (sent === undefined || type === undefined || !TYPES.includes(type))
    throw invalidRequest(`There must be a ${name} that is an access token`)
  const row = await findAccessToken(ctx.db, sent, ctx.now())
  const living = row && (await livingRow(ctx, row))
  if (!living) throw invalidRequest(`The ${name} is not valid`) // §2.2.2
  return living
}

/** Whom the new token is for: the client itself, or one that it was explicitly allowed. */
async function targetOf(ctx: Ctx, form: Parameters, client: Client): Promise<Client> {
  if (form.get('resource') !== undefined) throw invalidTarget() // addresses of services are not known here
  const audience = form.get('audience')
  if (audience === undefined || audience === client.client_id) return client
  const target = audience.length <= 255 ? await clientById(ctx, audience) : undefined
  if (!target?.application || !client.exchange.audiences.has(target.id)) throw invalidTarget()
  return target
}

/** Never more than the subject token may and the target offers. */
function scopesOf(form: Parameters, { token }: LivingToken, target: Client): string[] {
  const most = token.scope.filter(name => target.scopes.includes(name) && name !== 'offline_access')
  const requested = parseScope(form.get('scope'))
  if (!requested || !requested.every(name => most.includes(name))) throw invalidScope()
  return requested.length === 0 ? most : requested
}

type Actor = { claims: Row; living: LivingToken | undefined }

/** Who acts, §4.1: whoever the actor token stands for, else the client itself. */
async function actorOf(ctx: Ctx, form: Parameters, client: Client): Promise<Actor> {
  if (form.get('actor_token') === undefined) {
    if (form.get('actor_token_type') !== undefined) throw invalidRequest('There is no actor_token') // §2.1
    return { claims: { sub: client.client_id, client_id: client.client_id }, living: undefined }
  }
  const living = await tokenOf(ctx, form, 'actor_token')
  if (living.client.id !== client.id) throw invalidRequest('The actor_token is not one of this client')
  const { iss, sub } = living.token.claims
  return { claims: { iss, sub, client_id: client.client_id }, living }
}

/**
 * Whether the actor may act for the subject: named by the subject token where that names anybody (`may_act`, §4.4). Otherwise the client alone
 * may, and machines that it signed in: a person is never let act for another by it.
 */
function mayAct(actor: Actor, { token, user }: LivingToken): boolean {
  const named = token.claims.may_act
  if (named !== undefined) {
    if (typeof named !== 'object' || named === null) return false
    const facts = Object.entries(named)
    return facts.length > 0 && facts.every(([name, value]) => actor.claims[name] === value)
  }
  const { living } = actor
  return living === undefined || living.user.id === user.id || living.user.type === 'service_account'
}

async function authorize(ctx: Ctx, { form }: TokenRequest, client: Client): Promise<Authorization> {
  if (client.public) throw unauthorizedClient() // whoever holds a token could say that it is this client
  const wanted = form.get('requested_token_type')
  if (wanted !== undefined && !TYPES.includes(wanted)) throw invalidRequest('Access tokens alone are given out')
  const subject = await tokenOf(ctx, form, 'subject_token')
  // Explicitly allowed, whatever the token says of who may act.
  if (subject.client.id !== client.id && !client.exchange.subjects.has(subject.client.id))
    throw invalidRequest('The subject_token is not valid')
  const target = await targetOf(ctx, form, client)
  const scopes = scopesOf(form, subject, target)
  const actor = await actorOf(ctx, form, client)
  if (!mayAct(actor, subject)) throw invalidRequest('The actor may not act for the subject')
  const { token, user } = subject
  const { claims } = token
  const before = claims.act as Row | undefined
  return {
    user,
    scopes,
    asking: {
      oauth_scopes: [...scopes],
      oauth_grant_type: EXCHANGE_GRANT,
      oauth_audience: target.client_id,
      oauth_actor: { ...actor.claims },
    },
    facts: {
      sid: (claims.sid as string | undefined) ?? null,
      auth_time: typeof claims.auth_time === 'number' ? new Date(claims.auth_time * 1000) : null,
      amr: (claims.amr as string[] | undefined) ?? [],
    },
    nonce: null,
    session_hash: token.session_hash,
    family: token.family,
    idToken: false,
    refresh: undefined,
    target,
    notAfter: token.expires,
    claims: { act: { ...actor.claims, ...(before !== undefined && { act: before }) }, azp: client.client_id },
    answer: { issued_token_type: wanted ?? ACCESS_TOKEN },
    claim: required(holdAccessToken(token, ctx.now()), () => invalidRequest('The subject_token is not valid')),
    settle: ctx =>
      eventWrite(
        ctx,
        'authorize_application',
        {
          authorized_application: eventModel(Application, target.application!),
          flow: '',
          scopes: scopes.join(', '),
          exchanged_by: { pk: client.id, name: client.name },
        },
        { user },
      ),
  }
}

/** Token exchange, RFC 8693: an access token for an access token, for another audience and never for more. */
export const tokenExchange: Grant = { type: EXCHANGE_GRANT, provesItself: false, authorize }
