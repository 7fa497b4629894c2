import { compileRegex, fullMatch, type Program } from '../../../expression/regex/index.ts'

/** Schemes that would run script under our own name when a browser is sent there. */
const FORBIDDEN = /^\s*(?:javascript|data|vbscript)\s*:/i

/** Whether a browser must never be sent to this address, whatever a client registered. */
// oxlint-disable-next-line no-control-regex -- browsers drop these characters inside a scheme before they read it
export const forbiddenScheme = (uri: string): boolean => FORBIDDEN.test(uri.replaceAll(/[\u0000-\u0020]/g, ''))

/** One address that a client may be sent to. */
export type RedirectUri = { matching_mode: 'strict' | 'regex'; url: string; redirect_uri_type?: 'authorization' | 'logout' }

const MAX_LENGTH = 2_048
/** Steps of one match; an honest pattern needs a few hundred. */
const MAX_STEPS = 20_000

/** Names of response parameters: an address that brings one along would make the response ambiguous. */
const RESPONSE_PARAMETERS = new Set([
  'code',
  'state',
  'iss',
  'error',
  'error_description',
  'error_uri',
  'access_token',
  'id_token',
  'token_type',
  'expires_in',
  'scope',
  'session_state',
  'response',
])

/** Whether an address may be looked at by a pattern: one spelling only, so that pattern and browser see the same host and path. */
function hasOneSpelling(uri: string): boolean {
  if (!URL.canParse(uri)) return false
  const url = new URL(uri)
  if (url.username !== '' || url.password !== '') return false
  // A host alone may stand without the slash that browsers add.
  const spellings = url.pathname === '/' ? [url.href, url.href.replace(/\/(?=$|\?)/, '')] : [url.href]
  // Encoded dots, slashes and per cent signs, `//` and `..;` are read as one path here and as another behind some proxies.
  return spellings.includes(uri) && !/%(?:2e|2f|5c|25)|\/\/|\/\.+;/i.test(url.pathname)
}

/** RFC 8252 §7.3: the port of an IP literal of the loopback interface is the application's to choose; everything else must be equal. */
const LOOPBACK = /^(http:\/\/(?:127\.0\.0\.1|\[::1\]))(?::(\d{1,5}))?((?:[/?][^\s]*)?)$/

function sameButPort(registered: string, uri: string): boolean {
  const [, host, , rest] = LOOPBACK.exec(registered) ?? []
  const [, otherHost, port, otherRest] = LOOPBACK.exec(uri) ?? []
  return (
    host !== undefined && host === otherHost && rest === otherRest && (port === undefined || (Number(port) > 0 && Number(port) < 65_536))
  )
}

/** Compiles the list of one client. A pattern that does not compile matches nothing: it was refused when it was saved. */
function matcherOf({ matching_mode: mode, url }: RedirectUri, loopback: boolean): (uri: string) => boolean {
  if (mode === 'strict') return uri => uri === url || (loopback && sameButPort(url, uri))
  let program: Program
  try {
    program = compileRegex(url, 0)
  } catch {
    return () => false
  }
  return uri => {
    if (!hasOneSpelling(uri)) return false
    try {
      return fullMatch(program, uri, { maxSteps: MAX_STEPS }) !== null
    } catch {
      // Out of steps: an address that cannot be decided is not allowed.
      return false
    }
  }
}

/**
 * The check of one client's addresses of a type: `(uri) => allowed`. A strict entry is compared byte for byte (RFC 6749 §3.1.2.3,
 * RFC 9700 §2.1), a pattern must match the whole of an address in its one spelling. An empty list allows nothing.
 * @param options.loopback the client is public: of a strict loopback IP the port may differ
 */
export function redirectMatcher(
  uris: readonly RedirectUri[],
  type: 'authorization' | 'logout',
  options: { loopback?: boolean } = {},
): (uri: string) => boolean {
  let matchers: ((uri: string) => boolean)[] | undefined
  // Compiled for the first who comes: many clients are loaded that nobody is sent back to.
  const compiled = () =>
    (matchers ??= uris
      .filter(uri => (uri.redirect_uri_type ?? 'authorization') === type)
      .map(uri => matcherOf(uri, options.loopback ?? false)))
  return uri => isAddress(uri) && compiled().some(matches => matches(uri))
}

/** What can be an address at all: absolute, without a fragment (RFC 6749 §3.1.2), white space, backslashes or prefilled response parameters. */
export function isAddress(uri: string): boolean {
  if (uri.length > MAX_LENGTH || forbiddenScheme(uri) || !/^[a-z][a-z\d+.-]*:[^\s#\\]+$/i.test(uri) || !/^[\u0021-\u007e]+$/.test(uri))
    return false
  const query = uri.indexOf('?')
  return query < 0 || [...new URLSearchParams(uri.slice(query)).keys()].every(name => !RESPONSE_PARAMETERS.has(name))
}

/** The site that an application seems to be at: that of the first literal address of the web that people are sent to after a sign-in. */
export function siteOf(uris: readonly RedirectUri[]): string | null {
  const first = uris.find(uri => uri.matching_mode === 'strict' && uri.redirect_uri_type !== 'logout')
  return first && /^https?:/i.test(first.url) && URL.canParse(first.url) ? new URL(first.url).origin : null
}

/** Origins of the literal addresses: the web pages that may read our answers (CORS). */
export function originsOf(uris: readonly RedirectUri[]): ReadonlySet<string> {
  const origins = uris
    .filter(uri => uri.matching_mode === 'strict' && /^https?:/i.test(uri.url) && URL.canParse(uri.url))
    .map(uri => new URL(uri.url).origin)
  return new Set(origins)
}

/** An address with parameters added to its query (or as its fragment); what it has already stays byte for byte. */
export function withParameters(uri: string, parameters: Readonly<Record<string, string>>, part: 'query' | 'fragment'): string {
  // Percent encoding throughout: unlike `+` for a blank, every parser reads it alike.
  const text = Object.entries(parameters)
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .join('&')
  if (part === 'fragment') return `${uri}#${text}`
  return uri + (uri.includes('?') ? (/[?&]$/.test(uri) ? '' : '&') : '?') + text
}
