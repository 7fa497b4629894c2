import type { FastifyInstance } from 'fastify'
import type { Caller, RequestInfo } from '../context.ts'
import type { Deps } from '../deps.ts'
import { stopwatch } from '../lib/stopwatch.ts'
import { accessLines } from '../observability/access.ts'
import type { Destination } from '../observability/metrics.ts'

const SURFACES: readonly [prefix: string, dest: Destination][] = [
  ['/api/v3/flows/executor/', 'flow'],
  ['/api/', 'api'],
  ['/if/flow/', 'flow'],
  ['/application/o/', 'oauth2'],
  ['/application/saml/', 'saml'],
  ['/outpost.goauthentik.io/', 'embedded_outpost'],
  ['/static/', 'static'],
  ['/ws/', 'websocket'],
  ['/-/', 'health'],
]

/** The surface that a path belongs to, for metrics. */
export const destination = (path: string): Destination => SURFACES.find(([prefix]) => path.startsWith(prefix))?.[1] ?? 'core'

/** What is told of a request: that it was answered with this status after so many ms, or, with 499, that nobody waited for the answer. */
export type Tell = (asked: { request: RequestInfo | null; caller: Caller }, status: number, ms: number) => void

/** The status that proxies use for a request whose client has gone. */
export const GONE = 499

/**
 * A line in the log and a count in the metrics for each answered request. The query is left out and secrets in paths are masked.
 * Static files are told at level debug, answers with a fault of ours at error.
 */
export function teller({ config, log, metrics }: Pick<Deps, 'config' | 'log' | 'metrics'>): Tell {
  const shown = [...new Set(config.log.http_headers.map(name => name.toLowerCase()))]
  const write = accessLines(
    log.child({ logger: 'signet.access' }),
    shown.map(name => name.replaceAll('-', '_')),
  )
  const prefix = config.web.path.slice(0, -1)
  return ({ request, caller }, status, ms) => {
    if (!request) return
    const { id, method, path, clientIp, host, headers } = request
    const dest = destination(path.startsWith(`${prefix}/`) ? path.slice(prefix.length) : path)
    metrics?.request(dest, method, status, ms / 1_000)
    write(
      status >= 500 ? 'error' : dest === 'static' ? 'debug' : 'info',
      {
        request_id: id,
        method,
        path,
        status,
        ms: Math.round(ms * 10) / 10,
        remote: clientIp,
        host,
        user: String(caller.user?.username ?? ''),
      },
      shown.map(name => headers[name] ?? ''),
      status === GONE ? 'request aborted' : 'request',
    )
  }
}

declare module 'fastify' {
  interface FastifyRequest {
    /** ms since it came. */
    age: () => number
  }
}

/** Tells of each request of these routes. */
export function observe(app: FastifyInstance, tell: Tell): void {
  app.decorateRequest('age')
  app.addHook('onRequest', (request, _reply, done) => {
    request.age = stopwatch()
    done()
  })
  app.addHook('onResponse', (request, reply, done) => {
    tell(request.ctx, reply.statusCode, request.age())
    done()
  })
  app.addHook('onRequestAbort', (request, done) => {
    if (request.ctx) tell(request.ctx, GONE, request.age())
    done()
  })
}
