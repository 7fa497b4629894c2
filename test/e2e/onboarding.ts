import { randomBytes } from 'node:crypto'
import type { Program } from './program.ts'

let count = 0
/** A name that no other test uses. */
export const unique = (prefix: string): string => `${prefix}-${++count}`

export type Client = { pk: number; name: string; slug: string; issuer: string; client_id: string; client_secret: string }

type Onboarding = {
  name?: string
  redirects: string[]
  logouts?: string[]
  consent?: boolean
  scopes?: string[]
  provider?: object
  application?: object
}

/** Brings an application in by the API, with the look-ups and the bodies of the runbook. Without a name it stands in nobody's library. */
export async function onboard({ api, origin }: Program, options: Onboarding): Promise<Client> {
  const { name = unique('Notes'), redirects, logouts = [], consent = false, scopes = ['openid', 'email', 'profile'] } = options
  const slug = name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')
  const flow = await api('GET', `/flows/instances/?slug=default-provider-authorization-${consent ? 'explicit' : 'implicit'}-consent`)
  const mappings = await api('GET', '/propertymappings/provider/scope/?ordering=scope_name')
  const keys = await api('GET', '/crypto/certificatekeypairs/?name=authentik+Self-signed+Certificate&has_key=true')
  const provider = await api('POST', '/providers/oauth2/', {
    name,
    authorization_flow: flow.results[0].pk,
    client_type: 'confidential',
    redirect_uris: [
      ...redirects.map(url => ({ matching_mode: 'strict', url })),
      ...logouts.map(url => ({ matching_mode: 'strict', url, redirect_uri_type: 'logout' })),
    ],
    signing_key: keys.results[0].pk,
    property_mappings: scopes.map(scope => mappings.results.find((mapping: { scope_name: string }) => mapping.scope_name === scope).pk),
    access_token_validity: 'hours=1',
    refresh_token_validity: 'days=30',
    ...options.provider,
  })
  await api('POST', '/core/applications/', {
    name,
    slug,
    provider: provider.pk,
    meta_launch_url: new URL('/', redirects[0]).href,
    meta_hide: options.name === undefined,
    ...options.application,
  })
  return {
    pk: provider.pk,
    name,
    slug,
    issuer: `${origin}/application/o/${slug}/`,
    client_id: provider.client_id,
    client_secret: provider.client_secret,
  }
}

export type Person = { pk: number; username: string; name: string; email: string; password: string }

/** An account with a password, by the API. */
export async function aPerson({ api }: Program, values: { username?: string; name?: string; groups?: string[] } = {}): Promise<Person> {
  const username = values.username ?? unique('jane')
  const password = randomBytes(12).toString('hex')
  const user = await api('POST', '/core/users/', { username, name: 'Jane Doe', email: `${username}@example.test`, ...values })
  await api('POST', `/core/users/${user.pk}/set_password/`, { password })
  return { pk: user.pk, username, name: user.name, email: user.email, password }
}
