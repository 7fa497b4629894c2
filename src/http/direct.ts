import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { visitor, type Ctx } from '../context.ts'
import type { Deps } from '../deps.ts'
import { stopwatch } from '../lib/stopwatch.ts'
import { GONE, type Tell } from '../server/observe.ts'
import { BodyAborted } from './body.ts'
import { readForm } from './form.ts'
import { describeRequest } from './request.ts'

/** What every answer says of itself, whoever asked. */
export const COMMON_HEADERS = {
  'x-powered-by': 'authentik',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'same-origin',
  'x-frame-options': 'DENY',
} as const
const COMMON = Object.entries(COMMON_HEADERS).flat()

/** What an endpoint for programs answers. */
export type Answer = { status: number; headers: Readonly<Record<string, string>>; body: string | Uint8Array }

/** A request of a program. */
export type Asked = {
  ctx: Ctx
  headers: IncomingMessage['headers']
  /** By the names in the route's path, decoded. */
  params: Readonly<Record<string, string>>
  /** The body: a form, not yet taken apart. */
  form: string
}

export type DirectRoute = {
  method: string | string[]
  url: string
  endpoint: (asked: Asked) => Promise<Answer>
}

export type Direct = (app: FastifyInstance, route: DirectRoute) => void

/**
 * Mounts endpoints that programs call, many times a second and without cookies: the framework finds the route, and its first hook answers, with Node's
 * own request and response. Reading the body, hooks for everybody and sending by way of the framework would cost as much as the signature of
 * a token does (docs/performance.md).
 * @param options.failed the answer when an endpoint throws, or the body is none that can be read (BodyRefused)
 * @param options.limit bytes that a form may have
 */
export function direct(
  deps: Deps,
  tell: Tell,
  { failed, limit }: { failed: (error: unknown, ctx: Ctx) => Promise<Answer>; limit: number },
): Direct {
  const { config } = deps

  async function serve(request: FastifyRequest, raw: IncomingMessage, response: ServerResponse, endpoint: DirectRoute['endpoint']) {
    const age = stopwatch()
    const { id } = request
    const ctx: Ctx = { ...deps, caller: visitor, request: describeRequest(config, id, raw) }
    const bodiless = raw.method === 'GET' || raw.method === 'HEAD'
    let answer: Answer
    try {
      const form = bodiless ? '' : await readForm(raw, limit)
      answer = await endpoint({ ctx, headers: raw.headers, params: request.params as Record<string, string>, form })
    } catch (error) {
      if (error instanceof BodyAborted) return tell(ctx, GONE, age())
      answer = await failed(error, ctx)
      // What else the client sends of a body that nobody read is no request.
      if (!bodiless && !raw.complete) response.setHeader('connection', 'close')
    }
    if (response.destroyed) return tell(ctx, GONE, age())
    send(response, id, answer)
    tell(ctx, answer.status, age())
  }

  return (app, { method, url, endpoint }) =>
    void app.route({
      method,
      url,
      onRequest: (request, reply) => {
        reply.hijack()
        serve(request, request.raw, reply.raw, endpoint).catch((error: unknown) => {
          deps.log.error({ err: error, request_id: request.id }, 'a request cannot be answered')
          if (reply.raw.headersSent) reply.raw.destroy()
          else send(reply.raw, request.id, { status: 500, headers: {}, body: '' })
        })
      },
      handler: answered,
    })
}

/** No request comes as far. */
function answered(_request: FastifyRequest, _reply: FastifyReply): never {
  throw new Error('a request was not answered by its first hook')
}

/**
 * Bytes. A body of bytes is a second piece beside the head, and Node takes a dearer way to write two pieces (by 7 µs of 57) than to write one text;
 * as latin1 each byte is one character, there and back. Of a larger body the copies would cost more.
 */
const MOST_IN_ONE = 16 * 1024

/** Head and body in one piece, which the kernel then gets in one call. */
function send(response: ServerResponse, id: string, { status, headers, body }: Answer): void {
  const head: (string | number)[] = ['x-authentik-id', id, ...COMMON]
  const text = typeof body === 'string'
  let typed = false
  for (const name of Object.keys(headers)) {
    const value = headers[name]!
    if (name === 'content-type') {
      typed = true
      head.push(name, text && value.endsWith('json') ? `${value}; charset=utf-8` : value)
    } else head.push(name, value)
  }
  if (status === 204 || status === 304) {
    // RFC 9110 §8.6: a length would be that of the answer that is not sent.
    response.writeHead(status, head as string[]).end()
    return
  }
  if (!typed && text) head.push('content-type', 'text/plain; charset=utf-8')
  head.push('content-length', String(text ? Buffer.byteLength(body) : body.length))
  response.writeHead(status, head as string[])
  if (response.req.method === 'HEAD') response.end()
  else if (text || body.length > MOST_IN_ONE) response.end(body)
  else response.end(Buffer.from(body.buffer, body.byteOffset, body.length).toString('latin1'), 'latin1')
}
