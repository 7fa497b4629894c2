import { join } from 'node:path'
import cookie from '@fastify/cookie'
import Fastify, { LogController, type FastifyBaseLogger, type FastifyError, type FastifyInstance, type FastifyReply } from 'fastify'
import { mediaSurface } from './admin/media.ts'
import { apiSurface } from './api/surface.ts'
import { visitor } from './context.ts'
import { storeExplanations } from './explain/record.ts'
import { recoveryRoutes } from './core/user/recovery.ts'
import type { Deps } from './deps.ts'
import { ownPages } from './core/pages.ts'
import { faultPage } from './core/fault-page.ts'
import { pageContext } from './core/page-context.ts'
import { flowPages } from './flows/routes.ts'
import { openWeb, serveAssets } from './interfaces/assets.ts'
import { renderNotFound } from './interfaces/errors.ts'
import { sendPage } from './interfaces/page.ts'
import { accessTokenBearer } from './providers/oauth2/resource/bearer.ts'
import { oauthSurface, programSurface } from './providers/oauth2/surface.ts'
import { BODY_LIMIT } from './http/body.ts'
import { COMMON_HEADERS } from './http/direct.ts'
import { describeRequest } from './http/request.ts'
import type { Metrics } from './observability/metrics.ts'
import { captchaFrame } from './stages/captcha/frame.ts'
import { oauthSourceSurface } from './sources/oauth/surface.ts'
import { observe, teller, type Tell } from './server/observe.ts'

/** Routes have no schemas: bodies are checked by api/validate. Fastify would load two compilers for them at every start. */
const noSchemas = () => {
  throw new Error('a route has a schema; use api/validate')
}

/** The program's HTTP surfaces, mounted and ready to listen. Tests call it too. */
export async function createApp(given: Deps, { metrics }: { metrics?: Metrics } = {}): Promise<FastifyInstance> {
  const deps: Deps = { ...given, ...(metrics && { metrics }) }
  const tell = teller(deps)
  const app = Fastify({
    // No route is found for an address that cannot be read, and so no hook runs: it is told of like all others.
    frameworkErrors: (error, request, reply) => {
      const status = error.statusCode ?? 400
      tell({ caller: visitor, request: describeRequest(deps.config, request.id, request.raw) }, status, 0)
      const answer = (reply as FastifyReply).code(status).headers(COMMON_HEADERS)
      void answer.header('x-authentik-id', request.id).send({ detail: 'The address cannot be read.' })
    },
    // Requests are told by observe.
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: () => deps.randomBytes(16).toHex(),
    bodyLimit: BODY_LIMIT,
    // Client addresses are our own code over trusted networks; see http/client-address.
    trustProxy: false,
    routerOptions: { maxParamLength: 512 },
    schemaController: { compilersFactory: { buildValidator: noSchemas, buildSerializer: noSchemas } },
  })
  app.addHook('onClose', () => storeExplanations(deps))
  const prefix = deps.config.web.path.replace(/\/$/, '')
  await app.register(async programs => programSurface(programs, deps, tell), { prefix })
  await app.register(async everyone => everythingElse(everyone, deps, { prefix, tell }))
  return app
}

/** All but the endpoints that answer directly: hooks are for these alone. */
async function everythingElse(app: FastifyInstance, deps: Deps, { prefix, tell }: { prefix: string; tell: Tell }): Promise<void> {
  // For what the framework itself has to say. Nobody else logs by a request's own logger: what is told of a request names it by itself.
  app.setChildLoggerFactory((): FastifyBaseLogger => deps.log)
  observe(app, tell)
  app.removeAllContentTypeParsers() // each surface says what it takes: http/body
  await app.register(cookie)
  app.decorateRequest('ctx')
  app.addHook('onRequest', (request, reply, done) => {
    request.ctx = { ...deps, caller: visitor, request: describeRequest(deps.config, request.id, request.raw) }
    reply.header('x-authentik-id', request.id).headers(COMMON_HEADERS)
    done()
  })
  const web = await openWeb(join(deps.root, 'dist/web'), deps.config.web.path)
  const pages = { web }
  // Before the surfaces, which inherit it.
  app.setErrorHandler(async (error: FastifyError, request, reply) => sendPage(reply, await faultPage(request.ctx, pages, error)))
  const surfaces = async (scope: FastifyInstance): Promise<void> => {
    recoveryRoutes(scope)
    await serveAssets(scope, pages)
    await scope.register(async files => mediaSurface(files, deps))
    await scope.register(async api => void apiSurface(api, { ...deps.registry, bearerSources: [accessTokenBearer] }), { prefix: '/api/v3' })
    await scope.register(async oauth => oauthSurface(oauth, { page: ctx => pageContext(ctx, pages) }))
    await scope.register(async flows => flowPages(flows, pages))
    await scope.register(async sources => oauthSourceSurface(sources, pages))
    captchaFrame(scope, { page: request => pageContext(request.ctx, pages), send: sendPage })
    await scope.register(async own => ownPages(own, pages))
  }
  await app.register(surfaces, { prefix })
  app.setNotFoundHandler(async (request, reply) => sendPage(reply, renderNotFound(await pageContext(request.ctx, pages))))
}
