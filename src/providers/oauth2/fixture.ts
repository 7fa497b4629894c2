import { createHash, randomBytes } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { createApp } from '../../app.ts'
import { sessionCookieValue, startSession, type NewSession, type Session } from '../../core/session/session.ts'
import { EC_KEYPAIR, RSA_KEYPAIR } from '../../boot.ts'
import type { Row } from '../../api/model.ts'
import type { Ctx } from '../../context.ts'
import type { Deps } from '../../deps.ts'
import type { PageContext } from '../../interfaces/page.ts'
import { aUser, unique } from '../../../test/builders.ts'
import { clientOf, server, type Answer, type TestServer } from '../../../test/harness.ts'
import { Visitor } from '../../../test/visitor.ts'
import { oauth2Routes } from './api.ts'
import { grantResources } from './token/grant-model.ts'
import { oauthMemoryStages } from './stages.ts'
import { oauthSurface } from './surface.ts'

/** For tests: a server with these endpoints, a client of it, and a browser that is signed in. */

const brand: PageContext['brand'] = {
  branding_title: 'Signet',
  branding_logo: '',
  branding_favicon: '',
  branding_custom_css: '',
  ui_footer_links: [],
  ui_theme: 'automatic',
}
const web = {
  directory: '',
  base: '/',
  renderFlow: () => '',
  titleOf: () => '',
  assets: {
    prefix: '/static/dist/',
    url: (source: string) => `/static/dist/${source}`,
    importsOf: () => [],
    viewUrl: () => undefined,
    fontUrl: '/static/dist/font.woff2',
  },
}

export type OAuthServer = TestServer

let apps: Promise<OAuthServer> | undefined

/** The shared test server with these endpoints on it. */
export const oauthServer = (): Promise<OAuthServer> => (apps ??= build())

async function build(): Promise<OAuthServer> {
  const shared = await server()
  const app = await mounted(shared.deps)
  const client: TestServer['client'] = token =>
    clientOf(app, (): Record<string, string> => (token === undefined ? {} : { authorization: `Bearer ${token}` }))
  return { ...shared, app, client, admin: client(shared.adminToken) }
}

/** An app with the endpoints, whether or not the program mounts them itself yet. */
export async function mounted(deps: Deps): Promise<FastifyInstance> {
  const { registry } = deps
  const added = registry.memoryStages.some(stage => stage.kind === oauthMemoryStages[0]!.kind)
    ? registry
    : {
        ...registry,
        memoryStages: [...registry.memoryStages, ...oauthMemoryStages],
        resources: [...registry.resources, ...grantResources],
        models: [...registry.models, ...grantResources.map(resource => resource.model)],
        routes: [...registry.routes, oauth2Routes],
      }
  const app = await createApp({ ...deps, registry: added })
  if (!app.hasRoute({ method: 'POST', url: '/application/o/token/' })) {
    await app.register(scope => oauthSurface(scope, { page: async () => ({ web, brand, lang: 'en', nonce: 'nonce' }) }))
  }
  await app.ready()
  return app
}

export const REDIRECT_URI = 'https://app.example.test/oidc/callback'

const keyOf = async (ctx: Ctx, table: 'flow' | 'keypair', value: string): Promise<string> =>
  table === 'flow'
    ? (await ctx.db.selectFrom('flow').select('flow_uuid').where('slug', '=', value).executeTakeFirstOrThrow()).flow_uuid
    : (await ctx.db.selectFrom('keypair').select('kp_uuid').where('name', '=', value).executeTakeFirstOrThrow()).kp_uuid

export const flowKey = (ctx: Ctx, slug: string): Promise<string> => keyOf(ctx, 'flow', slug)
export const keypairKey = (ctx: Ctx, name: string): Promise<string> => keyOf(ctx, 'keypair', name)

const STOCK = ['openid', 'email', 'profile', 'offline_access', 'authentik_api']

export type Verifier = { verifier: string; challenge: string }

/** A fresh S256 pair, RFC 7636. */
export function pkce(): Verifier {
  const verifier = randomBytes(32).toString('base64url')
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') }
}

export type Tokens = {
  access_token: string
  id_token: string
  refresh_token: string
  expires_in: number
  scope: string
  token_type: string
}

/** One client of the server with an application, and the calls that such a client makes. */
export class Party {
  readonly server: OAuthServer
  readonly provider: Row
  readonly slug: string
  readonly application: Row
  constructor(on: OAuthServer, provider: Row, application: Row) {
    this.server = on
    this.provider = provider
    this.application = application
    this.slug = application.slug as string
  }

  get clientId(): string {
    return this.provider.client_id as string
  }

  get issuer(): string {
    return `https://id.example.test/application/o/${this.slug}/`
  }

  /** The parameters of an ordinary request; `undefined` leaves one out. */
  query(params: Record<string, string | undefined> = {}): string {
    const all = {
      client_id: this.clientId,
      redirect_uri: REDIRECT_URI,
      response_type: 'code',
      scope: 'openid',
      state: 'some state',
      ...params,
    }
    return new URLSearchParams(Object.entries(all).filter((pair): pair is [string, string] => pair[1] !== undefined)).toString()
  }

  /** What the authorization endpoint answers to a browser. */
  authorize(browser: Visitor, params: Record<string, string | undefined> = {}): Promise<Answer> {
    return browser.get(`/application/o/authorize/?${this.query(params)}`)
  }

  /** The response parameters that the browser is sent back with. */
  async response(browser: Visitor, params: Record<string, string | undefined> = {}): Promise<URLSearchParams> {
    const answer = await this.authorize(browser, params)
    const location = answer.headers.location
    if (typeof location !== 'string') throw new Error(`${answer.status} instead of a redirect: ${answer.text.slice(0, 300)}`)
    const url = new URL(location, 'https://id.example.test')
    return url.hash === '' ? url.searchParams : new URLSearchParams(url.hash.slice(1))
  }

  async code(browser: Visitor, params: Record<string, string | undefined> = {}): Promise<string> {
    const response = await this.response(browser, params)
    const code = response.get('code')
    if (code === null) throw new Error(`no code: ${response.toString()}`)
    return code
  }

  /** A form to one of the endpoints; the client authenticates by Basic unless `basic` is false or the client is public. */
  post(
    endpoint: string,
    form: Record<string, string | undefined>,
    options: { basic?: boolean; headers?: Record<string, string> } = {},
  ): Promise<Answer> {
    const basic = options.basic ?? this.provider.client_type === 'confidential'
    const credentials = Buffer.from(`${this.clientId}:${String(this.provider.client_secret)}`).toString('base64')
    const fields = { ...(!basic && { client_id: this.clientId }), ...form }
    const payload = new URLSearchParams(Object.entries(fields).filter((pair): pair is [string, string] => pair[1] !== undefined)).toString()
    return this.server.client().request('POST', `/application/o/${endpoint}/`, {
      payload,
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        ...(basic && { authorization: `Basic ${credentials}` }),
        ...options.headers,
      },
    })
  }

  token(form: Record<string, string | undefined>, options?: { basic?: boolean; headers?: Record<string, string> }): Promise<Answer> {
    return this.post('token', form, options)
  }

  exchange(code: string, more: Record<string, string | undefined> = {}): Promise<Answer> {
    return this.token({ grant_type: 'authorization_code', code, redirect_uri: REDIRECT_URI, ...more })
  }

  refresh(token: string, more: Record<string, string | undefined> = {}): Promise<Answer> {
    return this.token({ grant_type: 'refresh_token', refresh_token: token, ...more })
  }

  /** A whole sign-in of a browser that has a session. */
  async tokens(browser: Visitor, params: Record<string, string | undefined> = {}): Promise<Tokens> {
    const pair = pkce()
    const code = await this.code(browser, { code_challenge: pair.challenge, code_challenge_method: 'S256', ...params })
    const answer = await this.exchange(code, { code_verifier: pair.verifier })
    if (answer.status !== 200) throw new Error(`${answer.status}: ${answer.text}`)
    return answer.body as Tokens
  }

  userinfo(accessToken: string): Promise<Answer> {
    return this.server.client(accessToken).get('/application/o/userinfo/')
  }

  /** Changes the provider. */
  async change(values: Row): Promise<void> {
    const answer = await this.server.admin.patch(`/api/v3/providers/oauth2/${String(this.provider.pk)}/`, values)
    if (answer.status !== 200) throw new Error(answer.text)
    Object.assign(this.provider, answer.body)
  }
}

/** A client with an application; signs with P-256 unless told otherwise. `strict` redirect to REDIRECT_URI. */
export async function aParty(
  values: Row & { key?: 'ec' | 'rsa' | null; scopes?: string[]; consent?: 'implicit' | 'explicit' } = {},
): Promise<Party> {
  const on = await oauthServer()
  const { key = 'ec', scopes = STOCK, consent = 'implicit', ...rest } = values
  const managed = scopes.map(name => `goauthentik.io/providers/oauth2/scope-${name}`)
  const mappings = await on.ctx.db.selectFrom('property_mapping').select('pm_uuid').where('managed', 'in', managed).execute()
  const name = unique('client')
  const provider = await on.admin.post('/api/v3/providers/oauth2/', {
    name,
    authorization_flow: await flowKey(on.ctx, `default-provider-authorization-${consent}-consent`),
    redirect_uris: [{ matching_mode: 'strict', url: REDIRECT_URI }],
    property_mappings: mappings.map(mapping => mapping.pm_uuid),
    signing_key: key === null ? null : await keypairKey(on.ctx, key === 'rsa' ? RSA_KEYPAIR : EC_KEYPAIR),
    ...rest,
  })
  if (provider.status !== 201) throw new Error(provider.text)
  const application = await on.admin.post('/api/v3/core/applications/', { name, slug: name, provider: provider.body.pk })
  if (application.status !== 201) throw new Error(application.text)
  return new Party(on, provider.body as Row, application.body as Row)
}

export type SignedIn = { browser: Visitor; user: Row; session: Session }

/** A browser with a session of an account, made without a flow. */
export async function aSignedInBrowser(user?: Row, session: NewSession = {}): Promise<SignedIn> {
  const { app, ctx } = await oauthServer()
  const account = user ?? (await aUser(ctx))
  const started = await startSession(ctx, { user: account.id as number, authMethod: 'password', lifetime: 86_400_000, ...session })
  const browser = new Visitor(app)
  browser.cookies.set('authentik_session', sessionCookieValue(ctx, started.key, account))
  browser.cookies.set('authentik_csrf', randomBytes(32).toString('base64url'))
  return { browser, user: account, session: started.session }
}

/** A browser that nobody is signed in with. */
export const aBrowser = async (): Promise<Visitor> => new Visitor((await oauthServer()).app)
