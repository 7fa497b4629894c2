/**
 * The content security policy of every page. Scripts run only with the nonce, and what they load themselves (`strict-dynamic`:
 * language tables, views that are files of their own); text becomes markup or code nowhere (Trusted Types, with no policy at all).
 * Frames show pages of ours alone; a page with scripts of another site (see captcha-frame.ts) has a policy of its own.
 *
 * `formAction`: further targets of forms than the page's own origin, as source expressions; see `handOverTargets`.
 */
export function contentSecurityPolicy(nonce: string, { formAction = [] }: { formAction?: readonly string[] } = {}): string {
  return [
    "default-src 'none'",
    `script-src 'nonce-${nonce}' 'strict-dynamic'`,
    `style-src 'self' 'nonce-${nonce}'`,
    "img-src 'self' data: https:",
    "font-src 'self'",
    "connect-src 'self'",
    "frame-src 'self'",
    ["form-action 'self'", ...formAction].join(' '),
    "frame-ancestors 'self'",
    "base-uri 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; ')
}

/**
 * The `formAction` of a page whose only form hands values to the client at `action`. Browsers apply the directive to the redirects
 * that follow as well (CSP3 §6.4.2, enforced by Chromium), and where a client sends people after its callback is the client's affair:
 * so the scheme is allowed, not the one origin. Such a page holds nothing but escaped values of our own.
 * Throws when `action` is not an address that a form may be sent to.
 */
export function handOverTargets(action: string): string[] {
  const { protocol } = new URL(action)
  if (protocol === 'https:') return ['https:']
  if (protocol === 'http:') return ['http:', 'https:']
  throw new Error(`Forms cannot be handed over to ${protocol} addresses`)
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

/**
 * The site of an address as a source expression; undefined when it has none, or one that could end the directive that it stands in
 * (hosts may hold `;` and `,` by the URL Standard).
 */
export function siteSource(url: string): string | undefined {
  const origin = URL.canParse(url) ? new URL(url).origin : ''
  return /^https?:\/\/[\w.:[\]-]+$/.test(origin) ? origin : undefined
}
