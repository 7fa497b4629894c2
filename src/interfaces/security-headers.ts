/**
 * The content security policy of every page. Scripts run only with the nonce, and what they load themselves (`strict-dynamic`:
 * language tables, a CAPTCHA's script); text becomes markup or code nowhere (Trusted Types; the one policy name
 * is there for scripts of other origins that a stage has to load).
 *
 * `formAction`: what forms may be sent to besides the page's own origin: URLs, of which the origin counts, or scheme sources
 * such as `https:`. CSP3 §6.4.2.
 */
export function contentSecurityPolicy(nonce: string, { formAction = [] }: { formAction?: readonly string[] } = {}): string {
  return [
    "default-src 'none'",
    `script-src 'nonce-${nonce}' 'strict-dynamic'`,
    `style-src 'self' 'nonce-${nonce}'`,
    "img-src 'self' data: https:",
    "font-src 'self'",
    "connect-src 'self'",
    ["form-action 'self'", ...formAction.map(formSource)].join(' '),
    "frame-ancestors 'self'",
    "base-uri 'none'",
    "require-trusted-types-for 'script'",
    'trusted-types signet',
  ].join('; ')
}

/** A source expression for a form's target. Throws on a URL that has no origin to allow, such as `javascript:`. */
function formSource(target: string): string {
  if (/^[a-z][a-z\d+.-]*:$/i.test(target)) return target.toLowerCase()
  const url = new URL(target)
  if (url.protocol === 'http:' || url.protocol === 'https:') return url.origin
  if (/^(javascript|data|vbscript|blob|file):$/.test(url.protocol)) throw new Error(`Forms cannot be sent to ${url.protocol} addresses`)
  return url.protocol // an application's own scheme has no origin
}

/**
 * Headers of an HTML page. Addresses of flows carry one-time tokens, so other sites never see them (`referrer`), and no page is stored:
 * going back asks the server, which knows the step that is due.
 */
export function pageHeaders(policy: string, { referrer = 'same-origin' }: { referrer?: 'same-origin' | 'strict-origin' } = {}) {
  return {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': policy,
    'x-frame-options': 'SAMEORIGIN',
    'x-content-type-options': 'nosniff',
    'referrer-policy': referrer,
    'permissions-policy': 'camera=(), geolocation=(), microphone=(), publickey-credentials-create=(self), publickey-credentials-get=(self)',
    'cache-control': 'no-store',
  }
}
