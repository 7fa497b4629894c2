/**
 * The npm package oidc-provider with its in-memory adapter, in a process of its own: what client-credentials tokens and introspection
 * are compared with. Its tokens are JWTs where a resource is named (signed like ours), and opaque, kept in memory, otherwise.
 * Prints its address when it listens.
 */
import { generateKeyPairSync } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
// @ts-expect-error -- comes without types
import { errors, Provider } from 'oidc-provider'
import { PEER_CLIENT } from './client.ts'

const keys = [
  { ...generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' }), kid: 'rsa', use: 'sig', alg: 'RS256' },
  { ...generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' }), kid: 'ec', use: 'sig', alg: 'ES256' },
]
const HOUR = 3600

const server = createServer()
server.listen(0, '127.0.0.1', () => {
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const provider = new Provider(origin, {
    clients: [{ ...PEER_CLIENT, grant_types: ['client_credentials'], redirect_uris: [], response_types: [] }],
    jwks: { keys: keys as never },
    cookies: { keys: ['not used here'] },
    scopes: ['api'],
    ttl: { ClientCredentials: HOUR },
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
      },
    },
  })
  server.on('request', provider.callback())
  process.stdout.write(`${origin}\n`)
})
