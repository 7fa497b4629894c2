import { html } from './html.ts'
import { card, renderPage, type Page, type PageContext } from './page.ts'
import { serverTexts } from './texts.ts'
import { contentSecurityPolicy, handOverTargets, pageHeaders } from './security-headers.ts'

/**
 * The page that hands an authorization response to the client by POST (OAuth 2.0 Form Post Response Mode §2; also SAML's POST binding).
 * `action` must have been verified as the client's own address; throws when its scheme is not http(s). The form sends itself; without JavaScript there is a button.
 */
export function renderFormPost(
  context: PageContext,
  { action, fields }: { action: string; fields: Readonly<Record<string, string>> },
): Page {
  const t = serverTexts(context.lang)
  const body = html`${card(
    context,
    html`<h1>${t.sending}</h1>
      <form method="post" action="${action}">
        ${Object.entries(fields).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}" />`)}
        <button class="btn primary" type="submit">${t.continue}</button>
      </form>`,
  )}`
  const script = html`<script type="module" src="${context.web.assets.url('pages/form-post.ts')}" nonce="${context.nonce}"></script> `
  return {
    status: 200,
    // The receiver may check where a POST comes from, so it learns the origin.
    headers: pageHeaders(contentSecurityPolicy(context.nonce, { formAction: handOverTargets(action) }), { referrer: 'strict-origin' }),
    body: renderPage({ ...context, title: t.sending, style: 'flow/flow.css', bodyClass: 'card-page', head: script, body }),
  }
}
