import type { IncomingMessage } from 'node:http'

/** How many headers a request may have. */
export const MAX_HEADERS = 100

/**
 * What the HTTP parser lets pass and yet is no honest request: the status to refuse it with. Two Host headers could mean one site to a
 * proxy in front and another one here (RFC 9112 §3.2); of two `Transfer-Encoding` headers the parser looks at the last (§6.1).
 */
export function refusal({ rawHeaders }: Pick<IncomingMessage, 'rawHeaders'>): 400 | 431 | undefined {
  if (rawHeaders.length > 2 * MAX_HEADERS) return 431
  let hosts = 0
  let encodings = 0
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!
    if (name.length === 4 && name.toLowerCase() === 'host') hosts++
    else if (name.length === 17 && name.toLowerCase() === 'transfer-encoding') encodings++
  }
  return hosts > 1 || encodings > 1 ? 400 : undefined
}

/**
 * The path and query that a request is for. A target may hold scheme and host too, as proxies are asked (RFC 9112 §3.2.2): what reads paths must not
 * take that for one. undefined: no target, or of another host than the header names.
 */
export function pathAsked({ url = '/', headers }: Pick<IncomingMessage, 'url' | 'headers'>): string | undefined {
  if (url.startsWith('/') || url === '*') return url
  const [, host, path = ''] = /^https?:\/\/([^/?#]+)(.*)$/i.exec(url) ?? []
  if (host === undefined || host.toLowerCase() !== headers.host?.toLowerCase()) return undefined
  return path.startsWith('/') ? path : `/${path}`
}
