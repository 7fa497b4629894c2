import type { FastifyReply } from 'fastify'
import { LANGUAGES, type Language } from '../../web/flow/languages.ts'
import { schemeOf } from '../../web/flow/markup.ts'
import { cssForStyle, html, trusted, type Html } from './html.ts'
import type { Web } from './assets.ts'
import { serverTexts } from './texts.ts'

/** How an installation looks: the fields of the brand's API answer (`CurrentBrand`) that pages use. */
export interface Brand {
  branding_title: string
  branding_logo: string
  branding_favicon: string
  branding_custom_css: string
  ui_footer_links: readonly { href: string | null; name: string }[]
  ui_theme: 'automatic' | 'light' | 'dark'
}

/** How an installation looks that nobody could be asked about. */
export const PLAIN_BRAND: Brand = {
  branding_title: 'Signet',
  branding_logo: '',
  branding_favicon: '',
  branding_custom_css: '',
  ui_footer_links: [],
  ui_theme: 'automatic',
}

/** What every page needs to know about the request it answers. */
export interface PageContext {
  web: Web
  brand: Brand
  lang: Language
  /** Fresh for every answer; see `createNonce`. */
  nonce: string
}

/** An answer; see `sendPage`. */
export interface Page {
  status: number
  headers: Record<string, string>
  body: string
}

export const sendPage = (reply: FastifyReply, { status, headers, body }: Page): FastifyReply =>
  reply.code(status).headers(headers).send(body)

/** A nonce for one page: 128 bits from `randomBytes`, in an alphabet that CSP allows. */
export const createNonce = (randomBytes: (count: number) => Uint8Array): string => Buffer.from(randomBytes(16)).toString('base64url')

const DEFAULT_LOGO = '/static/dist/assets/icons/icon_left_brand.svg'

export interface PageParts extends PageContext {
  /** First half of the document's title; the brand is the second. */
  title: string
  /** Which style sheet the page is made with. */
  style: 'flow/flow.css' | 'pages/library.css'
  bodyClass: string
  /** A flow's `layout`. */
  layout?: string
  head?: Html
  body: Html
}

/** A whole document around `body`. */
export function renderPage({ web, brand, lang, nonce, title, style, bodyClass, layout, head, body }: PageParts): string {
  const { assets } = web
  const theme = brand.ui_theme === 'automatic' ? undefined : brand.ui_theme
  return html`<!doctype html>
    <html lang="${lang}" ${theme && html` data-theme="${theme}"`}>
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="${theme ?? 'light dark'}" />
        <meta name="robots" content="noindex" />
        <title>${[title, brand.branding_title].filter(Boolean).join(' · ')}</title>
        <link rel="stylesheet" href="${assets.url(style)}" />
        <link rel="preload" href="${assets.fontUrl}" as="font" type="font/woff2" crossorigin />
        <link rel="icon" href="${imageUrl(web, brand.branding_favicon)}" />
        ${head}${
          brand.branding_custom_css &&
          html`<style nonce="${nonce}">
            ${cssForStyle(brand.branding_custom_css)}
          </style>`
        }
        <noscript
          ><style nonce="${nonce}">
            .js-only {
              display: none !important;
            }
          </style></noscript
        >
      </head>
      <body class="${bodyClass}" ${layout && html` data-layout="${layout}"`}>
        ${body}
      </body>
    </html> `.source
}

const MARK = trusted(
  '<svg class="mark" viewBox="0 0 32 32" fill="none" stroke="currentColor" stroke-width="2.4" stroke-linecap="round" aria-hidden="true"><circle cx="16" cy="16" r="12.6"/><path d="M20.6 11.6c-1-1.5-2.6-2.2-4.7-2.2-2.6 0-4.5 1.3-4.5 3.3 0 4.6 9.4 2.2 9.4 6.7 0 2-1.9 3.3-4.7 3.3-2.3 0-4.1-.8-5.1-2.5"/></svg>',
)

/** The operator's logo; until there is one, our mark with the brand's name beside it, which costs no request. */
export const brandLine = ({ web, brand }: PageContext): Html =>
  brand.branding_logo === '' || brand.branding_logo === DEFAULT_LOGO
    ? html`<div class="brand">${MARK}<span>${brand.branding_title}</span></div>`
    : html`<div class="brand"><img src="${imageUrl(web, brand.branding_logo)}" alt="${brand.branding_title}" /></div>`

/** The links that the operator put below every page, and what else stands there. */
export const footerLinks = ({ brand }: PageContext, more?: Html): Html | false =>
  (more !== undefined || brand.ui_footer_links.length > 0) &&
  html`<footer>
    ${more}
    ${brand.ui_footer_links.map(({ href, name }) => (href && isHttp(href) ? html`<a href="${href}">${name}</a>` : html`<span>${name}</span>`))}
  </footer>`

/** The page itself in each of its languages: links, so that nobody needs a script for it. `query` is the page's own, without `?`. */
export function languageMenu({ lang }: PageContext, query: string): Html {
  const address = (code: string) => {
    const parameters = new URLSearchParams(query)
    parameters.set('locale', code)
    return `?${parameters.toString()}`
  }
  return html`<details class="languages">
    <summary><span class="visually-hidden">${serverTexts(lang).language}: </span>${LANGUAGES[lang]}</summary>
    <ul>
      ${Object.entries(LANGUAGES).map(
        ([code, name]) =>
          html`<li>
            <a href="${address(code)}" lang="${code}" hreflang="${code}" ${code === lang && html` aria-current="true"`}>${name}</a>
          </li>`,
      )}
    </ul>
  </details>`
}

/** The page that is one card: flows and errors. `inside` is the card's content below the brand. */
export const card = (context: PageContext, inside: Html, below?: Html): Html =>
  html`<main>
    <div class="card">${brandLine(context)}${inside}</div>
    ${footerLinks(context, below)}
  </main>`

/** Relative, or http(s): what a link on a page may lead to. */
export const isHttp = (href: string): boolean => [undefined, 'http', 'https'].includes(schemeOf(href))

/** Image addresses are kept as the API has them; those below our static files follow the path prefix the server runs under. */
const imageUrl = (web: Web, url: string): string =>
  url.startsWith('/static/dist/') ? web.assets.prefix + url.slice('/static/dist/'.length) : url
