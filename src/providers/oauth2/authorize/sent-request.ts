import type { Ctx } from '../../../context.ts'
import { hashToken } from '../../../crypto/secrets.ts'
import { outgoingOf } from '../../../http/outgoing/client.ts'
import { OutgoingError } from '../../../http/outgoing/error.ts'
import type { Client } from '../client/client.ts'
import { authorizationError, OAuthError } from '../errors.ts'
import type { Parameters } from '../parameters.ts'
import { isPushed, pushedParameters } from './pushed-request.ts'
import { readRequestObject } from './request-object.ts'

/** Larger than any honest request object. */
const MAX_BYTES = 64 * 1024

/** Where the parameters of a request stood. */
export type Sent = {
  parameters: Parameters
  /** Hash of the URI that they were sent ahead under. */
  pushed: string | null
  /** In a request object; of a pushed request that was asked when it was pushed. */
  object: boolean
  /** Why the place that the request names could not be read: `parameters` are those of the request itself then. */
  fault?: OAuthError
}

/**
 * Whether the client keeps request objects at this address. A registered fragment is as it was registered, any may follow another address: it tells
 * caches which object they hold (OIDC Core §6.2), and says nothing here, where none is kept.
 */
const isRegistered = ({ metadata }: Client, uri: string): boolean =>
  metadata.request_uris.some(registered => registered === uri || (!registered.includes('#') && registered === uri.split('#')[0]))

/** The request object at an address of the client, OIDC Core §6.2.1: by the guarded way out, without redirects, and never kept. */
async function fetchObject(ctx: Ctx, client: Client, uri: string): Promise<string> {
  if (client.metadata.request_uris.length === 0) throw authorizationError('request_uri_not_supported')
  if (!isRegistered(client, uri)) throw authorizationError('invalid_request_uri', 'The request_uri is not one of this client')
  const [address = ''] = uri.split('#')
  let answer
  try {
    const headers = { accept: 'application/oauth-authz-req+jwt, application/jwt' }
    answer = await outgoingOf(ctx.config)(address, { maxBytes: MAX_BYTES, redirects: 0, headers })
  } catch (error) {
    if (!(error instanceof OutgoingError)) throw error
    ctx.log.info({ client_id: client.client_id, reason: error.message }, 'request_uri not read')
    throw authorizationError('invalid_request_uri')
  }
  if (answer.status !== 200) throw authorizationError('invalid_request_uri')
  return new TextDecoder().decode(answer.body).trim()
}

/** The parameters that a request names instead of bringing them along. @throws OAuthError */
async function named(ctx: Ctx, client: Client, params: Parameters): Promise<Parameters> {
  const [object, uri] = [params.get('request'), params.get('request_uri')]
  if (params.fault) throw authorizationError('invalid_request', params.fault.why)
  if (object !== undefined && uri !== undefined) throw authorizationError('invalid_request', 'Either request or request_uri') // RFC 9101 §5
  if (object !== undefined) return readRequestObject(ctx, client, object)
  return readRequestObject(ctx, client, await fetchObject(ctx, client, uri!), true)
}

/**
 * What was asked: the parameters themselves, or those of the request object that stands in their place (RFC 9101 §5), or what the client sent ahead
 * under the URI (RFC 9126 §4). Undefined: nothing was sent ahead under it, or it is over.
 */
export async function sentRequest(ctx: Ctx, client: Client, params: Parameters): Promise<Sent | undefined> {
  const uri = params.get('request_uri')
  if (isPushed(uri)) {
    const parameters = await pushedParameters(ctx, client.id, uri)
    return parameters && { parameters, pushed: hashToken(uri), object: true }
  }
  const plain: Sent = { parameters: params, pushed: null, object: false }
  if (params.get('request') === undefined && uri === undefined) return plain
  try {
    return { parameters: await named(ctx, client, params), pushed: null, object: true }
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error
    return { ...plain, fault: error }
  }
}

/** What the client must do with every request, RFC 9126 §5 and RFC 9101 §10.5. @throws OAuthError */
export function requireSent({ metadata }: Client, { pushed, object }: Sent): void {
  if (metadata.require_pushed_authorization_requests && pushed === null)
    throw authorizationError('invalid_request', 'This client must send its requests ahead')
  if (metadata.require_signed_request_object && !object) throw authorizationError('invalid_request', 'This client must sign its requests')
}
