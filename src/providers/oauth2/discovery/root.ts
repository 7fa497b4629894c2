import type { Row } from '../../../api/model.ts'
import type { Ctx } from '../../../context.ts'
import { cached } from '../../../core/cache.ts'
import { baseUrl, sharedEndpoints } from '../addresses.ts'
import { ANY_ORIGIN, type Answer } from '../answer.ts'
import { CLIENT_TABLES, clientOfProvider, type Client } from '../client/client.ts'
import { underOwnNames } from '../client/parts.ts'
import { metadata } from './discovery.ts'
import { document } from './document.ts'

/** The clients that share the issuer of the whole installation. */
export async function globalClients(ctx: Ctx): Promise<Client[]> {
  const rows = await ctx.db
    .selectFrom('provider_oauth2')
    .innerJoin('application', 'application.provider', 'provider_oauth2.id')
    .select('provider_oauth2.id')
    .where('provider_oauth2.issuer_mode', '=', 'global')
    .orderBy('provider_oauth2.id')
    .execute()
  const clients = await Promise.all(rows.map(row => clientOfProvider(ctx, row.id)))
  return clients.filter(client => client !== undefined)
}

/** What one of several clients finds is supported; an address that not all share belongs to one alone and is left out, or has another in its place. */
function merged(documents: readonly Row[]): Row {
  const out: Row = {}
  for (const name of new Set(documents.flatMap(document => Object.keys(document)))) {
    const values = documents.map(document => document[name]).filter(value => value !== undefined)
    if (values.every(Array.isArray)) out[name] = [...new Set(values.flat())]
    else if (values.every(value => value === values[0])) out[name] = values[0]
    else if (typeof values[0] === 'boolean') out[name] = name.startsWith('require_') ? false : values.includes(true)
  }
  return out
}

const rootDocument = cached(CLIENT_TABLES, async (ctx, _base): Promise<Uint8Array | null> => {
  const documents = []
  for (const client of await globalClients(ctx)) documents.push(await metadata(ctx, client))
  if (documents.length === 0) return null
  const { jwks, endSession, checkSession } = sharedEndpoints(ctx)
  const shared = { jwks_uri: jwks, end_session_endpoint: endSession, check_session_iframe: checkSession }
  return Buffer.from(JSON.stringify({ ...merged(documents), ...shared }, undefined, 2))
})

const rootKeys = cached(CLIENT_TABLES, async (ctx): Promise<Uint8Array | null> => {
  const clients = await globalClients(ctx)
  if (clients.length === 0) return null
  const keys = clients.flatMap(client => (JSON.parse(new TextDecoder().decode(client.jwks)) as { keys: Row[] }).keys)
  const distinct = new Map<string, Row>()
  for (const key of keys) {
    // One client may sign with what another encrypts with.
    const name = `${String(key.use)} ${String(key.kid)}`
    const { alg, ...rest } = distinct.get(name) ?? key
    distinct.set(name, alg === key.alg ? key : rest)
  }
  return Buffer.from(JSON.stringify({ keys: underOwnNames([...distinct.values()]) }))
})

/**
 * The discovery document of the issuer that all clients of the mode `global` share (OIDC Discovery §4, RFC 8414 §3): what any of them may find.
 * undefined (404) when there is none.
 */
export async function rootDiscovery(ctx: Ctx): Promise<Answer | undefined> {
  const body = await rootDocument(ctx, baseUrl(ctx))
  return body === null ? undefined : document(ctx, body, ANY_ORIGIN)
}

/** The keys of all these clients; each once, without an algorithm where several use it in different ways. */
export async function rootJwks(ctx: Ctx): Promise<Answer | undefined> {
  const body = await rootKeys(ctx)
  return body === null ? undefined : document(ctx, body, ANY_ORIGIN)
}
