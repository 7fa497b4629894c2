import type { Language } from '../../web/flow/languages.ts'
import { html, type Html } from './html.ts'
import { flowTexts } from './scopes.ts'
import { serverTexts } from './texts.ts'

/** Something that people may change of their own account. */
export interface OwnSetting {
  /** The wire's name of what changes it: `ak-user-settings`, `ak-user-settings-password`, `ak-user-settings-authenticator-<class>`. */
  kind: string
  /** The administrator's name for it, of kinds that are not known here. */
  title: string
  url: string
}

const DEVICES = ['totp', 'static', 'webauthn', 'duo', 'sms', 'email'] as const

/** The ways to change one's account, as links: each begins a flow that comes back to this page. */
export function renderSettings(settings: readonly OwnSetting[], lang: Language): Html {
  const t = serverTexts(lang)
  const [devices, account] = [true, false].map(wanted => settings.filter(({ kind }) => kind.includes('-authenticator-') === wanted))
  return html`<section class="connected" aria-labelledby="account">
    <h2 id="account">${t.own_account}</h2>
    <p class="muted">${t.own_account_why}</p>
    ${renderWays(account!, lang)} ${devices!.length > 0 && html`<p class="muted">${flowTexts(lang).mfa_configure}</p>`}
    ${renderWays(devices!, lang)}
  </section>`
}

const renderWays = (settings: readonly OwnSetting[], lang: Language): Html | false =>
  settings.length > 0 &&
  html`<div class="ways">${settings.map(setting => html`<a class="btn small" href="${setting.url}">${nameOf(setting, lang)}</a> `)}</div>`

function nameOf({ kind, title }: OwnSetting, lang: Language): string {
  const t = serverTexts(lang)
  if (kind === 'ak-user-settings') return t.own_settings
  if (kind === 'ak-user-settings-password') return t.own_password
  const device = DEVICES.find(name => kind === `ak-user-settings-authenticator-${name}`)
  if (device === undefined) return title
  // What one sets up are several; the name of the kind is that of the one which a sign-in asks for.
  return device === 'static' ? flowTexts(lang).static_codes : flowTexts(lang)[`mfa_${device}`]
}
