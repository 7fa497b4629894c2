import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { secretsEqual } from '../lib/constant-time.ts'
import { pathAsked, refusal } from './hardening.ts'

/** What the front asks the running program; each may be set when its part is there. */
export type Behind = {
  /** The application; undefined while the program starts. */
  app?: RequestListener
  /** Whether requests can be served now: the database answers. */
  ready?: () => Promise<boolean>
  /** Metrics, and the key that whoever asks on this port must present. */
  metrics?: { key: string; exposition: () => Promise<{ contentType: string; text: string }> }
  /** The program is going down: connections end with their answers. */
  closing?: boolean
}

/**
 * What stands before the application on every socket: refuses what is no honest request, answers for health and metrics, and says
 * "starting" until there is an application. `behind` is looked at afresh for each request.
 * @param prefix path that the server lives under, `/` or `/auth/`; probes are answered with and without it
 */
export function front(behind: Behind, { prefix, starting }: { prefix: string; starting: RequestListener }): RequestListener {
  return (request, response) => {
    const path = pathAsked(request)
    const refused = path === undefined ? 400 : refusal(request)
    if (refused !== undefined) {
      response.writeHead(refused, { connection: 'close', 'content-length': '0' }).end()
      return
    }
    request.url = path
    if (behind.closing) response.setHeader('connection', 'close')
    const special = specialPath(request.url ?? '/', prefix)
    if (special !== undefined) void answerSpecial(special, behind, request, response)
    else if (behind.app) behind.app(request, response)
    else starting(request, response)
  }
}

type Special = 'live' | 'ready' | 'metrics'
const SPECIAL: Readonly<Record<string, Special>> = { 'health/live/': 'live', 'health/ready/': 'ready', 'metrics/': 'metrics' }

/** The part of a path behind `/-/` that is answered here. */
function specialPath(url: string, prefix: string): Special | undefined {
  const path = prefix !== '/' && url.startsWith(prefix) ? url.slice(prefix.length - 1) : url
  if (!path.startsWith('/-/')) return undefined
  const [name = ''] = path.slice(3).split('?', 1)
  return Object.hasOwn(SPECIAL, name) ? SPECIAL[name] : undefined
}

async function answerSpecial(special: Special, behind: Behind, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const send = (status: number, text = '', type = 'text/plain; charset=utf-8') =>
    void response
      .writeHead(status, { 'content-type': type, 'cache-control': 'no-store', 'content-length': Buffer.byteLength(text) })
      .end(request.method === 'HEAD' ? '' : text)
  if (request.method !== 'GET' && request.method !== 'HEAD') return send(405)
  if (special === 'live') return send(200)
  if (special === 'ready') return send(!behind.closing && ((await behind.ready?.()) ?? false) ? 200 : 503)
  const { metrics } = behind
  if (!metrics) return send(503)
  const [scheme, key = ''] = (request.headers.authorization ?? '').split(' ', 2)
  if (scheme?.toLowerCase() !== 'bearer' || !secretsEqual(key, metrics.key)) {
    response.setHeader('www-authenticate', 'Bearer')
    return send(401)
  }
  const { contentType, text } = await metrics.exposition()
  return send(200, text, contentType)
}
