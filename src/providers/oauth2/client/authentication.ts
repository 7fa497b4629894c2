import type { Ctx } from '../../../context.ts'
import { assertionProves, claimedClient, JWT_BEARER } from './assertion.ts'
import { byCertificate, certificateProves } from './certificate.ts'
import { clientById, type Client } from './client.ts'
import { invalidClient, invalidRequest } from '../errors.ts'
import type { Parameters } from '../parameters.ts'

export type Headers = Readonly<Record<string, string | string[] | undefined>>

/** Who a request says it comes from. */
export type Credentials = {
  clientId: string
  secret: string | undefined
  basic: boolean
  /** A signed assertion in a secret's place, RFC 7523 §2.2. */
  assertion?: string
}

const TWO_WAYS = 'The client uses more than one way to authenticate'

/** Each half is form-encoded before it is joined, RFC 6749 §2.3.1; what does not decode was not encoded. `+` stays a plus sign. */
function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/**
 * The credentials of a request, by HTTP Basic or in its body, RFC 6749 §2.3.1.
 * @throws invalid_client for a broken header or none at all, invalid_request when two methods are used (§2.3)
 */
export function readCredentials(headers: Headers, form: Parameters): Credentials {
  const header = headers.authorization
  const posted = form.get('client_id')
  const basic = typeof header === 'string' && /^basic /i.test(header)
  if (!basic) {
    const assertion = form.get('client_assertion_type') === JWT_BEARER ? form.get('client_assertion') : undefined
    const claimed = assertion === undefined ? undefined : claimedClient(assertion)
    const clientId = posted ?? claimed
    if (clientId === undefined) throw invalidClient(false)
    const secret = form.get('client_secret')
    if (claimed !== clientId) return { clientId, secret, basic } // somebody else's, which only a grant may make something of
    if (secret !== undefined) throw invalidRequest(TWO_WAYS)
    return { clientId, secret, basic, assertion }
  }
  if (form.get('client_assertion') !== undefined) throw invalidRequest(TWO_WAYS)
  if (form.get('client_secret') !== undefined) throw invalidRequest(TWO_WAYS)
  const encoded = header.slice(6).trim()
  if (encoded.length > 8_192 || !/^[A-Za-z0-9+/_-]*={0,2}$/.test(encoded)) throw invalidClient(true)
  const text = Buffer.from(encoded, 'base64').toString('utf8')
  const at = text.indexOf(':')
  if (at < 0 || text.includes('\0')) throw invalidClient(true)
  const clientId = percentDecoded(text.slice(0, at))
  if (posted !== undefined && posted !== clientId) throw invalidClient(true)
  return { clientId, secret: percentDecoded(text.slice(at + 1)), basic }
}

/** Whether the presented secret is the client's. Constant time; an empty secret proves nothing. */
export const secretProves = (client: Client, secret: string | undefined): boolean =>
  client.secret !== '' && secret !== undefined && client.isSecret(secret)

/** The client that credentials name. @throws invalid_client */
export async function namedClient(ctx: Ctx, credentials: Credentials): Promise<Client> {
  const client = credentials.clientId.length <= 255 ? await clientById(ctx, credentials.clientId) : undefined
  if (!client) throw invalidClient(credentials.basic)
  return client
}

/** Whether a request proves that it comes from the client, by the way that the client is registered for, RFC 6749 §2.3 and RFC 7591 §2. */
export function clientProven(ctx: Ctx, client: Client, { secret, basic, assertion }: Credentials): boolean | Promise<boolean> {
  const method = client.metadata.token_endpoint_auth_method
  if (byCertificate(client)) return secret === undefined && assertion === undefined && certificateProves(ctx, client)
  if (assertion !== undefined) return assertionProves(ctx, client, assertion, ctx.request?.path ?? '/')
  if (method === 'client_secret_basic' && !basic) return false
  if (method === 'client_secret_post' && basic) return false
  if (method === 'client_secret_jwt' || method === 'private_key_jwt') return false
  return secretProves(client, secret)
}

/** Demands proof of a confidential client; a public one has none to show (RFC 6749 §2.1). @throws invalid_client */
export async function requireProof(ctx: Ctx, client: Client, credentials: Credentials): Promise<void> {
  if (!client.public && !(await clientProven(ctx, client, credentials))) throw invalidClient(credentials.basic)
}
