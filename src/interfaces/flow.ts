import { answerFor, CSRF_FIELD, type FormFields } from '../../web/flow/answer.ts'
import type { Answer, Asking, AutosubmitChallenge, Challenge, FlowData, RedirectChallenge } from '../../web/flow/challenge.ts'
import { isSafeRedirect } from '../../web/flow/markup.ts'
import { cssUrl, html, jsonForScript, trusted, type Html } from './html.ts'
import { card, languageMenu, renderPage, type Page, type PageContext } from './page.ts'
import { contentSecurityPolicy, handOverTargets, pageHeaders } from './security-headers.ts'

export { CSRF_FIELD }
export type { Answer, Asking, Challenge }

const DEFAULT_BACKGROUND = '/static/dist/assets/images/flow_background.jpg'

export interface FlowPage extends PageContext {
  /** Path of the executor for this flow: `/api/v3/flows/executor/<slug>/`, with the server's path prefix. */
  executor: string
  /** The page's own query string, without `?`, as it came. */
  query: string
  /** What the executor answers right now; the page shows it without asking. */
  challenge: Challenge
  /** The application that waits for the end of the flow. */
  asking?: Asking
  /** The CSRF token, for the form that is posted without JavaScript. With it, the client reads the cookie `authentik_csrf`. */
  csrf: string
  /** The body of a form that was posted without JavaScript and refused, to fill it in again. Passwords are left out here. */
  posted?: FormFields
}

/**
 * The page of a flow, with its current challenge as a form that works without JavaScript: it is posted to the page's own address
 * (see `parseFlowForm`). With JavaScript, the same markup is taken over by the client, which then talks to the executor.
 *
 * After a posted form, answer 303 to the page's address when the executor went on, and with this page when it refused. A redirect
 * challenge must be answered with this page, never with a 303: the policy's `form-action` also covers the redirects of a form,
 * and an address of ours may lead on to another site.
 */
export function renderFlowPage(page: FlowPage): Page {
  const { web, challenge, asking, nonce, lang, brand, executor, query, csrf, posted } = page
  const data: FlowData = {
    challenge,
    // Encoded as the executor encodes it, so that its redirects stay redirects.
    executor: `${executor}?query=${encodeURIComponent(query)}`,
    brand: brand.branding_title,
    csrf,
    ...(asking && { asking: { ...asking, token: challenge.component === 'ak-stage-consent' ? (challenge.token as string) : undefined } }),
    values: valuesToKeep(challenge, posted ?? {}),
  }
  const { assets } = web
  const ahead = [
    ...assets.importsOf('flow/main.tsx'),
    assets.url(`flow/locales/${lang}.ts`),
    assets.viewUrl(challenge.component),
    challenge.captcha_stage && assets.viewUrl('ak-stage-captcha'),
  ].filter(Boolean) as string[]
  const head = html`${ahead.map(url => html`<link rel="modulepreload" href="${url}" nonce="${nonce}" /> `)}
    <script type="module" src="${assets.url('flow/main.tsx')}" nonce="${nonce}"></script>
    ${background(challenge, nonce)}${refresh(challenge)}`
  const body = html`${card(page, html`<div id="flow">${trusted(web.renderFlow(data, lang))}</div>`, languageMenu(page, query))}
    <script type="application/json" id="flow-data" nonce="${nonce}">
      ${jsonForScript(data)}
    </script>`
  const layout = challenge.flow_info?.layout
  const policy = contentSecurityPolicy(nonce, { formAction: formTargets(challenge, asking) })
  return {
    status: 200,
    headers: pageHeaders(policy),
    body: renderPage({
      ...page,
      title: web.titleOf(data, lang),
      style: 'flow/flow.css',
      bodyClass: 'card-page',
      layout: layout === 'stacked' ? undefined : layout,
      head,
      body,
    }),
  }
}

/**
 * The executor's answer in a form that was posted without JavaScript (`application/x-www-form-urlencoded`, parsed; of a repeated
 * name the last value counts). Numbers and booleans get their type from the challenge; the CSRF field is left out,
 * and is the caller's to check first: `body[CSRF_FIELD]`.
 */
export function parseFlowForm(body: Readonly<Record<string, unknown>>, challenge: Challenge): Answer {
  return answerFor(challenge, formFields(body))
}

/** The texts of a parsed form body, for `posted`; of a repeated name the last. */
export const formFields = (body: Readonly<Record<string, unknown>>): FormFields =>
  Object.fromEntries(
    Object.entries(body).flatMap(([name, value]) => {
      const last: unknown = Array.isArray(value) ? value.at(-1) : value
      return typeof last === 'string' ? [[name, last]] : []
    }),
  )

/** What was typed, without secrets: a page that is sent back must not repeat a password. */
function valuesToKeep(challenge: Challenge, posted: FormFields): FormFields & Record<string, string> {
  const names = new Set<string>()
  if (challenge.component === 'ak-stage-identification') names.add('uid_field')
  if (challenge.component === 'ak-stage-authenticator-validate') names.add('selected_challenge').add('device')
  if (challenge.component === 'ak-stage-prompt') {
    for (const field of (challenge as unknown as { fields: { field_key: string; type: string }[] }).fields) {
      if (field.type !== 'password' && field.type !== 'hidden' && field.type !== 'file') names.add(field.field_key)
    }
  }
  return Object.fromEntries(
    Object.entries(posted).filter((entry): entry is [string, string] => names.has(entry[0]) && entry[1] !== undefined),
  )
}

/** A picture behind the card, if the operator chose one: ours is the plain page. */
function background({ flow_info: info }: Challenge, nonce: string): Html | false {
  if (!info?.background || info.background === DEFAULT_BACKGROUND) return false
  return html`<style nonce="${nonce}">
    body.card-page {
      background: var(--paper) ${cssUrl(info.background)} center/cover fixed no-repeat;
    }
  </style> `
}

/** Without JavaScript, the browser itself follows a redirect challenge. */
function refresh(challenge: Challenge): Html | false {
  if (challenge.component !== 'xak-flow-redirect') return false
  const { to } = challenge as RedirectChallenge
  return isSafeRedirect(to) && html`<noscript><meta http-equiv="refresh" content="0; url=${to}" /></noscript> `
}

/** Only an autosubmit form leaves for another site: this one, or one that the flow ends with. Its address may be relative, when it is ours. */
function formTargets(challenge: Challenge, asking: Asking | undefined): string[] {
  if (asking?.form !== undefined) return handOverTargets(asking.form)
  if (challenge.component !== 'ak-stage-autosubmit') return []
  const { url } = challenge as AutosubmitChallenge
  return URL.canParse(url) ? handOverTargets(url) : []
}
