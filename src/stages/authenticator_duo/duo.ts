import { createHmac } from 'node:crypto'
import type { Ctx } from '../../context.ts'
import { outgoingOf } from '../../http/outgoing/client.ts'
import { OutgoingError } from '../../http/outgoing/error.ts'

/** How Duo's service is reached: its host, as in the application's page of Duo, and a pair of keys. */
export type DuoAccess = { host: string; integrationKey: string; secretKey: string }

type DuoRequest = {
  method: 'GET' | 'POST'
  /** Begins with `/auth/v2/` or `/admin/v1/`. */
  path: string
  params?: Readonly<Record<string, string>>
  /** Milliseconds until Duo must have answered. */
  timeout?: number
}

/** Duo said no, said something else, or said nothing. The message is for administrators. */
export class DuoError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'DuoError'
  }
}

/** Percent-encoding as Duo signs it: everything but letters, digits and `-._~`. */
const encoded = (text: string): string =>
  encodeURIComponent(text).replaceAll(/[!'()*]/g, sign => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`)

/** Parameters sorted by their encoded names, each `name=value`, joined with `&`. */
export const canonicalParams = (params: Readonly<Record<string, string>>): string =>
  Object.entries(params)
    .map(([name, value]) => [encoded(name), encoded(value)] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join('&')

/** What is signed (Duo's Auth and Admin API, "Authentication"): date, method, host, path and parameters, one a line. */
export const canonicalRequest = (
  date: string,
  { method, path, params = {} }: Pick<DuoRequest, 'method' | 'path' | 'params'>,
  host: string,
): string => [date, method.toUpperCase(), host.toLowerCase(), path, canonicalParams(params)].join('\n')

/** RFC 2822, with the offset in digits, as Duo's own clients write it. */
const dateLine = (now: Date): string => now.toUTCString().replace(/GMT$/, '-0000')

/** The service's address. Encrypted, except on this machine, where what listens may be a tunnel. */
function originOf(host: string): URL {
  const url = URL.parse(/^https?:\/\//.test(host) ? host : `https://${host}`)
  const isLocal = url !== null && /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname)
  if (url === null || url.pathname !== '/' || url.search !== '' || (url.protocol !== 'https:' && !isLocal))
    throw new DuoError(`${host} is no API hostname of Duo.`)
  return url
}

/**
 * Calls Duo, signed with HMAC-SHA-512. Answers its `response` and `metadata`.
 * @throws DuoError
 */
export async function callDuo(ctx: Pick<Ctx, 'config' | 'now'>, access: DuoAccess, request: DuoRequest): Promise<DuoAnswer> {
  const { method, path, params = {}, timeout } = request
  const origin = originOf(access.host)
  const date = dateLine(ctx.now())
  const signature = createHmac('sha512', access.secretKey)
    .update(canonicalRequest(date, request, origin.host))
    .digest('hex')
  const form = canonicalParams(params)
  const isPost = method === 'POST'
  try {
    const { status, body } = await outgoingOf(ctx.config)(`${origin.origin}${path}${isPost || form === '' ? '' : `?${form}`}`, {
      method,
      headers: {
        date,
        authorization: `Basic ${Buffer.from(`${access.integrationKey}:${signature}`).toString('base64')}`,
        ...(isPost && { 'content-type': 'application/x-www-form-urlencoded' }),
      },
      ...(isPost && { body: form }),
      // A signature is for one host alone.
      redirects: 0,
      timeout,
    })
    return readAnswer(status, Buffer.from(body).toString('utf8'))
  } catch (error) {
    if (error instanceof OutgoingError) throw new DuoError(`Duo cannot be reached: ${error.message}`, error)
    throw error
  }
}

export type DuoAnswer = { response: unknown; metadata: Record<string, unknown> }

function readAnswer(status: number, text: string): DuoAnswer {
  let body: Record<string, unknown> | null
  try {
    body = JSON.parse(text) as Record<string, unknown> | null
  } catch (error) {
    throw new DuoError(`Received ${status}, and no JSON`, error)
  }
  if (status === 200 && body?.stat === 'OK')
    return { response: body.response, metadata: (body.metadata as Record<string, unknown> | undefined) ?? {} }
  const said = [body?.message, body?.message_detail].filter(part => typeof part === 'string')
  throw new DuoError(`Received ${status} ${said[0] ?? ''}${said[1] ? ` (${said[1]})` : ''}`.trim())
}
