import { Browser } from '../lib/browser.ts'
import { Connection } from '../lib/load.ts'
import { ADMIN_TOKEN, type Signet } from '../lib/signet.ts'
import { CALLBACK } from '../peers/client.ts'
import type { Client, Side } from './side.ts'

export const EC_KEY = 'Signet Self-signed ECDSA Certificate'
const RSA_KEY = 'authentik Self-signed Certificate'
/** What machines ask for; it adds no claims, on either side. */
const MACHINE_SCOPE = 'api'
const PERSON = 'benchmark'
const PASSWORD = 'correct horse battery staple'

/** The program as its API sets it up: two clients that sign by ES256 and RS256, and a person. Everything else is as it comes. */
export async function signetSide(signet: Signet): Promise<Side> {
  const es256 = await makeClient(signet, EC_KEY)
  const rs256 = await makeClient(signet, RSA_KEY)
  await makePerson(signet)
  const form = { scope: MACHINE_SCOPE }
  return {
    name: 'signet',
    pid: signet.pid,
    origin: signet.origin,
    paths: {
      authorize: '/application/o/authorize/',
      token: '/application/o/token/',
      userinfo: '/application/o/userinfo/',
      introspection: '/application/o/introspect/',
      discovery: `/application/o/${es256.client_id}/.well-known/openid-configuration`,
      jwks: `/application/o/${es256.client_id}/jwks/`,
    },
    machines: {
      es256: { client: es256, form },
      rs256: { client: rs256, form },
      claims: { client: es256, form: { scope: 'profile' } },
      introspected: { client: es256, form },
    },
    applications: {
      plain: { client: es256, scope: 'openid profile email' },
      refreshing: { client: es256, scope: 'openid profile email offline_access' },
    },
    jwt: {},
    signIn: (connection, jar) => new Browser(connection, undefined, jar).signIn(PERSON, PASSWORD),
  }
}

/** Calls of the API with an administrator's token; the answers' bodies. */
function api(connection: Connection) {
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' }
  const parsed = (text: string) => (text === '' ? undefined : JSON.parse(text)) as never
  return {
    get: async <T>(path: string): Promise<T> => parsed((await connection.expect(200, { path: `/api/v3/${path}`, headers })).text),
    post: async <T>(path: string, status: number, body: object): Promise<T> =>
      parsed((await connection.expect(status, { method: 'POST', path: `/api/v3/${path}`, headers, body: JSON.stringify(body) })).text),
  }
}

/** A confidential client that signs with the key pair of that name, with an application of its own. */
export async function makeClient(signet: Signet, keypair: string): Promise<Client> {
  const connection = new Connection(signet.origin)
  const { get, post } = api(connection)
  const keysOf = async (path: string) => (await get<{ results: { pk: string }[] }>(path)).results.map(({ pk }) => pk)
  const [key] = await keysOf(`crypto/certificatekeypairs/?name=${encodeURIComponent(keypair)}`)
  const [flow] = await keysOf('flows/instances/?slug=default-provider-authorization-implicit-consent')
  const scopes = ['openid', 'profile', 'email', 'offline_access']
  const managed = scopes.map(scope => `managed=goauthentik.io/providers/oauth2/scope-${scope}`)
  const mappings = await keysOf(`propertymappings/provider/scope/?${managed.join('&')}`)
  if (mappings.length !== scopes.length) throw new Error('the stock mappings of scopes are not there')
  const [known] = await keysOf(`propertymappings/provider/scope/?scope_name=${MACHINE_SCOPE}`)
  const machineScope = { name: MACHINE_SCOPE, scope_name: MACHINE_SCOPE, expression: 'return {}' }
  mappings.push(known ?? (await post<{ pk: string }>('propertymappings/provider/scope/', 201, machineScope)).pk)
  const slug = keypair.toLowerCase().replaceAll(/[^a-z]+/g, '-')
  const client = { client_id: slug, client_secret: `secret of ${slug}` }
  const provider = await post<{ pk: number }>('providers/oauth2/', 201, {
    name: slug,
    ...client,
    client_type: 'confidential',
    authorization_flow: flow,
    signing_key: key,
    refresh_token_threshold: 'seconds=0', // replaced every time
    redirect_uris: [{ matching_mode: 'strict', url: CALLBACK }],
    property_mappings: mappings,
  })
  await post('core/applications/', 201, { name: slug, slug, provider: provider.pk })
  connection.close()
  return client
}

async function makePerson(signet: Signet): Promise<void> {
  const connection = new Connection(signet.origin)
  const { post } = api(connection)
  const { pk } = await post<{ pk: number }>('core/users/', 201, { username: PERSON, name: 'Benchmark', email: 'benchmark@example.org' })
  await post(`core/users/${pk}/set_password/`, 204, { password: PASSWORD })
  connection.close()
}
