import { apart } from '../../web/flow/apart.ts'
import { html, type Html } from './html.ts'
import { card, renderPage, type Page, type PageContext } from './page.ts'
import { contentSecurityPolicy, pageHeaders } from './security-headers.ts'
import { sayServerText } from './said.ts'
import { serverTexts } from './texts.ts'

interface Message {
  status: number
  title: string
  /** What happened, a paragraph each. */
  texts: readonly string[]
  /** More for those who may see it, term by term. */
  facts?: readonly (readonly [term: string, value: string])[]
  /** Below everything. */
  more?: Html | false
  action?: { href: string; label: string }
  head?: Html
  retryAfter?: number // seconds
}

function renderMessage(context: PageContext, { status, title, texts, facts = [], more, action, head, retryAfter }: Message): Page {
  const inside = html`<h1>${title}</h1>
    <div class="notice">${texts.map(text => html`<p>${text}</p>`)}</div>
    ${facts.length > 0 && factList(facts)} ${more} ${action && html`<a class="btn wide" href="${action.href}">${action.label}</a>`}`
  return {
    status,
    headers: {
      ...pageHeaders(contentSecurityPolicy(context.nonce)),
      ...(retryAfter !== undefined && { 'retry-after': String(retryAfter) }),
    },
    body: renderPage({ ...context, title, style: 'flow/flow.css', bodyClass: 'card-page', head, body: card(context, inside) }),
  }
}

type Facts = NonNullable<Message['facts']>

const factList = (facts: Facts): Html =>
  html`<dl class="facts">
    ${facts.map(
      ([term, value]) =>
        html`<dt>${term}</dt>
          <dd>${value}</dd>`,
    )}
  </dl>`

/** A refusal as its page shows it. */
export type Denial = {
  /** Which application is closed to which account, by names. */
  about?: { application: string; user: string }
  /** The policies' own words. */
  messages: readonly string[]
  /** Under which administrators find why, e.g. `K7QF-2M9D`. */
  explanationId?: string
  /** Each binding with its result, only for those who may debug. */
  explanation?: readonly (readonly [term: string, value: string])[]
  /** Finds the request in the log and in the events. */
  requestId: string
}

/** A policy denied access to an application. Status 200, as clients and proxies expect. */
export function renderAccessDenied(context: PageContext, denial: Denial): Page {
  const t = serverTexts(context.lang)
  const { about } = denial
  return renderMessage(context, {
    status: 200,
    title: t.permission_denied,
    texts: [
      t.request_denied,
      ...(about ? [t.denied_here.replace(/\{(application|user)\}/g, (_, name: 'application' | 'user') => apart(about[name]))] : []),
      ...denial.messages.map(text => sayServerText(text, context.lang)),
    ],
    facts: [
      ...(denial.explanation ?? []),
      ...(denial.explanationId === undefined ? [] : [[t.explanation_id, denial.explanationId] as const]),
      [t.request_id, denial.requestId],
    ],
    action: { href: context.web.base, label: t.to_applications },
  })
}

/**
 * An authorization request that cannot be answered to the client, because who it is or where it lives could not be verified
 * (RFC 6749 §4.1.2.1). `title` and `text` as the wire has them: "Redirect URI Error", "Client ID Error". Status 400. The visitor reads that it is
 * not their doing; what has to be changed stands folded below, for who can change it.
 */
export function renderOAuthError(
  context: PageContext,
  error: { title: string; text: string; requestId: string; help?: OperatorHelp | undefined },
): Page {
  const t = serverTexts(context.lang)
  const { help } = error
  return renderMessage(context, {
    status: 400,
    title: sayServerText(error.title, context.lang),
    texts: [sayServerText(error.text, context.lang), ...(help ? [t.not_your_fault] : [])],
    facts: [[t.request_id, error.requestId]],
    more:
      help &&
      html`<details class="operators">
        <summary>${t.for_operators}</summary>
        ${help.says.map(key => html`<p>${t[key]}</p>`)}
        ${factList([...help.sent, ...help.registered.map(uri => [t.registered, uri] as const)])}
      </details>`,
  })
}

/** What an administrator has to do about a request that cannot be answered. */
export type OperatorHelp = {
  says: readonly ('help_client' | 'help_no_client' | 'help_redirect' | 'help_no_redirect' | 'help_logged')[]
  /** Parameters of the request. */
  sent: Facts
  /** The redirect URIs that the provider has; for administrators alone. */
  registered: readonly string[]
}

/** A step of an authorization that was answered, or forgotten, before: there is nothing to agree to. Status 400. */
export function renderStepOver(context: PageContext): Page {
  const t = serverTexts(context.lang)
  return renderMessage(context, {
    status: 400,
    title: t.step_over,
    texts: [t.step_over_why],
    action: { href: context.web.base, label: t.to_applications },
  })
}

/** 400: a sign-in by a login source came to nothing; `href` is where it can begin again. */
export function renderSignInFailure(context: PageContext, failure: { text: string; href: string; requestId: string }): Page {
  const t = serverTexts(context.lang)
  return renderMessage(context, {
    status: 400,
    title: t.sign_in_failed,
    texts: [sayServerText(failure.text, context.lang)],
    facts: [[t.request_id, failure.requestId]],
    action: { href: failure.href, label: t.sign_in_again },
  })
}

/** 404, for whatever has no page. */
export function renderNotFound(context: PageContext): Page {
  const t = serverTexts(context.lang)
  return renderMessage(context, {
    status: 404,
    title: t.not_found,
    texts: [t.not_found_why],
    action: { href: context.web.base, label: t.to_applications },
  })
}

/** 403 for a form whose CSRF token does not fit; `href` is the page to open afresh. */
export function renderCsrfFailure(context: PageContext, { href }: { href: string }): Page {
  const t = serverTexts(context.lang)
  return renderMessage(context, { status: 403, title: t.stale_form, texts: [t.stale_form_why], action: { href, label: t.reload } })
}

/** 500. Nothing of the cause is shown; `requestId` finds it in the log. */
export function renderServerError(context: PageContext, { requestId }: { requestId: string }): Page {
  const t = serverTexts(context.lang)
  return renderMessage(context, { status: 500, title: t.server_error, texts: [t.server_error_why], facts: [[t.request_id, requestId]] })
}

/** 503 while the database is not available. The browser asks again after five seconds. */
export function renderUnavailable(context: PageContext, { requestId }: { requestId: string }): Page {
  const t = serverTexts(context.lang)
  return renderMessage(context, {
    status: 503,
    title: t.unavailable,
    texts: [t.unavailable_why],
    facts: [[t.request_id, requestId]],
    head: html`<meta http-equiv="refresh" content="5" /> `,
    retryAfter: 5,
  })
}

/** 503 while the server starts. The browser asks again after two seconds. */
export function renderStarting(context: PageContext): Page {
  const t = serverTexts(context.lang)
  return renderMessage(context, {
    status: 503,
    title: t.starting,
    texts: [t.starting_why],
    head: html`<meta http-equiv="refresh" content="2" /> `,
    retryAfter: 2,
  })
}
