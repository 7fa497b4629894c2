/**
 * Reads the little HTML that administrators may write into prompts and messages, and keeps what is on a list.
 * The result is a tree for the view to build elements from: text never becomes markup again, so nothing
 * here can run a script, whatever the input. It is no general HTML parser and need not be one:
 * what it misreads is shown as text or left out.
 */

export type MarkupNode = string | { tag: string; attributes: Record<string, string>; children: MarkupNode[] }

const VOID = new Set(['br', 'hr', 'img'])
const ALLOWED = new Set(
  (
    'a b strong i em u s small code pre kbd sub sup abbr mark br hr p div span ul ol li dl dt dd ' +
    'h1 h2 h3 h4 h5 h6 blockquote table thead tbody tr th td img'
  ).split(' '),
)
/** Elements whose content is not text for people; they go with everything in them. */
const DROPPED = /^(script|style|template|iframe|object|embed|svg|math|title|textarea|select|noscript|noembed|noframes|xmp|plaintext)$/
const ATTRIBUTES: Record<string, string[]> = { a: ['href', 'title'], img: ['src', 'alt', 'width', 'height'], abbr: ['title'] }
const ENTITIES: Record<string, string> = {
  amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: '\u00a0', copy: '©', reg: '®', trade: '™', hellip: '…',
  ndash: '–', mdash: '—', bull: '•', middot: '·', laquo: '«', raquo: '»', euro: '€', rarr: '→', larr: '←',
} // prettier-ignore
const MAX_DEPTH = 50

// No `<` inside of a tag, and one way only to match each character: so the time is linear in the length of the text.
const TOKEN =
  /<!--[\s\S]*?(?:-->|$)|<[!?][^<>]*>|<\/([a-z][\w:-]*)(?![\w:-])[^<>]*>|<([a-z][\w:-]*)(?![\w:-])((?:[^<>"']|"[^"<]*"|'[^'<]*')*)>/gi
const ATTRIBUTE = /([^\s"'<>/=]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'=<>`]+)))?/g

/** Parses `html` into nodes of the allow-list. Never throws; unknown elements lose their tags and keep their text. */
export function parseMarkup(html: string): MarkupNode[] {
  const root: MarkupNode[] = []
  const open: { tag: string; children: MarkupNode[] }[] = []
  const here = () => open.at(-1)?.children ?? root
  let dropped: string | undefined
  let end = 0
  const text = (until: number) => {
    if (until > end && dropped === undefined) here().push(decode(html.slice(end, until)))
  }

  for (const match of html.matchAll(TOKEN)) {
    text(match.index)
    end = match.index + match[0].length
    const closing = match[1]?.toLowerCase()
    const opening = match[2]?.toLowerCase()
    if (dropped !== undefined) {
      if (closing === dropped) dropped = undefined
    } else if (closing !== undefined) {
      const at = open.findLastIndex(element => element.tag === closing)
      if (at >= 0) open.length = at
    } else if (opening !== undefined && DROPPED.test(opening)) {
      dropped = opening
    } else if (opening !== undefined && ALLOWED.has(opening) && open.length < MAX_DEPTH) {
      const children: MarkupNode[] = []
      here().push({ tag: opening, attributes: attributesOf(opening, match[3] ?? ''), children })
      if (!VOID.has(opening)) open.push({ tag: opening, children })
    }
  }
  text(html.length)
  return root
}

function attributesOf(tag: string, source: string): Record<string, string> {
  const attributes: Record<string, string> = {}
  for (const [, name = '', double, single, bare] of source.matchAll(ATTRIBUTE)) {
    const key = name.toLowerCase()
    const value = decode(double ?? single ?? bare ?? '')
    if (!ATTRIBUTES[tag]?.includes(key)) continue
    if (key === 'href' && !isSafeLink(value)) continue
    if (key === 'src' && !isSafeImage(value)) continue
    attributes[key] = value
  }
  return attributes
}

const decode = (text: string): string =>
  text.replace(/&(?:#(\d{1,7})|#x([\da-f]{1,6})|(\w+));/gi, (whole, decimal?: string, hex?: string, name?: string) => {
    if (name !== undefined) return Object.hasOwn(ENTITIES, name) ? ENTITIES[name]! : whole
    const point = decimal === undefined ? parseInt(hex!, 16) : Number(decimal)
    return point > 0 && point <= 0x10ffff ? String.fromCodePoint(point) : '\ufffd'
  })

/** The scheme of a URL in small letters, none when it is relative. Browsers strip control characters before they look, so this does as well. */
export const schemeOf = (url: string): string | undefined =>
  /^([a-z][a-z\d+.-]*):/i.exec(url.replace(/[\p{Cc} ]/gu, ''))?.[1]?.toLowerCase()

/** Whether a link in foreign text may be followed: relative, http(s), mailto or tel. */
export const isSafeLink = (url: string): boolean => [undefined, 'http', 'https', 'mailto', 'tel'].includes(schemeOf(url))

const isSafeImage = (url: string): boolean =>
  [undefined, 'http', 'https'].includes(schemeOf(url)) || /^data:image\/(png|jpe?g|gif|webp|svg\+xml)[;,]/i.test(url)

/**
 * Whether the browser may be sent to `url` by a redirect challenge. Applications have schemes of their own
 * (`com.example.app:/callback`), so this refuses only the ones that run or inline content.
 */
export const isSafeRedirect = (url: string): boolean =>
  !['javascript', 'data', 'vbscript', 'blob', 'filesystem'].includes(schemeOf(url) ?? '')
