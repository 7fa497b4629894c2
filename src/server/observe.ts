import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Deps } from '../deps.ts'
import type { Destination, Metrics } from '../observability/metrics.ts'
import { redactAddress } from '../observability/redact.ts'

/** ms on a clock that never goes back. */
// eslint-disable-next-line signet/ambient -- durations alone: nothing is decided by it
const elapsed = (): number => performance.now()

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

/**
 * A line in the log and a count in the metrics for each answered request. The query is left out and secrets in paths are masked.
 * Static files are told at level debug, answers with a fault of ours at error.
 */
export function observe(app: FastifyInstance, { config, log }: Pick<Deps, 'config' | 'log'>, metrics?: Metrics): void {
  const access = log.child({ logger: 'signet.access' })
  const shownHeaders = config.log.http_headers.map(name => [name.toLowerCase(), name.toLowerCase().replaceAll('-', '_')] as const)
  const begun = new WeakMap<FastifyRequest, number>()
  const prefix = config.web.path.slice(0, -1)

  app.addHook('onRequest', (request, _reply, done) => {
    begun.set(request, elapsed())
    done()
  })

  const tell = (request: FastifyRequest, status: number, event?: string) => {
    const ms = elapsed() - (begun.get(request) ?? elapsed())
    const [path = '/'] = request.url.split('?', 1)
    const dest = destination(path.startsWith(`${prefix}/`) ? path.slice(prefix.length) : path)
    metrics?.request(dest, request.method, status, ms / 1_000)
    const level = status >= 500 ? 'error' : dest === 'static' ? 'debug' : 'info'
    if (!access.isLevelEnabled(level)) return
    const { caller, request: info } = request.ctx
    access[level](
      {
        request_id: request.id,
        method: request.method,
        path: redactAddress(path),
        status,
        ms: Math.round(ms * 10) / 10,
        remote: info?.clientIp,
        host: info?.host,
        user: caller.user?.username ?? '',
        ...Object.fromEntries(shownHeaders.map(([header, field]) => [field, request.headers[header] ?? ''])),
      },
      event ?? 'request',
    )
  }

  app.addHook('onResponse', (request, reply, done) => {
    tell(request, reply.statusCode)
    done()
  })
  // Nobody waited for the answer; the number is the one that proxies use for it.
  app.addHook('onRequestAbort', (request, done) => {
    if (request.ctx) tell(request, 499, 'request aborted')
    done()
  })
}
