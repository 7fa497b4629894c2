import { RegexSyntaxError } from './errors.ts'

/** Reads a pattern or template token by token: one code point, or a backslash with the one behind it. Positions count code points. */
export class Source {
  readonly text: string
  /** False for a bytes pattern, whose text holds one character a byte. */
  readonly isText: boolean
  /** The token ahead, or null at the end. */
  next: string | null = null
  private readonly points: readonly string[]
  private index = 0

  constructor(text: string, isText: boolean) {
    this.text = text
    this.isText = isText
    this.points = Array.from(text)
    this.advance()
  }

  private advance() {
    const ch = this.points[this.index]
    if (ch === undefined) {
      this.next = null
      return
    }
    if (ch !== '\\') {
      this.index += 1
      this.next = ch
      return
    }
    const escaped = this.points[this.index + 1]
    if (escaped === undefined) throw new RegexSyntaxError('bad escape (end of pattern)', this.text, this.points.length - 1)
    this.index += 2
    this.next = ch + escaped
  }

  get(): string | null {
    const token = this.next
    this.advance()
    return token
  }

  /** Consumes the token if it is `token`. */
  match(token: string) {
    if (this.next !== token) return false
    this.advance()
    return true
  }

  /** Consumes up to `n` tokens that `accept` takes. */
  getWhile(n: number, accept: (token: string) => boolean) {
    let out = ''
    for (let i = 0; i < n && this.next !== null && accept(this.next); i++) out += this.get()
    return out
  }

  /** Reads a name up to `terminator`, which is consumed. */
  getUntil(terminator: string, what: string) {
    const start = this.tell()
    const parts: string[] = []
    for (;;) {
      const token = this.get()
      if (token === null) {
        if (parts.length === 0) throw this.error(`missing ${what}`)
        throw this.error(`missing ${terminator}, unterminated name`, this.tell() - start)
      }
      if (token === terminator) {
        if (parts.length === 0) throw this.error(`missing ${what}`, 1)
        return parts.join('')
      }
      parts.push(token)
    }
  }

  /** Position of the token ahead. */
  tell() {
    return this.index - (this.next === null ? 0 : this.next.codePointAt(0) === 92 && this.next.length > 1 ? 2 : 1)
  }

  seek(position: number) {
    this.index = position
    this.advance()
  }

  /** An error `offset` code points before the token ahead. */
  error(msg: string, offset = 0) {
    return new RegexSyntaxError(msg, this.text, this.tell() - offset)
  }
}

export const isOctal = (t: string | null | undefined) => t != null && t.length === 1 && t >= '0' && t <= '7'
export const isDecimal = (t: string | null | undefined) => t != null && t.length === 1 && t >= '0' && t <= '9'
export const isHex = (t: string | null | undefined) =>
  isDecimal(t) || (t != null && t.length === 1 && ((t >= 'a' && t <= 'f') || (t >= 'A' && t <= 'F')))
export const isAsciiLetter = (t: string | null | undefined) =>
  t != null && t.length === 1 && ((t >= 'a' && t <= 'z') || (t >= 'A' && t <= 'Z'))

const IDENTIFIER = /^[\p{XID_Start}_]\p{XID_Continue}*$/u
export const isIdentifier = (name: string) => IDENTIFIER.test(name)

/** The length of a text in code points. */
export const pointLength = (text: string) => {
  let n = 0
  for (let i = 0; i < text.length; n++) i += text.codePointAt(i)! > 0xffff ? 2 : 1
  return n
}

/** Python's repr() of a text, for error messages. */
export function quoted(text: string) {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'"
  let out = quote
  for (const ch of text) {
    const c = ch.codePointAt(0)!
    if (ch === '\\' || ch === quote) out += '\\' + ch
    else if (ch === '\n') out += '\\n'
    else if (ch === '\r') out += '\\r'
    else if (ch === '\t') out += '\\t'
    else if (c < 32 || c === 127) out += '\\x' + c.toString(16).padStart(2, '0')
    else out += ch
  }
  return out + quote
}
