const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ', '#39': "'" }
const BLOCKS = new Set(['p', 'div', 'br', 'tr', 'li', 'ul', 'ol', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'table', 'hr', 'blockquote', 'pre'])
const SILENT = new Set(['style', 'script', 'head', 'title'])

const TAG = /<(\/?)([a-z][a-z\d]*)([^<>]*)>|<![^<>]*>/gi

const decode = (text: string): string => text.replace(/&(#39|[a-z]{2,4});/g, (whole, name: string) => ENTITIES[name] ?? whole)

/** Without a search for the end from each beginning, which would take quadratic time. */
const withoutComments = (html: string): string =>
  html
    .split('<!--')
    .map((part, index) => (index === 0 ? part : part.includes('-->') ? part.slice(part.indexOf('-->') + 3) : ''))
    .join('')

/**
 * A mail's HTML as text, for readers without HTML: a line a paragraph, and after each link its address. Takes time in proportion to
 * the length of the text.
 */
export function plainText(source: string): string {
  const html = withoutComments(source)
  let out = ''
  let silent: string | undefined
  let link: { href: string; from: number } | undefined
  let end = 0
  const say = (until: number) => {
    if (silent === undefined && until > end) out += decode(html.slice(end, until).replace(/\s+/g, ' '))
  }
  for (const match of html.matchAll(TAG)) {
    say(match.index)
    end = match.index + match[0].length
    const [, closing, name = '', attributes = ''] = match
    const tag = name.toLowerCase()
    if (silent !== undefined) {
      if (closing && tag === silent) silent = undefined
    } else if (SILENT.has(tag) && !closing) {
      silent = tag
    } else if (tag === 'a' && !closing) {
      const href = /\bhref\s*=\s*(?:"([^"]*)"|'([^']*)')/i.exec(attributes)
      link = href ? { href: decode(href[1] ?? href[2] ?? ''), from: out.length } : undefined
    } else if (tag === 'a' && link) {
      if (out.slice(link.from).trim() !== link.href) out += `: ${link.href}`
      link = undefined
    } else if (BLOCKS.has(tag)) {
      out += '\n'
    }
  }
  say(html.length)
  return `${out
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '')
    .join('\n\n')}\n`
}
