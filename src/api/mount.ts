import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { TSchema } from 'typebox'
import type { Ctx } from '../context.ts'
import { methodNotAllowed, notFound } from './errors.ts'
import type { Operations } from './crud.ts'
import type { Model, Query, Row } from './model.ts'
import { requireCaller } from './permissions.ts'

/** A kind of object that the API offers, and under which path. */
export type Resource = {
  /** Below `/api/v3`, e.g. `/core/groups`. */
  path: string
  model: Model
  operations: Operations
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Who is calling and with what; set for every request before anything else looks at it. */
    ctx: Ctx
  }
}

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const
type Method = (typeof METHODS)[number]

type Target = { resource: Resource; key?: string; usedBy?: boolean }

/** Finds the resource whose path begins the URL. The rest is nothing, a key, or a key with `used_by`. */
function resolver(resources: readonly Resource[]): (path: string) => Target | undefined {
  const byPath = new Map(resources.map(resource => [resource.path, resource]))
  return path => {
    const parts = path.split('/').filter(Boolean)
    for (const length of [parts.length, parts.length - 1, parts.length - 2]) {
      const resource = byPath.get(`/${parts.slice(0, length).join('/')}`)
      if (!resource) continue
      const [key, tail, ...more] = parts.slice(length)
      if (more.length > 0 || (tail !== undefined && tail !== 'used_by')) return undefined
      return { resource, key, usedBy: tail === 'used_by' }
    }
    return undefined
  }
}

/** The handler for a method on a target; undefined when the resource does not offer it. */
function handlerFor(
  { resource, key, usedBy }: Target,
  method: Method,
): ((ctx: Ctx, query: Query, body: Row) => Promise<[number, unknown]>) | undefined {
  const { list, retrieve, create, update, destroy, usedBy: references } = resource.operations
  if (usedBy) return method === 'GET' && references ? async ctx => [200, await references(ctx, key!)] : undefined
  if (key === undefined) {
    if (method === 'GET' && list) return async (ctx, query) => [200, await list(ctx, query)]
    if (method === 'POST' && create) return async (ctx, query, body) => [201, await create(ctx, body, query)]
    return undefined
  }
  if (method === 'GET' && retrieve) return async (ctx, query) => [200, await retrieve(ctx, key, query)]
  if (method === 'PUT' && update) return async (ctx, query, body) => [200, await update(ctx, key, body, false, query)]
  if (method === 'PATCH' && update) return async (ctx, query, body) => [200, await update(ctx, key, body, true, query)]
  if (method === 'DELETE' && destroy) return async ctx => [204, await destroy(ctx, key)]
  return undefined
}

/**
 * Serves the standard operations of all models through one wildcard route: hundreds of routes of their own
 * would cost tens of megabytes. Special routes are ordinary routes; the router prefers them.
 * @param special paths of the special routes, so that a wrong method on one is a 405 and not a 404
 */
export function mountResources(app: FastifyInstance, resources: readonly Resource[], special: SpecialRoutes): void {
  const resolve = resolver(resources)
  app.route({
    method: [...METHODS],
    url: '/*',
    handler: async (request: FastifyRequest, reply: FastifyReply) => {
      const path = `/${(request.params as { '*': string })['*']}`
      const method = request.method as Method
      if (!path.endsWith('/')) throw notFound()
      const target = resolve(path)
      const handler = target && handlerFor(target, method)
      if (!handler) {
        if (special.knows(path)) throw methodNotAllowed(method)
        if (!target) throw notFound()
        requireCaller(request.ctx)
        if (METHODS.some(other => handlerFor(target, other))) throw methodNotAllowed(method)
        throw notFound()
      }
      requireCaller(request.ctx)
      const [status, body] = await handler(request.ctx, request.query as Query, (request.body ?? {}) as Row)
      return reply.code(status).send(body)
    },
  })
}

/** Remembers the special routes of a surface and registers them. */
export type SpecialRoutes = {
  knows: (path: string) => boolean
  /** All of them, for the OpenAPI document. */
  all: readonly SpecialRoute[]
}

export type SpecialRoute = { method: Method; path: string; operation: SpecialOperation }

/** A route beyond the standard operations. */
export type SpecialOperation = {
  /** Open to visitors. Everything else demands a caller before anything is read. */
  anonymous?: boolean
  handler: (ctx: Ctx, request: FastifyRequest, reply: FastifyReply) => Promise<unknown>
  /** Status of a plain answer; 200 unless said, 204 sends nothing. */
  status?: number
  // What the OpenAPI document says of it beyond that. Names of schemas are those that the contract uses.
  /** Where the contract's name does not follow from the path. */
  operationId?: string
  /** Schema of the body, where one is read. */
  body?: TSchema
  /** Name of that schema. */
  bodyName?: string
  /** The body is a form with a file. */
  multipart?: boolean
  /** The answer: a schema, or the name of one (of a model's objects, or of `src/api/shapes.ts`). */
  response?: TSchema | string
  /** The answer is a list of those (`list`), or a page of them (`page`). */
  many?: 'list' | 'page'
  /** Parameters of the query, by name. */
  query?: Record<string, object>
  /** What to answer to a request that failed before or in the handler; what it throws is answered as everywhere. */
  failed?: (ctx: Ctx, error: FastifyError, reply: FastifyReply) => Promise<unknown>
}

/** Registers the special routes of a slice, keyed `METHOD /path/:param/`. */
export function specialRoutes(app: FastifyInstance, slices: readonly Record<string, SpecialOperation>[]): SpecialRoutes {
  const all = slices.flatMap(routes =>
    Object.entries(routes).map(([line, operation]): SpecialRoute => {
      const [method, path] = line.split(' ') as [Method, string]
      return { method, path, operation }
    }),
  )
  const add = (scope: FastifyInstance, { method, path, operation }: SpecialRoute) =>
    scope.route({
      method,
      url: path,
      ...(operation.failed && {
        // oxlint-disable-next-line typescript/no-misused-promises -- Fastify waits for it, whatever its type says
        errorHandler: async (error: FastifyError, request: FastifyRequest, reply: FastifyReply) =>
          operation.failed!(request.ctx, error, reply),
      }),
      handler: async (request, reply) => {
        if (!operation.anonymous) requireCaller(request.ctx)
        const answer = await operation.handler(request.ctx, request, reply)
        if (reply.sent) return reply
        return reply.code(operation.status ?? 200).send(operation.status === 204 ? undefined : answer)
      },
    })
  for (const route of all) if (!route.operation.multipart) add(app, route)
  const forms = all.filter(route => route.operation.multipart)
  // Only these read forms, so that forms elsewhere stay a wrong content type.
  if (forms.length > 0) {
    void app.register(async scope => {
      await scope.register((await import('@fastify/multipart')).default)
      for (const route of forms) add(scope, route)
    })
  }
  const patterns = all.map(({ path }) => new RegExp(`^${path.replaceAll(/:\w+/g, '[^/]+')}$`))
  return { all, knows: path => patterns.some(pattern => pattern.test(path)) }
}
