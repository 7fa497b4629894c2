/**
 * The npm package oidc-provider with its in-memory adapter, in a process of its own: what our OAuth 2 and OpenID Connect are compared with.
 * Its access tokens are JWTs where a resource is named (signed like ours), and opaque, kept in memory, otherwise. Whoever comes to be
 * signed in is, as the one person there is, without a password. Prints its address when it listens.
 */
import { generateKeyPairSync } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
// @ts-expect-error -- comes without types
import { errors, Provider } from 'oidc-provider'
import { CALLBACK, PEER_CLIENT, REFRESHING_CLIENT } from './client.ts'

const keys = [
  { ...generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' }), kid: 'rsa', use: 'sig', alg: 'RS256' },
  { ...generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' }), kid: 'ec', use: 'sig', alg: 'ES256' },
]
const HOUR = 3600

/** What our stock mappings say of a person. */
const PERSON = {
  sub: 'benchmark',
  email: 'benchmark@example.org',
  email_verified: false,
  name: 'Benchmark',
  given_name: 'Benchmark',
  preferred_username: 'benchmark',
  nickname: 'benchmark',
  groups: [],
}

const forPeople = {
  redirect_uris: [CALLBACK],
  response_types: ['code'],
  id_token_signed_response_alg: 'ES256',
}

const server = createServer()
// The bench's connections rest while the other side has its round.
server.keepAliveTimeout = 120_000
server.listen(0, '127.0.0.1', () => {
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const provider = new Provider(origin, {
    clients: [
      { ...PEER_CLIENT, ...forPeople, grant_types: ['client_credentials', 'authorization_code'] },
      { ...REFRESHING_CLIENT, ...forPeople, grant_types: ['authorization_code', 'refresh_token'] },
    ],
    jwks: { keys: keys as never },
    cookies: { keys: ['not much of a secret'] },
    scopes: ['api', 'openid', 'offline_access'],
    claims: {
      openid: ['sub'],
      email: ['email', 'email_verified'],
      profile: ['name', 'given_name', 'preferred_username', 'nickname', 'groups'],
    },
    conformIdTokenClaims: false, // the claims of the scopes stand in ID tokens, as ours do
    ttl: { ClientCredentials: HOUR, AccessToken: HOUR, IdToken: HOUR, RefreshToken: 30 * 24 * HOUR, Session: 24 * HOUR, Grant: 24 * HOUR },
    findAccount: (_ctx: unknown, id: string) => ({ accountId: id, claims: async () => ({ ...PERSON, sub: id }) }),
    issueRefreshToken: (_ctx: unknown, client: { grantTypeAllowed: (type: string) => boolean }) => client.grantTypeAllowed('refresh_token'),
    expiresWithSession: () => false,
    rotateRefreshToken: true,
    async loadExistingGrant(ctx: PeerContext) {
      const { client, provider, session } = ctx.oidc
      const known = session.grantIdFor(client.clientId)
      if (known) return provider.Grant.find(known)
      const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId })
      grant.addOIDCScope('openid profile email offline_access')
      grant.addResourceScope('urn:es256', 'api')
      await grant.save()
      return grant
    },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      introspection: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo(_ctx: unknown, resource: string) {
          const alg = { 'urn:es256': 'ES256', 'urn:rs256': 'RS256' }[resource]
          if (!alg) throw new errors.InvalidTarget()
          return { scope: 'api', accessTokenFormat: 'jwt', accessTokenTTL: HOUR, jwt: { sign: { alg: alg as never } } }
        },
        useGrantedResource: () => true,
      },
    },
  })
  const answer = provider.callback()
  server.on('request', (request, response) => {
    if (!request.url!.startsWith('/interaction/')) return void answer(request, response)
    void provider.interactionFinished(request, response, { login: { accountId: PERSON.sub } })
  })
  process.stdout.write(`${origin}\n`)
})

type Grant = {
  addOIDCScope: (scope: string) => void
  addResourceScope: (resource: string, scope: string) => void
  save: () => Promise<string>
}
type PeerContext = {
  oidc: {
    client: { clientId: string }
    session: { accountId: string; grantIdFor: (client: string) => string | undefined }
    provider: { Grant: { new (of: { clientId: string; accountId: string }): Grant; find: (id: string) => Promise<Grant> } }
  }
}
