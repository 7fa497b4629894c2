import type { FastifyError, FastifyInstance, FastifyRequest } from 'fastify'
import type { Ctx } from '../context.ts'
import { bearerCaller, sessionCaller, type BearerSource } from '../core/callers.ts'
import { CSRF_COOKIE, SESSION_COOKIE } from '../core/session/session.ts'
import { isUnavailable } from '../db/fault.ts'
import { secretsEqual } from '../lib/constant-time.ts'
import { BODY_LIMIT, BodyRefused, takesBodies } from '../http/body.ts'
import { QueueFullError } from '../lib/turn-queue.ts'
import { ApiError, permissionDenied, unsupportedMediaType } from './errors.ts'
import { warningsHeader } from './warnings.ts'
import { mountResources, specialRoutes, type Resource, type SpecialOperation, type SpecialRoutes } from './mount.ts'

const RETRY_AFTER = '5' // seconds

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS'])

/**
 * A signed-in browser's writes must prove that they come from our own pages: the header repeats the cookie,
 * which other sites cannot read. Tokens travel in a header of their own and need no proof.
 */
function requireCsrf(request: FastifyRequest): void {
  if (SAFE.has(request.method)) return
  const cookie = request.cookies[CSRF_COOKIE]
  const header = request.headers['x-authentik-csrf']
  if (!cookie || typeof header !== 'string' || header === '') throw permissionDenied('CSRF Failed: CSRF token missing.')
  if (!secretsEqual(header, cookie)) throw permissionDenied("CSRF Failed: CSRF token from the 'X-Authentik-Csrf' HTTP header incorrect.")
}

/** Finds out who is calling, before the body is read. */
async function identify(request: FastifyRequest, bearerSources: readonly BearerSource[]): Promise<Ctx['caller']> {
  const header = request.headers.authorization
  const bearer = header === undefined ? undefined : await bearerCaller(request.ctx, header, bearerSources)
  if (bearer) return bearer
  const { caller } = await sessionCaller(request.ctx, request.cookies[SESSION_COOKIE])
  if (caller.user !== null) requireCsrf(request)
  return caller
}

/** What a failure becomes on the wire. Anything that is not ours to explain is a 500 with the request's id; its cause stays in the log. */
function answerTo(error: FastifyError, request: FastifyRequest): ApiError {
  if (error instanceof ApiError) return error
  if (error instanceof QueueFullError) return new ApiError(503, { detail: 'Too many requests wait to be checked. Try again in a moment.' })
  if (error.code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') return unsupportedMediaType(request.headers['content-type'] ?? '')
  if (error instanceof BodyRefused) return new ApiError(error.statusCode, { detail: 'Request body is too large.' })
  if (isUnavailable(error)) {
    request.ctx.log.error({ err: error, path: request.url.split('?')[0], request_id: request.id }, 'the database is not available')
    return new ApiError(503, { detail: 'The database is not available. Try again in a moment.' })
  }
  if (error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500)
    return new ApiError(error.statusCode, { detail: error.message })
  request.ctx.log.error({ err: error, path: request.url.split('?')[0], request_id: request.id }, 'unhandled error')
  return new ApiError(500, { detail: `Internal server error. Request id: ${request.id}` })
}

/** A JSON body; an empty one is no body. `__proto__` keys are refused, not stripped. */
function readJson(text: string): unknown {
  if (text === '') return undefined
  try {
    return parseJson(text)
  } catch (error) {
    throw new ApiError(400, { detail: `JSON parse error - ${(error as Error).message}` }, { cause: error })
  }
}

/** Nesting beyond this is nobody's honest document, and costs stack wherever it is walked. */
const MAX_DEPTH = 64

function parseJson(text: string): unknown {
  const value: unknown = JSON.parse(text, (key, inner: unknown) => {
    if (key === '__proto__') throw new SyntaxError('forbidden key "__proto__"')
    return inner
  })
  let layer: unknown[] = [value]
  for (let depth = 0; layer.length > 0; depth++) {
    if (depth > MAX_DEPTH) throw new SyntaxError(`nested deeper than ${MAX_DEPTH} levels`)
    layer = layer.flatMap(item => (typeof item === 'object' && item !== null ? Object.values(item) : []))
  }
  return value
}

/** What the composition root tells this surface to offer. */
export type ApiParts = {
  resources: readonly Resource[]
  routes: readonly Record<string, SpecialOperation>[]
  bearerSources: readonly BearerSource[]
}

/** The REST API below `/api/v3`. Returns the special routes, for the OpenAPI document. */
export function apiSurface(app: FastifyInstance, parts: ApiParts): SpecialRoutes {
  takesBodies(app, 'application/json', BODY_LIMIT, readJson)
  app.addHook('onRequest', async (request, reply) => {
    // Among the answers are secrets and tokens, and none is for anybody but who asked.
    void reply.header('cache-control', 'no-store')
    // No name, key or filter has a NUL, and PostgreSQL cannot be asked for one.
    if (/%00/.test(request.url)) throw new ApiError(400, { detail: 'Null characters are not allowed.' })
    request.ctx = { ...request.ctx, caller: await identify(request, parts.bearerSources) }
  })
  app.addHook('onSend', async (request, reply) => {
    const warnings = warningsHeader(request.ctx)
    if (warnings !== undefined) void reply.header('X-Signet-Warning', warnings)
  })
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const { status, body } = answerTo(error, request)
    if (status === 503) void reply.header('retry-after', RETRY_AFTER)
    return reply.code(status).send(body)
  })
  const special = specialRoutes(app, parts.routes)
  mountResources(app, parts.resources, special)
  return special
}
