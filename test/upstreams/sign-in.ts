import type { Row } from '../../src/api/model.ts'
import type { Ctx } from '../../src/context.ts'
import { unique } from '../builders.ts'
import type { FlowVisitor } from '../flows.ts'
import { ownServer, type TestServer } from '../harness.ts'
import type { OpenID } from './openid.ts'
import type { Person, Registration, Upstream } from './upstream.ts'
import { visit } from './visit.ts'

/** Takes somebody in at an upstream, with everything about them unless `more` says otherwise. */
export function aPersonAt(upstream: Upstream, more: Partial<Person> = {}): Person {
  const id = unique('person')
  const person = { id, username: id, name: `Name of ${id}`, email: `${id}@example.test`, emailVerified: true, ...more }
  upstream.people.push(person)
  return person
}

let shared: Promise<TestServer> | undefined

/** A server that may ask upstreams on loopback. */
export const sourceServer = (): Promise<TestServer> => (shared ??= ownServer({ SIGNET_OUTGOING_ALLOW: '127.0.0.1' }))

/** Key of a flow. */
export const flowKey = async (ctx: Ctx, slug: string): Promise<string> =>
  (await ctx.db.selectFrom('flow').select('flow_uuid').where('slug', '=', slug).executeTakeFirstOrThrow()).flow_uuid

export const callbackOf = (slug: string): string => `https://id.example.test/source/oauth/callback/${slug}/`
export const logoutOf = (slug: string): string => `https://id.example.test/source/oauth/logout/${slug}/`

export type TestSource = { slug: string; row: Row; registration: Registration; upstream: Upstream }

/** A source for an upstream, registered there, with the default flows unless `values` say otherwise. */
export async function aSource(server: TestServer, upstream: Upstream, values: Row = {}): Promise<TestSource> {
  const slug = unique('source')
  const registration = (upstream as OpenID).register(callbackOf(slug), logoutOf(slug))
  const made = await server.admin.post('/api/v3/sources/oauth/', {
    name: slug,
    slug,
    provider_type: 'openidconnect',
    consumer_key: registration.client_id,
    consumer_secret: registration.client_secret,
    authentication_flow: await flowKey(server.ctx, 'default-source-authentication'),
    enrollment_flow: await flowKey(server.ctx, 'default-source-enrollment'),
    ...('wellKnown' in upstream && {
      oidc_well_known_url: upstream.wellKnown,
      authorization_url: `${upstream.origin}/auth`,
      access_token_url: `${upstream.origin}/token`,
      profile_url: `${upstream.origin}/me`,
      oidc_jwks_url: `${upstream.origin}/jwks`,
    }),
    ...values,
  })
  if (made.status !== 201) throw new Error(made.text)
  return { slug, row: made.body as Row, registration, upstream }
}

/** Sends a browser to a source and lets the upstream sign `person` in; the path of ours to which the upstream sends it back. */
export async function away(browser: FlowVisitor, source: TestSource, person: string, query = ''): Promise<string> {
  const sent = await browser.get(`/source/oauth/login/${source.slug}/${query && `?${query}`}`)
  if (sent.status !== 302) throw new Error(`${sent.status}: ${sent.text}`)
  source.upstream.signsIn = person
  const back = await visit(source.upstream, String(sent.headers.location))
  return back.pathname + back.search
}

/** The whole way: to the source and back; the answer of the callback. */
export const through = async (browser: FlowVisitor, source: TestSource, person: string, query = '') =>
  browser.get(await away(browser, source, person, query))

/** Who a browser is signed in as. */
export const whoami = async (browser: FlowVisitor): Promise<string | undefined> =>
  ((await browser.get('/api/v3/core/users/me/')).body as { user?: { username: string } }).user?.username

/** Runs the flow that a callback led to, as far as it goes without answers; where it ends, or what it shows. */
export async function onwards(browser: FlowVisitor, location: unknown): Promise<Record<string, any>> {
  const { pathname, search } = new URL(String(location), 'https://id.example.test')
  const slug = /^\/if\/flow\/([^/]+)\/$/.exec(pathname)?.[1]
  if (slug === undefined) throw new Error(`no flow at ${String(location)}`)
  return browser.challenge(slug, search.slice(1))
}
