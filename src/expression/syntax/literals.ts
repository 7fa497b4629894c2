/** Escape sequences of string and bytes literals. */
const simple: Record<string, string> = {
  '\\': '\\',
  "'": "'",
  '"': '"',
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\n': '',
}

/** The characters that `\N{…}` knows by name here; others are refused, the whole Unicode table would weigh a megabyte. */
const named: Record<string, string> = {
  BULLET: '•',
  'EM DASH': '—',
  'EN DASH': '–',
  'HORIZONTAL ELLIPSIS': '…',
  'NO-BREAK SPACE': ' ',
  'ZERO WIDTH SPACE': '​',
  'CHECK MARK': '✓',
  'WARNING SIGN': '⚠',
  'RIGHTWARDS ARROW': '→',
  'LEFTWARDS ARROW': '←',
  'DEGREE SIGN': '°',
  'COPYRIGHT SIGN': '©',
}

/** Unescapes the body of a non-raw literal. `fail` is called with a message as CPython words it. */
export function unescape(body: string, bytes: boolean, fail: (message: string) => never): string {
  if (!body.includes('\\')) return body
  let out = ''
  for (let i = 0; i < body.length;) {
    const c = body[i]!
    if (c !== '\\') {
      out += c
      i++
      continue
    }
    const next = body[i + 1] ?? ''
    if (next in simple) {
      out += simple[next]
      i += 2
    } else if (next >= '0' && next <= '7') {
      const digits = /^[0-7]{1,3}/.exec(body.slice(i + 1, i + 4))![0]
      out += String.fromCharCode(parseInt(digits, 8) & (bytes ? 255 : 511))
      i += 1 + digits.length
    } else if (next === 'x' || (!bytes && (next === 'u' || next === 'U'))) {
      const width = next === 'x' ? 2 : next === 'u' ? 4 : 8
      const digits = body.slice(i + 2, i + 2 + width)
      if (digits.length < width || /[^0-9a-fA-F]/.test(digits))
        fail(
          bytes
            ? `(value error) invalid \\x escape at position ${i}`
            : `(unicode error) 'unicodeescape' codec can't decode bytes: truncated \\${next}${'X'.repeat(width)} escape`,
        )
      const code = parseInt(digits, 16)
      if (code > 0x10ffff) fail(`(unicode error) 'unicodeescape' codec can't decode bytes: illegal Unicode character`)
      out += String.fromCodePoint(code)
      i += 2 + width
    } else if (next === 'N' && !bytes) {
      const match = /^\{([^}]*)\}/.exec(body.slice(i + 2))
      const character = match && Object.hasOwn(named, match[1]!.toUpperCase()) ? named[match[1]!.toUpperCase()] : undefined
      if (!character) fail(`(unicode error) 'unicodeescape' codec can't decode bytes: unknown Unicode character name`)
      out += character
      i += 2 + match![0].length
    } else {
      out += c
      i++
    }
  }
  return out
}
