import type { Ctx } from '../../context.ts'
import { secretsEqual } from '../../lib/constant-time.ts'
import { clientById, type Client } from './client.ts'
import { invalidClient, invalidRequest } from './errors.ts'
import type { Parameters } from './parameters.ts'

export type Headers = Readonly<Record<string, string | string[] | undefined>>

/** Who a request says it comes from. */
export type Credentials = { clientId: string; secret: string | undefined; basic: boolean }

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
    if (posted === undefined) throw invalidClient(false)
    return { clientId: posted, secret: form.get('client_secret'), basic }
  }
  if (form.get('client_secret') !== undefined) throw invalidRequest('The client uses more than one way to authenticate')
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
  client.secret !== '' && secret !== undefined && secretsEqual(secret, client.secret)

/** The client that credentials name. @throws invalid_client */
export async function namedClient(ctx: Ctx, credentials: Credentials): Promise<Client> {
  const client = credentials.clientId.length <= 255 ? await clientById(ctx, credentials.clientId) : undefined
  if (!client) throw invalidClient(credentials.basic)
  return client
}

/** Demands the secret of a confidential client; a public one has none to show (RFC 6749 §2.1). @throws invalid_client */
export function requireSecret(client: Client, credentials: Credentials): void {
  if (!client.public && !secretProves(client, credentials.secret)) throw invalidClient(credentials.basic)
}
