import type { Ctx } from '../context.ts'

/** A path of ours as browsers see it: below the path that the whole server lives under. */
export const pathOf = (ctx: Pick<Ctx, 'config'>, path: string): string => ctx.config.web.path.slice(0, -1) + path

/** A path with a query, where there is one. */
export const withQuery = (path: string, query: string): string => (query === '' ? path : `${path}?${query}`)

/** The page of a flow; `query` is added as it is, without `?`. */
export const flowPath = (ctx: Pick<Ctx, 'config'>, slug: string, query = ''): string => withQuery(pathOf(ctx, `/if/flow/${slug}/`), query)

/** Where visitors sign in, to come back to the page that they asked for. */
export const signInPath = (ctx: Ctx): string => {
  const asked = withQuery(ctx.request?.path ?? '/', ctx.request?.query ?? '')
  return `${pathOf(ctx, '/flows/-/default/authentication/')}?next=${encodeURIComponent(asked)}`
}

/**
 * Whether a text is a path on this server and nothing else: browsers read `//host` and `/\host` as another host, and drop
 * tabs and line breaks before they look.
 */
const isOwnPath = (text: string): boolean => /^\/(?![/\\])[^\\\u0000-\u0020\u007f]*$/.test(text)

/**
 * Whether a path may be what follows a flow (`next`). Not one where sources begin: whoever is signed in and comes there connects what they
 * are at the source with their account, which somebody else's link must not make them do.
 */
export function isReturnPath(ctx: Pick<Ctx, 'config'>, text: string): boolean {
  if (!isOwnPath(text)) return false
  try {
    // As browsers and our router read it: dots are followed, escapes undone.
    const path = decodeURIComponent(new URL(text, 'http://here').pathname).replaceAll(/\/{2,}/g, '/')
    return !path.startsWith(pathOf(ctx, '/source/'))
  } catch {
    return false
  }
}

/** Schemes that run code or read local data where a browser is sent to them. */
const DANGEROUS = new Set(['javascript', 'data', 'vbscript', 'blob', 'filesystem', 'file'])

/** Whether a browser may be sent there at all: a path, http(s), or an application's own scheme. */
export function isSafeTarget(url: string): boolean {
  // Browsers drop these characters inside a scheme before they read it.
  const scheme = /^([a-z][a-z\d+.-]*):/i.exec(url.replaceAll(/[\u0000-\u0020]/g, ''))?.[1]?.toLowerCase()
  return scheme === undefined || !DANGEROUS.has(scheme)
}
