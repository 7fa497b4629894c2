import type { Row } from '../../../api/model.ts'
import type { Ctx } from '../../../context.ts'
import { callerFor } from '../../../core/callers.ts'
import { hashToken } from '../../../crypto/secrets.ts'
import { outgoingOf } from '../../../http/outgoing/client.ts'
import { secretsEqual } from '../../../lib/constant-time.ts'
import { randomString } from '../../../lib/random.ts'
import { endpoints, isHere } from '../addresses.ts'
import { json, type Answer } from '../answer.ts'
import type { Headers } from '../client/authentication.ts'
import { REGISTRABLE, SESSION_REQUIRED } from '../client/metadata.ts'
import { clientById, clientOfApplication, type Client } from '../client/client.ts'
import { OAuthError } from '../errors.ts'
import type { RedirectUri } from '../client/redirect-uri.ts'
import { activeUser } from '../users.ts'
import { invalidMetadata, readAsked, responseTypesOf, type Asked } from './asked.ts'
import { bearerOf, countChange, invalidToken, requireRegistrar } from './registrar.ts'
import { registrationOf, removeClient, replaceClient, settingsOf, storeClient, type RegistrationRow } from './rows.ts'

const TOKEN_LENGTH = 60
const SECTOR_BYTES = 256 * 1024

const notHere = (): OAuthError => new OAuthError('not_found', 'Clients cannot register themselves here', { status: 404 })

/** The application that clients register themselves with, and how. @throws not_found */
async function hostAt(ctx: Ctx, slug: string): Promise<{ parent: Client; settings: Row }> {
  const parent = await clientOfApplication(ctx, slug)
  const settings = parent?.application && (await settingsOf(ctx, parent.id))
  if (!parent || !settings) throw notHere()
  return { parent, settings }
}

/** OIDC Registration §5: whoever names a sector must show that its redirect URIs belong to it. Before any transaction: it asks the network. */
async function checkSector(ctx: Ctx, sent: Row, { redirectUris }: Asked): Promise<void> {
  const address = sent.sector_identifier_uri
  if (typeof address !== 'string' || address === '') return
  if (!address.startsWith('https://')) throw invalidMetadata('sector_identifier_uri is not protected by TLS')
  let listed: unknown
  try {
    const { status, body } = await outgoingOf(ctx.config)(address, {
      maxBytes: SECTOR_BYTES,
      redirects: 0,
      headers: { accept: 'application/json' },
    })
    if (status !== 200) throw new Error(`it answered ${status}`)
    listed = JSON.parse(new TextDecoder().decode(body))
  } catch (error) {
    ctx.log.info({ reason: (error as Error).message }, 'a sector identifier cannot be read')
    throw invalidMetadata('sector_identifier_uri cannot be read')
  }
  if (!Array.isArray(listed) || !redirectUris.every(uri => listed.includes(uri)))
    throw invalidMetadata('sector_identifier_uri does not list the redirect_uris')
}

/** What a client is told of itself, RFC 7591 §3.2.1 and RFC 7592 §3. */
function told(ctx: Ctx, parent: Client, client: Client, registration: RegistrationRow, token: string): Row {
  const { metadata, provider } = client
  const grants = [...client.grantTypes].filter(grant => grant !== 'hybrid' || !client.grantTypes.has('authorization_code'))
  const uris = provider.redirect_uris as RedirectUri[]
  const urisOf = (type: string) => uris.filter(uri => uri.redirect_uri_type === type).map(uri => uri.url)
  const types = ['code', 'id_token', 'id_token token', 'code id_token', 'code token', 'code id_token token']
  const kept = REGISTRABLE.map(name => [name, (metadata as unknown as Row)[name]] as const).filter(
    ([, value]) => value !== null && value !== '' && value !== false && !['{}', '[]'].includes(JSON.stringify(value)),
  )
  const logout = provider.logout_uri === '' ? {} : { [`${String(provider.logout_method)}_logout_uri`]: provider.logout_uri }
  return {
    ...(registration.told as unknown as Row),
    ...Object.fromEntries(kept),
    ...Object.fromEntries(SESSION_REQUIRED.map(name => [name, metadata[name]])),
    client_id: client.client_id,
    ...(!client.public && { client_secret: client.secret, client_secret_expires_at: 0 }),
    client_id_issued_at: Math.floor(registration.issued.getTime() / 1000),
    registration_access_token: token,
    registration_client_uri: `${endpoints(ctx, parent).register}${encodeURIComponent(client.client_id)}/`,
    redirect_uris: urisOf('authorization'),
    ...(urisOf('logout').length > 0 && { post_logout_redirect_uris: urisOf('logout') }),
    grant_types: grants,
    response_types: responseTypesOf({ responseTypes: types } as Asked, [...client.grantTypes]),
    scope: client.scopes.join(' '),
    token_endpoint_auth_method: client.public ? 'none' : (metadata.token_endpoint_auth_method ?? 'client_secret_basic'),
    ...logout,
  }
}

/** Client registration endpoint, RFC 7591 §3. */
export async function register(ctx: Ctx, headers: Headers, slug: string, body: unknown): Promise<Answer> {
  const { parent, settings } = await hostAt(ctx, slug)
  const sent = (typeof body === 'object' && body !== null ? body : {}) as Row
  const caller = await requireRegistrar(ctx, headers, parent, settings, sent)
  const asked = readAsked(body, uri => isHere(ctx, uri))
  await checkSector(ctx, sent, asked)
  const token = randomString(TOKEN_LENGTH, undefined, ctx.randomBytes)
  const provider = await storeClient({ ...ctx, caller }, parent, settings, asked, sent, hashToken(token))
  const client = (await clientById(ctx, provider.client_id as string))!
  return json(201, told(ctx, parent, client, (await registrationOf(ctx, client.id))!, token))
}

type Managed = { ctx: Ctx; parent: Client; settings: Row; client: Client; registration: RegistrationRow; token: string }

/**
 * The client that comes to its own registration, RFC 7592 §2, and acts for the account that registered it. Whatever is wrong, the token is: nobody
 * learns which clients there are.
 */
async function managed(ctx: Ctx, headers: Headers, slug: string, clientId: string): Promise<Managed> {
  const { parent, settings } = await hostAt(ctx, slug)
  const token = bearerOf(headers)
  const client = clientId.length <= 255 ? await clientById(ctx, clientId) : undefined
  const registration = client && (await registrationOf(ctx, client.id))
  if (!client?.application || !registration || registration.parent !== parent.id) throw invalidToken()
  if (!secretsEqual(hashToken(token), registration.token_hash)) throw invalidToken()
  const user = registration.user === null ? undefined : await activeUser(ctx, registration.user)
  if (!user) throw invalidToken()
  return { ctx: { ...ctx, caller: await callerFor(ctx, user) }, parent, settings, client, registration, token }
}

/** RFC 7592 §2.1. */
export async function readRegistration(ctx: Ctx, headers: Headers, slug: string, clientId: string): Promise<Answer> {
  const { parent, client, registration, token } = await managed(ctx, headers, slug, clientId)
  return json(200, told(ctx, parent, client, registration, token))
}

/** What a client must not say when it updates itself, RFC 7592 §2.2. */
const OURS = ['registration_access_token', 'registration_client_uri', 'client_secret_expires_at', 'client_id_issued_at']

/** RFC 7592 §2.2. */
export async function updateRegistration(ctx: Ctx, headers: Headers, slug: string, clientId: string, body: unknown): Promise<Answer> {
  const { ctx: acting, parent, settings, client, token } = await managed(ctx, headers, slug, clientId)
  const asked = readAsked(body, uri => isHere(ctx, uri))
  const sent = body as Row
  if (sent.client_id !== client.client_id) throw invalidMetadata('client_id is that of another client')
  const wrong = OURS.find(name => name in sent)
  if (wrong !== undefined) throw invalidMetadata(`${wrong} is not for the client to say`)
  if (sent.client_secret !== undefined && (client.public || sent.client_secret !== client.secret))
    throw invalidMetadata('client_secret is not for the client to choose')
  await countChange(ctx, client)
  await checkSector(ctx, sent, asked)
  await replaceClient(acting, parent, settings, client, asked, sent)
  const changed = (await clientById(ctx, clientId))!
  return json(200, told(ctx, parent, changed, (await registrationOf(ctx, changed.id))!, token))
}

/** RFC 7592 §2.3. */
export async function deleteRegistration(ctx: Ctx, headers: Headers, slug: string, clientId: string): Promise<Answer> {
  const { ctx: acting, client } = await managed(ctx, headers, slug, clientId)
  await removeClient(acting, client)
  return { ...json(204, null), body: '' }
}
