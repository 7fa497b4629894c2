import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Ctx } from '../../context.ts'
import { sessionCaller } from '../../core/callers.ts'
import { SESSION_COOKIE } from '../../core/sessions.ts'
import { loadPlan } from '../../flows/plan.ts'
import { openVisit, PLAN, sendCookies } from '../../flows/visit.ts'
import { renderNotFound, renderServerError } from '../../interfaces/errors.ts'
import { renderLogoutFrames } from '../../interfaces/logout-frames.ts'
import type { PageContext } from '../../interfaces/page.ts'
import { errorAnswer, redirectAnswer, type Answer } from './answer.ts'
import { authorize } from './authorize.ts'
import type { Browser } from './browser.ts'
import type { Headers } from './client-authentication.ts'
import { preflight, readableRefusal } from './cors.ts'
import { deviceAuthorization } from './device/authorization.ts'
import { devicePage } from './device/page.ts'
import { discovery, jwks, webfinger } from './discovery.ts'
import { globalClients, rootDiscovery, rootJwks } from './root-discovery.ts'
import { endSession } from './end-session.ts'
import { clientOfApplication, type Client } from './client.ts'
import { endpoints } from './addresses.ts'
import { invalidRequest, OAuthError } from './errors.ts'
import { githubTeams, githubUser } from './github/api.ts'
import { AUTHORIZE } from './github/scopes.ts'
import { introspect } from './introspect.ts'
import { framesOf } from './logout/front-channel.ts'
import { readParameters, type Parameters } from './parameters.ts'
import { pushRequest } from './pushed-request.ts'
import { deleteRegistration, readRegistration, register, updateRegistration } from './registration/endpoint.ts'
import { revoke } from './revoke.ts'
import { checkSession } from './session-state.ts'
import { token } from './token.ts'
import { userinfo } from './userinfo.ts'

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
function machineError(error: FastifyError, request: FastifyRequest): Answer {
  if (error instanceof OAuthError) return errorAnswer(error, request.id)
  if (error.statusCode === 413)
    return errorAnswer(new OAuthError('invalid_request', 'The request is too large', { status: 413 }), request.id) // RFC 9126 §2.3
  if (error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500) return errorAnswer(invalidRequest(), request.id)
  request.ctx.log.error(
    { err: error, event: 'unhandled error', path: request.url.split('?')[0], request_id: request.id },
    'unhandled error',
  )
  return errorAnswer(new OAuthError('server_error', 'The authorization server encountered an error', { status: 500 }), request.id)
}

type Endpoint = (ctx: Ctx, headers: Headers, form: Parameters) => Promise<Answer>

/** Endpoints for programs: no cookies are looked at, bodies are forms and nothing else. */
function machineRoutes(app: FastifyInstance): void {
  const tell = async (request: FastifyRequest, reply: FastifyReply, answer: Answer) =>
    send(reply, await readableRefusal(request.ctx, request.headers, answer))
  app.setErrorHandler((error: FastifyError, request, reply) => tell(request, reply, machineError(error, request)))
  const post = (path: string, endpoint: Endpoint) =>
    app.post(path, async (request, reply) => tell(request, reply, await endpoint(request.ctx, request.headers, formOf(request))))
  for (const path of ['token', 'device', 'par', 'introspect', 'revoke'])
    app.route({
      method: ['GET', 'PUT', 'PATCH', 'DELETE'],
      url: `/application/o/${path}/`,
      handler: async (request, reply) => {
        const { headers, ...answer } = errorAnswer(invalidRequest('This endpoint takes POST alone'), request.id)
        return send(reply, { ...answer, headers: { ...headers, allow: 'POST' }, status: 405 }) // RFC 9126 §2.3
      },
    })
  post('/application/o/token/', token)
  post('/login/oauth/access_token', token)
  app.get('/user', async (request, reply) => send(reply, await githubUser(request.ctx, request.headers)))
  app.get('/user/teams', async (request, reply) => send(reply, await githubTeams(request.ctx, request.headers)))
  post('/application/o/device/', deviceAuthorization)
  post('/application/o/par/', pushRequest)
  post('/application/o/introspect/', introspect)
  post('/application/o/revoke/', revoke)
  post('/application/o/userinfo/', userinfo)
  app.get('/application/o/userinfo/', async (request, reply) =>
    tell(request, reply, await userinfo(request.ctx, request.headers, readParameters(''))),
  )
  for (const path of [
    '/application/o/token/',
    '/application/o/userinfo/',
    '/application/o/revoke/',
    '/application/o/par/',
    '/application/o/:slug/.well-known/openid-configuration',
  ]) {
    app.options(path, async (request, reply) =>
      reply
        .code(204)
        .headers(await preflight(request.ctx, request.headers))
        .send(),
    )
  }
  const metadata = async (request: FastifyRequest, reply: FastifyReply) =>
    send(reply, (await discovery(request.ctx, slugOf(request), request.headers)) ?? notFound)
  app.get('/application/o/:slug/.well-known/openid-configuration', metadata)
  app.get('/.well-known/oauth-authorization-server/application/o/:slug/', metadata) // RFC 8414 §3.1
  app.get('/application/o/:slug/jwks/', async (request, reply) => send(reply, (await jwks(request.ctx, slugOf(request))) ?? notFound))
  for (const path of ['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server'])
    app.get(path, async (request, reply) => send(reply, (await rootDiscovery(request.ctx)) ?? notFound))
  app.get('/.well-known/jwks.json', async (request, reply) => send(reply, (await rootJwks(request.ctx)) ?? notFound))
  app.get('/.well-known/webfinger', async (request, reply) => send(reply, await webfinger(request.ctx, queryOf(request).get('resource'))))
  app.get('/application/o/:slug/', async (request, reply) => {
    const client = await clientOfApplication(request.ctx, slugOf(request))
    const location = client && endpoints(request.ctx, client).discovery
    return send(reply, location ? redirectAnswer(location, 'GET') : notFound)
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
  app.setErrorHandler((error: FastifyError, request, reply) => send(reply, machineError(error, request)))
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
  app.addHook('onRequest', async request => {
    const { caller } = await sessionCaller(request.ctx, request.cookies[SESSION_COOKIE])
    request.ctx = { ...request.ctx, caller }
  })
  app.setErrorHandler(async (error: FastifyError, request, reply) => {
    const status = error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500 ? error.statusCode : 500
    if (status === 500)
      request.ctx.log.error(
        { err: error, event: 'unhandled error', path: request.url.split('?')[0], request_id: request.id },
        'unhandled error',
      )
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

/** OAuth 2 and OpenID Connect over HTTP. */
export async function oauthSurface(app: FastifyInstance, parts: OAuthParts): Promise<void> {
  const takes = (scope: FastifyInstance, type: string) => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser(type, { parseAs: 'string', bodyLimit: BODY_LIMIT }, (_request, text, done) => done(null, text))
  }
  const forms = (scope: FastifyInstance) => takes(scope, 'application/x-www-form-urlencoded')
  await app.register(async scope => {
    takes(scope, 'application/json')
    registrationRoutes(scope)
  })
  await app.register(async scope => {
    forms(scope)
    machineRoutes(scope)
  })
  await app.register(async scope => {
    forms(scope)
    browserRoutes(scope, parts)
  })
}
