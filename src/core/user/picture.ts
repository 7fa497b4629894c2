/**
 * Pictures as text: addresses and `data:` URIs (RFC 2397) that are shown in an `img`. What a URI says of its type is held against how
 * its content begins, so that no page passes on something else under the name of a picture.
 */

const MAGIC: readonly (readonly [type: RegExp, begins: RegExp])[] = [
  [/^image\/png$/, /^\x89PNG\r\n\x1a\n/],
  [/^image\/jpe?g$/, /^\xff\xd8\xff/],
  [/^image\/gif$/, /^GIF8[79]a/],
  [/^image\/webp$/, /^RIFF[\s\S]{4}WEBP/],
  [/^image\/avif$/, /^[\s\S]{4}ftypavi[fs]/],
  [/^image\/(?:x-icon|vnd\.microsoft\.icon)$/, /^\0\0\x01\0/],
  [/^image\/svg\+xml$/, /^(?:\ufeff|\xef\xbb\xbf)?\s*(?:<\?xml[^>]*\?>\s*)?(?:<!--[^>]*-->\s*)*<svg[\s>]/i],
]
/** How much of the content is looked at. */
const HEAD = 512

/** Whether a text may be shown as a picture: an http(s) address, a path, or a data URI of a kind of picture that its content is. */
export function isPicture(text: string): boolean {
  if (/^https?:\/\/\S+$/i.test(text) || /^\/(?![/\\])\S*$/.test(text)) return true
  const [, type = '', parameters = ''] = /^data:([\w/+.-]+)((?:;[\w=+.-]+)*),/i.exec(text.slice(0, 200)) ?? []
  const content = text.slice(text.indexOf(',') + 1, text.indexOf(',') + 1 + HEAD)
  const begin = /;base64$/i.test(parameters) ? Buffer.from(content, 'base64').toString('latin1') : percentDecoded(content)
  return MAGIC.some(([kind, begins]) => kind.test(type.toLowerCase()) && begins.test(begin))
}

function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text.replace(/%[\da-f]?$/i, ''))
  } catch {
    return text // as it stands: a stray % is part of it
  }
}
