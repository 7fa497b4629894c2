import type { Language } from '../../web/flow/languages.ts'
import { isSafeRedirect } from '../../web/flow/markup.ts'
import { html, type Html } from './html.ts'
import { renderAccess, renderSessions, type OwnAccess, type OwnSession } from './owned.ts'
import { renderSettings, type OwnSetting } from './own-settings.ts'
import { brandLine, footerLinks, isHttp, renderPage, type Page, type PageContext } from './page.ts'
import { contentSecurityPolicy, pageHeaders } from './security-headers.ts'
import { serverTexts } from './texts.ts'

export interface LibraryApplication {
  name: string
  /** Where the tile leads; null shows it without a link. */
  launch_url: string | null
  /** An image's URL; anything else (`fa://…`, empty) shows the first letter of the name. */
  icon: string | null
  description: string
  /** Heading that the tile stands under; may be empty. */
  group: string
  open_in_new_tab?: boolean
}

/** An account elsewhere that signs its owner in, or could. */
export interface LibrarySource {
  name: string
  icon: string | null
  /** Where connecting begins; null: it cannot. */
  connect: string | null
  connection: { pk: number; created: Date } | null
}

export interface Library extends PageContext {
  user: { username: string; name: string; avatar: string }
  applications: readonly LibraryApplication[]
  settings?: readonly OwnSetting[]
  sources: readonly LibrarySource[]
  access: readonly OwnAccess[]
  sessions: readonly OwnSession[]
  /** What is looked for among the applications. */
  search?: string
  signout_url: string
  is_superuser: boolean
}

/** More tiles than this are searched rather than looked through. */
const SEARCH_FROM = 13

/** The page of a signed-in person: who they are, their applications by group, and the way out. */
export function renderLibrary(library: Library): Page {
  const { web, nonce, lang, user, applications, search = '', settings = [], sources, access, sessions, signout_url, is_superuser } = library
  const t = serverTexts(lang)
  const searchable = applications.length >= SEARCH_FROM
  const isWanted = searchable ? matches(search) : () => true
  const body = html`<header>
      ${brandLine(library)}
      <div class="me">
        ${user.avatar && html`<img src="${user.avatar}" alt="" width="32" height="32" />`}<span>${user.name || user.username}</span>
      </div>
      <a class="btn small" href="${signout_url}">${t.sign_out}</a>
    </header>
    <main>
      <div class="head">
        <h1>${t.my_applications}</h1>
        ${
          searchable &&
          html`<form role="search" class="search-form">
            <input
              class="input search"
              type="search"
              name="search"
              value="${search}"
              aria-label="${t.search}"
              placeholder="${t.search}"
              autocomplete="off"
              autofocus
            />
          </form>`
        }
      </div>
      ${groupsOf(applications, lang).map(([group, members]) => renderGroup(group, members, isWanted))}
      ${searchable && html`<p class="empty" id="no-match" role="status" ${applications.some(isWanted) && html` hidden`}>${t.no_match}</p>`}
      ${applications.length === 0 && html`<div class="empty"><p>${is_superuser ? t.no_applications_yet : t.no_applications}</p></div>`}
      ${settings.length > 0 && renderSettings(settings, lang)} ${sources.length > 0 && renderSources(sources, web.base, lang)}
      ${renderAccess(access, web.base, lang)} ${renderSessions(sessions, web.base, lang)}
      ${is_superuser && html`<p class="muted">${t.admin_by_api} <a href="${web.base}api/v3/schema/">${web.base}api/v3/schema/</a></p>`}
    </main>
    ${footerLinks(library)}`
  const scripted =
    searchable || sources.some(({ connection }) => connection) || access.length > 0 || sessions.some(({ current }) => !current)
  const head = scripted && html`<script type="module" src="${web.assets.url('pages/library.ts')}" nonce="${nonce}"></script> `
  return {
    status: 200,
    headers: pageHeaders(contentSecurityPolicy(nonce)),
    body: renderPage({
      ...library,
      title: t.my_applications,
      style: 'pages/library.css',
      bodyClass: 'library-page',
      head: head || undefined,
      body,
    }),
  }
}

/** Groups by name, those without one first; tiles by name. */
function groupsOf(applications: readonly LibraryApplication[], lang: string): [string, LibraryApplication[]][] {
  const compare = new Intl.Collator(lang, { numeric: true }).compare
  const sorted = [...applications].sort((a, b) => compare(a.group, b.group) || compare(a.name, b.name))
  return [...Map.groupBy(sorted, application => application.group)]
}

type IsWanted = (application: LibraryApplication) => boolean

/** Without the script, or before it is there, the form asks the server; the script looks for the same text in the tiles. */
const matches = (search: string): IsWanted => {
  const wanted = search.trim().toLocaleLowerCase()
  return ({ name, description }) => [name, description].some(text => text.toLocaleLowerCase().includes(wanted))
}

/** All of them are there, for the script that shows others as somebody types. */
const renderGroup = (group: string, applications: readonly LibraryApplication[], isWanted: IsWanted): Html =>
  html`<section class="group" ${!applications.some(isWanted) && html` hidden`}>
    ${group !== '' && html`<h2>${group}</h2>`}
    <ul class="tiles">
      ${applications.map(application => html`<li ${!isWanted(application) && html` hidden`}>${renderTile(application)}</li>`)}
    </ul>
  </section>`

function renderTile({ name, launch_url: url, icon, description, open_in_new_tab: newTab }: LibraryApplication): Html {
  const picture =
    icon && (isHttp(icon) || icon.startsWith('data:image/'))
      ? html`<img src="${icon}" alt="" loading="lazy" />`
      : html`<span class="tile" aria-hidden="true">${initial(name)}</span>`
  const inside = html`${picture}
    <div><b>${name}</b>${description !== '' && html`<p>${description}</p>`}</div>`
  // An application's own scheme (an app on the phone) is fine; what would run here is not.
  const opens = url !== null && url !== '' && isSafeRedirect(url)
  if (!opens) return html`<div class="application">${inside}</div>`
  return html`<a class="application" href="${url}" ${newTab && html` target="_blank" rel="noopener"`}>${inside}</a>`
}

/** Where signing in at a source leads back to, when it was meant to connect an account. */
const SOURCES_ID = '/settings;page-sources'

function renderSources(sources: readonly LibrarySource[], base: string, lang: Language): Html {
  const t = serverTexts(lang)
  return html`<section class="connected" id="${SOURCES_ID}">
    <h2>${t.connected_accounts}</h2>
    <p class="muted">${t.connected_accounts_why}</p>
    <ul>
      ${sources.map(source => html`<li>${renderSource(source, base, lang)}</li>`)}
    </ul>
    <p class="alert bad" role="alert" hidden>${t.disconnect_failed}</p>
  </section>`
}

function renderSource({ name, icon, connect, connection }: LibrarySource, base: string, lang: Language): Html {
  const t = serverTexts(lang)
  const picture = icon
    ? html`<img src="${icon}" alt="" width="24" height="24" loading="lazy" />`
    : html`<span class="tile" aria-hidden="true">${initial(name)}</span>`
  if (!connection) {
    return html`${picture}<span><b>${name}</b></span
      ><a class="btn small" href="${connect}" aria-label="${t.connect_name.replace('{name}', () => name)}">${t.connect}</a>`
  }
  const since = new Intl.DateTimeFormat(lang, { dateStyle: 'long', timeZone: 'UTC' }).format(connection.created)
  const says = t.disconnect_name.replace('{name}', () => name)
  return html`${picture}<span><b>${name}</b><small>${t.connected_since.replace('{date}', () => since)}</small></span
    ><button
      class="btn small js-only"
      type="button"
      disabled
      aria-label="${says}"
      data-confirm="${says} ${t.disconnect_why}"
      data-connection="${base}api/v3/sources/user_connections/all/${connection.pk}/"
    >
      ${t.disconnect}
    </button>`
}

const initial = (name: string): string => String.fromCodePoint(name.codePointAt(0) ?? 0x20).toUpperCase()
