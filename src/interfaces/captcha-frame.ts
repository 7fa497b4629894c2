import { html, jsonForScript } from './html.ts'
import type { Page, PageContext } from './page.ts'
import { pageHeaders } from './security-headers.ts'

/** What a provider's widget needs; all of it stands in the challenge as well. */
export interface CaptchaWidget {
  js_url: string
  site_key: string
  interactive: boolean
  theme: 'light' | 'dark'
}

/** Where the widgets of known providers come from besides the address of their script, by host of the script. */
const COMPANIONS: readonly (readonly [script: RegExp, sources: readonly string[]])[] = [
  [
    /^(?:www\.)?(?:google\.com|recaptcha\.net)$/,
    ['https://www.google.com', 'https://www.recaptcha.net', 'https://recaptcha.google.com', 'https://www.gstatic.com'],
  ],
  [/(?:^|\.)hcaptcha\.com$/, ['https://hcaptcha.com', 'https://*.hcaptcha.com']],
]

/** Origins that a widget may use: its script's own, and those its provider documents. Never anything that could end the directive. */
export function widgetSources(scriptUrl: string): string[] {
  const { origin, hostname } = new URL(scriptUrl)
  return [...new Set([origin, ...(COMPANIONS.find(([script]) => script.test(hostname))?.[1] ?? [])])]
}

/**
 * The page inside the frame that shows a provider's widget. Its script writes markup and styles as it likes, which no page of flows
 * allows: so it gets a page of its own, which may load from the provider and from nowhere else.
 */
export function renderCaptchaFrame({ web, lang, nonce }: PageContext, widget: CaptchaWidget): Page {
  const sources = widgetSources(widget.js_url).join(' ')
  const policy = [
    "default-src 'none'",
    `script-src 'nonce-${nonce}' ${sources}`,
    `style-src 'unsafe-inline' ${sources}`,
    `img-src data: ${sources}`,
    `font-src ${sources}`,
    `connect-src ${sources}`,
    `frame-src ${sources}`,
    'worker-src blob:',
    "form-action 'none'",
    "base-uri 'none'",
    "frame-ancestors 'self'",
  ].join('; ')
  const body = html`<!doctype html>
    <html lang="${lang}">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="${widget.theme}" />
        <title>Captcha</title>
        <style>
          body {
            margin: 0;
            background: transparent;
          }
        </style>
        <script type="module" src="${web.assets.url('pages/captcha-frame.ts')}" nonce="${nonce}"></script>
      </head>
      <body>
        <div id="captcha"></div>
        <script type="application/json" id="captcha-data" nonce="${nonce}">
          ${jsonForScript(widget)}
        </script>
      </body>
    </html> `
  // Providers check which site shows their widget.
  return { status: 200, headers: pageHeaders(policy, { referrer: 'strict-origin' }), body: body.source }
}
