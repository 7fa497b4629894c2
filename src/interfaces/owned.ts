import type { Language } from '../../web/flow/languages.ts'
import { html, type Html } from './html.ts'
import { isHttp } from './page.ts'
import { sayScope } from './scopes.ts'
import { serverTexts } from './texts.ts'

/** An application that a person has let in. */
export interface OwnAccess {
  name: string
  icon: string | null
  /** It registered itself: nobody has checked its name. */
  unverified: boolean
  /** What it gets, with the descriptions of the scopes. */
  scopes: readonly { id: string; name: string }[]
  /** When it has to ask again by itself. */
  until: Date | null
  /** What to delete, below the API, so that it gets nothing any more. */
  grants: readonly string[]
}

/** A browser that a person is signed in with. */
export interface OwnSession {
  uuid: string
  browser: string
  system: string
  address: string
  lastUsed: Date
  current: boolean
}

type Item = { picture: Html; name: string; badge?: Html | false; notes: readonly string[]; remove?: Removal }
type Removal = { label: string; says: string; why: string; done: string; paths: readonly string[] }
type Section = { id: string; title: string; why: string; none: string; failed: string; items: readonly Item[] }

/** What a person may take back, one to a line: the script of the page deletes what the button names. */
const renderSection = ({ id, title, why, none, failed, items }: Section, base: string): Html =>
  html`<section class="connected" aria-labelledby="${id}">
    <h2 id="${id}" tabindex="-1">${title}</h2>
    <p class="muted">${why}</p>
    <ul>
      ${items.map(item => html`<li>${renderItem(item, base)}</li>`)}
    </ul>
    <p class="none" ${items.length > 0 && html` hidden`}>${none}</p>
    <p class="said" role="status"></p>
    <p class="alert bad" role="alert" hidden>${failed}</p>
  </section>`

const renderItem = ({ picture, name, badge, notes, remove }: Item, base: string): Html =>
  html`${picture}<span
      ><b><bdi>${name}</bdi></b> ${badge}${notes.filter(Boolean).map(note => html`<small>${note}</small>`)}</span
    >${
      remove &&
      html`<button
        class="btn small js-only"
        type="button"
        disabled
        aria-label="${remove.says}"
        data-confirm="${remove.says} ${remove.why}"
        data-done="${remove.done}"
        data-remove="${remove.paths.map(path => `${base}api/v3${path}`).join(' ')}"
      >
        ${remove.label}
      </button>`
    }`

const tile = (name: string): Html =>
  html`<span class="tile" aria-hidden="true">${String.fromCodePoint(name.codePointAt(0) ?? 0x20).toUpperCase()}</span>`

const dated = (text: string, date: Date, lang: Language): string =>
  text.replace('{date}', () => new Intl.DateTimeFormat(lang, { dateStyle: 'long', timeZone: 'UTC' }).format(date))

const joined = (texts: readonly string[]): string => texts.filter(Boolean).join(' · ')

const named = (text: string, name: string): string => text.replace('{name}', () => name)

/** The applications that get something, and the way to end that. */
export function renderAccess(access: readonly OwnAccess[], base: string, lang: Language): Html {
  const t = serverTexts(lang)
  const items = access.map(({ name, icon, unverified, scopes, until, grants }): Item => ({
    name,
    picture: icon && (isHttp(icon) || icon.startsWith('data:image/')) ? html`<img src="${icon}" alt="" loading="lazy" />` : tile(name),
    badge: unverified && html`<span class="badge warn">${t.unverified}</span>`,
    notes: [joined(scopes.map(scope => sayScope(scope, lang))), until === null ? '' : dated(t.access_until, until, lang)],
    remove: { label: t.withdraw, says: named(t.withdraw_name, name), why: t.withdraw_why, done: named(t.withdrawn, name), paths: grants },
  }))
  return renderSection({ id: 'access', title: t.access, why: t.access_why, none: t.no_access, failed: t.not_done, items }, base)
}

/** The browsers that a person is signed in with; this one ends by signing out. */
export function renderSessions(sessions: readonly OwnSession[], base: string, lang: Language): Html {
  const t = serverTexts(lang)
  const items = sessions.map(({ uuid, browser, system, address, lastUsed, current }): Item => {
    const name = joined([browser === 'Other' ? t.unknown_browser : browser, system === 'Other' ? '' : system])
    const paths = [`/core/authenticated_sessions/${uuid}/`]
    return {
      name,
      picture: tile(name),
      badge: current && html`<span class="badge">${t.this_browser}</span>`,
      notes: [joined([dated(t.last_used, lastUsed, lang), address])],
      ...(!current && {
        remove: {
          label: t.end_session,
          says: named(t.end_session_name, name),
          why: t.end_session_why,
          done: named(t.session_ended, name),
          paths,
        },
      }),
    }
  })
  return renderSection({ id: 'sessions', title: t.sessions, why: t.sessions_why, none: '', failed: t.not_done, items }, base)
}
