/** Where RDNs end: at commas (RFC 4514 §2.1) that are not escaped, nor within the quotes of older writings. */
const RDN = /(?:\\.|"(?:\\.|[^"\\])*"|[^,;\\"])+/gs

/** The value behind its escapes: `\,` and `\2C` are the same comma (RFC 4514 §2.4). */
function plain(text: string): string {
  const bytes: Buffer[] = []
  for (const [part] of text.matchAll(/(?:\\[\da-f]{2})+|\\.|[^\\]+/gis)) {
    if (/^\\[\da-f]{2}/i.test(part)) bytes.push(Buffer.from(part.replaceAll('\\', ''), 'hex'))
    else bytes.push(Buffer.from(part.startsWith('\\') ? part.slice(1) : part))
  }
  return Buffer.concat(bytes).toString()
}

/** A text that is the same for all spellings of a distinguished name: for comparisons, not for reading. */
export const normalDn = (dn: string): string =>
  (dn.match(RDN) ?? [])
    .map(rdn => {
      const equals = rdn.indexOf('=')
      if (equals < 0) return rdn.trim().toLowerCase()
      return `${rdn.slice(0, equals).trim()}=${plain(rdn.slice(equals + 1).trim())}`.toLowerCase()
    })
    .join('\n')

/** The base of a search: what is named in addition stands before it. */
export const below = (base: string, additional: string): string => (additional.trim() === '' ? base : `${additional.trim()},${base}`)
