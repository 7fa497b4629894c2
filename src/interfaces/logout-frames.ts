import { html } from './html.ts'
import type { Page, PageContext } from './page.ts'
import { pageHeaders, siteSource } from './security-headers.ts'

/**
 * The page inside the frame of a sign-out that opens clients' addresses, each in a frame of its own, and is loaded when all of them are. It runs
 * no script, and shows these sites and no other: where one of them sends its frame on to is not for us to open.
 * `urls` are http(s) addresses of registered clients.
 */
export function renderLogoutFrames({ lang }: Pick<PageContext, 'lang'>, urls: readonly string[]): Page {
  const origins = [...new Set(urls.map(siteSource).filter(origin => origin !== undefined))]
  const policy = [
    "default-src 'none'",
    `frame-src ${origins.length > 0 ? origins.join(' ') : "'none'"}`,
    "form-action 'none'",
    "base-uri 'none'",
    "frame-ancestors 'self'",
  ].join('; ')
  // Without `allow-top-navigation` a client's page cannot take the whole window along.
  const frames = urls.map(
    url => html`<iframe src="${url}" sandbox="allow-scripts allow-same-origin allow-forms" width="0" height="0" title=""></iframe>`,
  )
  const body = html`<!doctype html>
    <html lang="${lang}">
      <head>
        <meta charset="utf-8" />
        <title>Logout</title>
      </head>
      <body>
        ${frames}
      </body>
    </html> `
  return { status: 200, headers: pageHeaders(policy), body: body.source }
}
