import type { Ctx } from '../../../context.ts'
import { hashToken } from '../../../crypto/secrets.ts'
import type { PlannedWrite } from '../../../db/planned-write.ts'
import { statement } from '../../../db/statement.ts'
import { ASYMMETRIC } from '../keys/algorithms.ts'
import { json, type Answer } from '../answer.ts'
import { deliveryOf, readAuthorizationRequest } from './request.ts'
import { namedClient, readCredentials, requireProof, type Headers } from '../client/authentication.ts'
import { responseFault } from '../client/encryption.ts'
import { corsHeaders } from '../cors.ts'
import { readProof } from '../token/dpop.ts'
import { invalidClient, invalidRequest, OAuthError } from '../errors.ts'
import { signable } from '../fapi.ts'
import { keepRequest, PREFIX } from './kept-request.ts'
import { readParameters, requireSound, type Parameters } from '../parameters.ts'
import { readRequestObject } from './request-object.ts'

/** Long enough for somebody to sign in meanwhile, and less than ten minutes (FAPI 2.0 Security Profile §5.3.2.2): s. */
const LIFE = 540

export const isPushed = (requestUri: string | undefined): requestUri is string => requestUri?.startsWith(PREFIX) ?? false

/**
 * Pushed authorization request, RFC 9126 §2: the client proves itself and sends ahead what the browser would have carried, as it is or in a request
 * object (§3). It is judged at once as far as it can be, so that mistakes are told here.
 */
export async function pushRequest(ctx: Ctx, headers: Headers, form: Parameters): Promise<Answer> {
  requireSound(form)
  const credentials = readCredentials(headers, form)
  const client = await namedClient(ctx, credentials)
  await requireProof(ctx, client, credentials)
  if (!client.application) throw invalidClient(credentials.basic)
  if (form.get('request_uri') !== undefined) throw invalidRequest('A pushed request cannot name another one') // §2.1
  const object = form.get('request')
  if (object === undefined && client.metadata.require_signed_request_object) throw invalidRequest('This client must sign its requests')
  const parameters = object === undefined ? form : await readRequestObject(ctx, client, object)
  const redirectUri = parameters.get('redirect_uri')
  if (redirectUri === undefined || !client.mayRedirectTo(redirectUri)) throw invalidRequest('The redirect_uri is not one of this client')
  const delivery = deliveryOf(ctx, client, parameters, redirectUri)
  const { dpop_jkt: named } = readAuthorizationRequest(client, parameters, delivery)
  const untold = await responseFault(ctx, client, delivery)
  if (untold) throw untold
  const proof = await readProof(ctx, headers, {
    nonce: client.metadata.dpop_nonce_required,
    algorithms: signable(client, ASYMMETRIC),
  })
  if (proof && named !== null && proof.key !== named)
    throw new OAuthError('invalid_dpop_proof', 'The DPoP proof is by another key than dpop_jkt names') // RFC 9449 §10.1
  const uri = await keepRequest(ctx, client, parameters, {
    life: LIFE,
    proven: !client.public,
    more: proof ? { dpop_jkt: proof.key } : {},
    spend: proof?.spend,
  })
  return json(201, { request_uri: uri, expires_in: LIFE }, corsHeaders(headers, client.origins)) // §2.2
}

/** What this client pushed under a URI; undefined when it is somebody else's, granted or over. */
export async function pushedParameters(ctx: Ctx, provider: number, requestUri: string): Promise<Parameters | undefined> {
  const found = await ctx.db
    .selectFrom('oauth2_pushed_request')
    .select('parameters')
    .where('uri_hash', '=', hashToken(requestUri))
    .where('provider', '=', provider)
    .where('expires', '>', ctx.now())
    .executeTakeFirst()
  return found && readParameters(found.parameters)
}

const unspentPushed = statement((db, hash: string, now: Date) =>
  db.deleteFrom('oauth2_pushed_request').where('uri_hash', '=', hash).where('expires', '>', now).returning('uri_hash'),
)

/** Spends a pushed request: returns a row to the one grant that came first (RFC 9126 §4). */
export const spendPushed = (hash: string, now: Date): PlannedWrite => unspentPushed.planned(hash, now)
