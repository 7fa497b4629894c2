import { takesBodies } from '../../http/body.ts'
import { FORM } from '../../http/form.ts'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Ctx } from '../../context.ts'
import { identifyBrowser } from '../../core/callers.ts'
import { loadPlan } from '../../flows/plan.ts'
import { openVisit, PLAN, sendCookies } from '../../flows/visit.ts'
import { renderNotFound, renderServerError } from '../../interfaces/errors.ts'
import { renderLogoutFrames } from '../../interfaces/logout-frames.ts'
import type { PageContext } from '../../interfaces/page.ts'
import { direct, type Asked } from '../../http/direct.ts'
import { isUnavailable } from '../../db/fault.ts'
import type { Deps } from '../../deps.ts'
import type { Tell } from '../../server/observe.ts'
import { errorAnswer, redirectAnswer, type Answer } from './answer.ts'
import { authorize } from './authorize/authorize.ts'
import type { Browser } from './browser.ts'
import type { Headers } from './client/authentication.ts'
import { preflight, readableRefusal } from './cors.ts'
import { deviceAuthorization } from './device/authorization.ts'
import { devicePage } from './device/page.ts'
import { discovery, jwks, webfinger } from './discovery/discovery.ts'
import { globalClients, rootDiscovery, rootJwks } from './discovery/root.ts'
import { endSession } from './logout/end-session.ts'
import { clientOfApplication, type Client } from './client/client.ts'
import { endpoints } from './addresses.ts'
import { invalidRequest, OAuthError } from './errors.ts'
import { githubTeams, githubUser } from './github/api.ts'
import { AUTHORIZE } from './github/scopes.ts'
import { introspect } from './token/introspect.ts'
import { framesOf } from './logout/front-channel.ts'
import { readParameters, type Parameters } from './parameters.ts'
import { pushRequest } from './authorize/pushed-request.ts'
import { deleteRegistration, readRegistration, register, updateRegistration } from './registration/endpoint.ts'
import { revoke } from './token/revoke.ts'
import { checkSession } from './logout/session-state.ts'
import { token } from './token/token.ts'
import { userinfo } from './resource/userinfo.ts'

/** Larger than any honest request, smaller than what would hurt. */
const BODY_LIMIT = 64 * 1024 // bytes

export type OAuthParts = {
  /** How a page looks for whoever asks: brand, language, a fresh nonce. */
  page: (ctx: Ctx) => Promise<PageContext>
}

const send = (reply: FastifyReply, { status, headers, body }: Answer): FastifyReply => reply.code(status).headers(headers).send(body)

const notFound: Answer = { status: 404, headers: { 'content-type': 'application/json' }, body: '{"error":"not_found"}' }

const formOf = (request: FastifyRequest): Parameters => readParameters(typeof request.body === 'string' ? request.body : '')
const queryOf = (request: FastifyRequest): Parameters => readParameters(request.ctx.request?.query ?? '')
const slugOf = (request: FastifyRequest): string => (request.params as { slug: string }).slug

/** A failure of the endpoints that programs call. Only what is ours to explain is explained. */
function machineError(error: unknown, { log, request }: Ctx): Answer {
  const id = request?.id ?? ''
  if (error instanceof OAuthError) return errorAnswer(error, id)
  const { statusCode } = error as Partial<FastifyError>
  if (statusCode === 413) return errorAnswer(new OAuthError('invalid_request', 'The request is too large', { status: 413 }), id) // RFC 9126 §2.3
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) return errorAnswer(invalidRequest(), id)
  if (isUnavailable(error)) {
    log.error({ err: error, path: request?.path, request_id: id }, 'the database is not available')
    const options = { status: 503, headers: { 'retry-after': '5' } }
    return errorAnswer(new OAuthError('temporarily_unavailable', 'The authorization server cannot answer at the moment', options), id)
  }
  log.error({ err: error, path: request?.path, request_id: id }, 'unhandled error')
  return errorAnswer(new OAuthError('server_error', 'The authorization server encountered an error', { status: 500 }), id)
}

type Endpoint = (ctx: Ctx, headers: Headers, form: Parameters) => Promise<Answer>

/** Endpoints for programs: no cookies are looked at, bodies are forms and nothing else. */
export async function programSurface(app: FastifyInstance, deps: Deps, tell: Tell): Promise<void> {
  const failed = (error: unknown, ctx: Ctx) => readableRefusal(ctx, ctx.request?.headers ?? {}, machineError(error, ctx))
  const mount = direct(deps, tell, { failed, limit: BODY_LIMIT })
  const get = (url: string, endpoint: (asked: Asked) => Promise<Answer | undefined>) =>
    mount(app, { method: 'GET', url, endpoint: async asked => (await endpoint(asked)) ?? notFound })
  const post = (url: string, endpoint: Endpoint) =>
    mount(app, {
      method: 'POST',
      url,
      endpoint: async ({ ctx, headers, form }) => readableRefusal(ctx, headers, await endpoint(ctx, headers, readParameters(form))),
    })
  for (const path of ['token', 'device', 'par', 'introspect', 'revoke'])
    mount(app, {
      method: ['GET', 'PUT', 'PATCH', 'DELETE'],
      url: `/application/o/${path}/`,
      endpoint: async ({ ctx }) => {
        const { headers, ...answer } = errorAnswer(invalidRequest('This endpoint takes POST alone'), ctx.request?.id ?? '')
        return { ...answer, headers: { ...headers, allow: 'POST' }, status: 405 } // RFC 9126 §2.3
      },
    })
  post('/application/o/token/', token)
  post('/login/oauth/access_token', token)
  get('/user', ({ ctx, headers }) => githubUser(ctx, headers))
  get('/user/teams', ({ ctx, headers }) => githubTeams(ctx, headers))
  post('/application/o/device/', deviceAuthorization)
  post('/application/o/par/', pushRequest)
  post('/application/o/introspect/', introspect)
  post('/application/o/revoke/', revoke)
  post('/application/o/userinfo/', userinfo)
  get('/application/o/userinfo/', async ({ ctx, headers }) =>
    readableRefusal(ctx, headers, await userinfo(ctx, headers, readParameters(''))),
  )
  for (const url of [
    '/application/o/token/',
    '/application/o/userinfo/',
    '/application/o/revoke/',
    '/application/o/par/',
    '/application/o/:slug/.well-known/openid-configuration',
  ]) {
    mount(app, {
      method: 'OPTIONS',
      url,
      endpoint: async ({ ctx, headers }) => ({ status: 204, headers: await preflight(ctx, headers), body: '' }),
    })
  }
  const metadata = ({ ctx, params, headers }: Asked) => discovery(ctx, params.slug!, headers)
  get('/application/o/:slug/.well-known/openid-configuration', metadata)
  get('/application/o/:slug//.well-known/openid-configuration', metadata) // clients that add a slash to the issuer's own
  // RFC 8414 §3.1: without the slash at the end of the issuer; and with it, for clients that leave it there.
  for (const end of ['', '/']) get(`/.well-known/oauth-authorization-server/application/o/:slug${end}`, metadata)
  get('/application/o/:slug/jwks/', ({ ctx, params }) => jwks(ctx, params.slug!))
  for (const url of ['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server'])
    get(url, ({ ctx }) => rootDiscovery(ctx))
  get('/.well-known/jwks.json', ({ ctx }) => rootJwks(ctx))
  get('/.well-known/webfinger', ({ ctx }) => webfinger(ctx, readParameters(ctx.request?.query ?? '').get('resource')))
  get('/application/o/:slug/', async ({ ctx, params }) => {
    const client = await clientOfApplication(ctx, params.slug!)
    const location = client && endpoints(ctx, client).discovery
    return location ? redirectAnswer(location, 'GET') : undefined
  })
}

/** A JSON body; what is none is nothing. */
function jsonOf({ body }: FastifyRequest): unknown {
  try {
    return JSON.parse(typeof body === 'string' ? body : '')
  } catch {
    return undefined // the endpoint says what it wants
  }
}

/** Where clients register themselves and look after that, RFC 7591 and RFC 7592: bodies are JSON. */
function registrationRoutes(app: FastifyInstance): void {
  app.setErrorHandler((error: FastifyError, request, reply) => send(reply, machineError(error, request.ctx)))
  const one = '/application/o/:slug/register/:client/'
  const clientOf = (request: FastifyRequest): string => (request.params as { client: string }).client
  app.post('/application/o/:slug/register/', async (request, reply) =>
    send(reply, await register(request.ctx, request.headers, slugOf(request), jsonOf(request))),
  )
  app.get(one, async (request, reply) =>
    send(reply, await readRegistration(request.ctx, request.headers, slugOf(request), clientOf(request))),
  )
  app.put(one, async (request, reply) =>
    send(reply, await updateRegistration(request.ctx, request.headers, slugOf(request), clientOf(request), jsonOf(request))),
  )
  app.delete(one, async (request, reply) =>
    send(reply, await deleteRegistration(request.ctx, request.headers, slugOf(request), clientOf(request))),
  )
}

/** Endpoints for the browser: who is signed in decides, and what goes wrong is a page. */
function browserRoutes(app: FastifyInstance, { page }: OAuthParts): void {
  app.addHook('onRequest', identifyBrowser)
  app.setErrorHandler(async (error: FastifyError, request, reply) => {
    if (isUnavailable(error)) throw error // as on every other page
    const status = error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500 ? error.statusCode : 500
    if (status === 500) request.ctx.log.error({ err: error, path: request.url.split('?')[0], request_id: request.id }, 'unhandled error')
    return send(reply, { ...renderServerError(await page(request.ctx), { requestId: request.id }), status })
  })
  const both = (path: string, endpoint: (request: FastifyRequest, params: Parameters, browser: Browser) => Promise<Answer>) => {
    app.route({
      method: ['GET', 'POST'],
      url: path,
      handler: async (request, reply) => {
        const visit = await openVisit(request.ctx)
        const params = request.method === 'POST' ? formOf(request) : queryOf(request)
        const answer = await endpoint(request, params, { visit, page: () => page(request.ctx) })
        sendCookies(reply, visit)
        return send(reply, answer)
      },
    })
  }
  both('/application/o/authorize/', (request, params, browser) => authorize(request.ctx, params, browser))
  both(AUTHORIZE, (request, params, browser) => authorize(request.ctx, params, browser))
  both('/device', (request, params, browser) => devicePage(request.ctx, params, browser))
  app.get('/if/logout/', async (request, reply) => {
    const visit = await openVisit(request.ctx)
    const plan = await loadPlan(request.ctx, visit.session?.data[PLAN])
    const urls = framesOf(plan?.stages[0])
    return send(reply, urls ? renderLogoutFrames(await page(request.ctx), urls) : renderNotFound(await page(request.ctx)))
  })
  const frame = (path: string, clientsOf: (request: FastifyRequest) => Promise<readonly Client[]>) =>
    app.get(path, async (request, reply) => {
      reply.removeHeader('x-frame-options')
      const browser = { visit: await openVisit(request.ctx), page: () => page(request.ctx) }
      return send(reply, await checkSession(await clientsOf(request), browser))
    })
  frame('/application/o/check-session/', request => globalClients(request.ctx))
  frame('/application/o/:slug/check-session/', async request => {
    const client = await clientOfApplication(request.ctx, slugOf(request))
    return client ? [client] : []
  })
  both('/application/o/end-session/', (request, params, browser) => endSession(request.ctx, null, params, browser))
  both('/application/o/:slug/end-session/', (request, params, browser) => endSession(request.ctx, slugOf(request), params, browser))
}

/** What of OAuth 2 and OpenID Connect is for browsers, and the registration of clients. */
export async function oauthSurface(app: FastifyInstance, parts: OAuthParts): Promise<void> {
  await app.register(async scope => {
    takesBodies(scope, 'application/json', BODY_LIMIT)
    registrationRoutes(scope)
  })
  await app.register(async scope => {
    takesBodies(scope, FORM, BODY_LIMIT)
    browserRoutes(scope, parts)
  })
}
