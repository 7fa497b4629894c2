import { html, jsonForScript } from './html.ts'
import type { Page, PageContext } from './page.ts'
import { pageHeaders } from './security-headers.ts'

/**
 * The page that applications show in a hidden frame to hear of sign-ins and sign-outs (OIDC Session Management §3.2): one script that reads one
 * cookie, and answers questions. It loads nothing else and sends nothing anywhere.
 * `framers` are source expressions: sites that may ask.
 */
export function renderCheckSession(
  { web, lang, nonce }: PageContext,
  { cookie, framers }: { cookie: string; framers: readonly string[] },
): Page {
  const policy = [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    "form-action 'none'",
    "base-uri 'none'",
    `frame-ancestors ${framers.length > 0 ? framers.join(' ') : "'none'"}`,
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; ')
  const { 'x-frame-options': _, ...headers } = pageHeaders(policy) // which knows no list of sites
  const body = html`<!doctype html>
    <html lang="${lang}">
      <head>
        <meta charset="utf-8" />
        <title>Session</title>
        <script type="application/json" id="check-session" nonce="${nonce}">
          ${jsonForScript({ cookie })}
        </script>
        <script type="module" src="${web.assets.url('pages/check-session.ts')}" nonce="${nonce}"></script>
      </head>
      <body></body>
    </html> `
  return { status: 200, headers, body: body.source }
}
