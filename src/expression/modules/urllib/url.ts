/** Splitting and joining addresses as `urllib.parse` of Python 3.11 does. No exceptions but ValueError. */
import { raise } from '../../errors.ts'
import { isBracketedHost } from '../ipaddress/parse.ts'

const USES_PATH = [
  '',
  'ftp',
  'http',
  'gopher',
  'imap',
  'wais',
  'file',
  'https',
  'shttp',
  'mms',
  'prospero',
  'rtsp',
  'rtsps',
  'rtspu',
  'sftp',
  'svn',
  'svn+ssh',
  'ws',
  'wss',
]
const RELATIVE = new Set([...USES_PATH, 'nntp'])
const WITH_HOST = new Set([...USES_PATH, 'nntp', 'telnet', 'snews', 'rsync', 'nfs', 'git', 'git+ssh'])
const WITH_PARAMETERS = new Set([
  '',
  'ftp',
  'hdl',
  'prospero',
  'http',
  'imap',
  'https',
  'shttp',
  'rtsp',
  'rtsps',
  'rtspu',
  'sip',
  'sips',
  'mms',
  'sftp',
  'tel',
])

export type Split = [scheme: string, netloc: string, path: string, query: string, fragment: string]
export type Parsed = [scheme: string, netloc: string, path: string, params: string, query: string, fragment: string]

function isControlOrSpace(ch: string | undefined) {
  return ch !== undefined && ch <= ' '
}

/** The text at both sides of the first `separator`; `rest` is empty without one. */
function cut(text: string, separator: string): [before: string, rest: string, found: boolean] {
  const at = text.indexOf(separator)
  return at < 0 ? [text, '', false] : [text.slice(0, at), text.slice(at + separator.length), true]
}

/** `urlsplit` */
export function splitUrl(text: string, defaultScheme: string, fragments: boolean): Split {
  let start = 0
  while (isControlOrSpace(text[start])) start += 1
  let url = text.slice(start).replace(/[\t\r\n]/g, '')
  let scheme = defaultScheme.replace(/[\t\r\n]/g, '').trim()
  let netloc = ''
  let query = ''
  let fragment = ''
  const named = /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(url)
  if (named !== null) {
    scheme = named[1]!.toLowerCase()
    url = url.slice(named[0].length)
  }
  if (url.startsWith('//')) {
    const end = url.slice(2).search(/[/?#]/)
    netloc = end < 0 ? url.slice(2) : url.slice(2, end + 2)
    url = end < 0 ? '' : url.slice(end + 2)
    if (netloc.includes('[') !== netloc.includes(']')) raise('ValueError', 'Invalid IPv6 URL')
    if (netloc.includes('[')) isBracketedHost(cut(cut(netloc, '[')[1], ']')[0])
  }
  if (fragments) [url, fragment] = cut(url, '#')
  ;[url, query] = cut(url, '?')
  checkNetloc(netloc)
  return [scheme, netloc, url, query, fragment]
}

/** Refuses characters that become delimiters when a client normalizes the host name. */
function checkNetloc(netloc: string) {
  const plain = netloc.replace(/[@:#?]/g, '')
  const normal = plain.normalize('NFKC')
  if (plain !== normal && /[/?#@:]/.test(normal))
    raise('ValueError', `netloc '${netloc}' contains invalid characters under NFKC normalization`)
}

/** `urlparse` */
export function parseUrl(text: string, defaultScheme: string, fragments: boolean): Parsed {
  const [scheme, netloc, path, query, fragment] = splitUrl(text, defaultScheme, fragments)
  if (!WITH_PARAMETERS.has(scheme) || !path.includes(';')) return [scheme, netloc, path, '', query, fragment]
  const at = path.indexOf(';', path.lastIndexOf('/') + 1)
  return at < 0 ? [scheme, netloc, path, '', query, fragment] : [scheme, netloc, path.slice(0, at), path.slice(at + 1), query, fragment]
}

/** `urlunsplit` */
export function unsplitUrl([scheme, netloc, path, query, fragment]: Split): string {
  let url = path
  if (netloc || (scheme && WITH_HOST.has(scheme) && !url.startsWith('//')))
    url = `//${netloc}${url && !url.startsWith('/') ? '/' : ''}${url}`
  return `${scheme && `${scheme}:`}${url}${query && `?${query}`}${fragment && `#${fragment}`}`
}

/** `urlunparse` */
export const unparseUrl = ([scheme, netloc, path, params, query, fragment]: Parsed) =>
  unsplitUrl([scheme, netloc, params ? `${path};${params}` : path, query, fragment])

/** `urljoin`: resolves a reference against a base, RFC 3986 §5.2. */
export function joinUrl(base: string, url: string, fragments: boolean): string {
  if (!base) return url
  if (!url) return base
  const from = parseUrl(base, '', fragments)
  const [scheme, netloc, path, params, query, fragment] = parseUrl(url, from[0], fragments)
  if (scheme !== from[0] || !RELATIVE.has(scheme)) return url
  if (WITH_HOST.has(scheme) && netloc) return unparseUrl([scheme, netloc, path, params, query, fragment])
  const host = WITH_HOST.has(scheme) ? from[1] : netloc
  if (!path && !params) return unparseUrl([scheme, host, from[2], from[3], query || from[4], fragment])
  const segments = path.startsWith('/') ? path.split('/') : withBase(from[2], path)
  const resolved: string[] = []
  for (const segment of segments) {
    if (segment === '..') resolved.pop()
    else if (segment !== '.') resolved.push(segment)
  }
  if (segments.at(-1) === '.' || segments.at(-1) === '..') resolved.push('')
  return unparseUrl([scheme, host, resolved.join('/') || '/', params, query, fragment])
}

function withBase(base: string, path: string) {
  const directory = base.split('/')
  if (directory.at(-1) !== '') directory.pop()
  const all = [...directory, ...path.split('/')]
  if (all.length < 2) return all
  return [all[0]!, ...all.slice(1, -1).filter(segment => segment !== ''), all.at(-1)!]
}

export interface Authority {
  username: string | null
  password: string | null
  hostname: string | null
  /** As written; null when absent or empty. */
  port: string | null
}

/** The parts of a network location. */
export function authorityOf(netloc: string): Authority {
  const at = netloc.lastIndexOf('@')
  const host = netloc.slice(at + 1)
  const [username, password, hasPassword] = cut(netloc.slice(0, Math.max(at, 0)), ':')
  const [, bracketed, open] = cut(host, '[')
  let [name, port] = cut(host, ':')
  if (open) {
    const [inside, outside] = cut(bracketed, ']')
    name = inside
    port = cut(outside, ':')[1]
  }
  // The zone of an IPv6 address keeps its case.
  const [address, zone, zoned] = cut(name, '%')
  return {
    username: at < 0 ? null : username,
    password: at < 0 || !hasPassword ? null : password,
    hostname: name === '' ? null : `${address.toLowerCase()}${zoned ? `%${zone}` : ''}`,
    port: port === '' ? null : port,
  }
}
