/** Splits text into tokens as CPython's tokenizer does, with INDENT and DEDENT and with f-strings taken apart. */
import { ExpressionSyntaxError } from '../errors.ts'
import { unescape } from './literals.ts'

export type TokenType = 'name' | 'number' | 'string' | 'bytes' | 'fstring' | 'op' | 'newline' | 'indent' | 'dedent' | 'end'

export interface FStringField {
  tokens: Token[]
  /** Text before the value for `{x=}`. */
  debug: string | null
  conversion: '' | 'r' | 's' | 'a'
  spec: (string | FStringField)[] | null
}

export interface Token {
  type: TokenType
  value: string
  line: number
  column: number
  parts?: (string | FStringField)[]
}

/** Parsing and compiling go in one piece: some two microseconds a token. Texts of people come to a tenth of this. */
const MAX_TOKENS = 8_000

const NAME = /[\p{L}\p{Nl}_][\p{L}\p{Nl}\p{Nd}\p{Mn}\p{Mc}\p{Pc}_]*/uy
const NUMBER =
  /0[xX](?:_?[0-9a-fA-F])+|0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|(?:(?:\d(?:_?\d)*)?\.\d(?:_?\d)*|\d(?:_?\d)*\.?)(?:[eE][+-]?\d(?:_?\d)*)?[jJ]?/y
const OPERATOR = /\*\*=|\/\/=|<<=|>>=|\.\.\.|\*\*|\/\/|<<|>>|<=|>=|==|!=|->|\+=|-=|\*=|\/=|%=|&=|\|=|\^=|@=|:=|[-+*/%@&|^~<>()[\]{},:.;=]/y
const PREFIX = /^(?:[rR]?[bB]|[bB][rR]|[rR]?[fF]|[fF][rR]|[rR]|[uU])$/
const CLOSING: Record<string, string> = { '(': ')', '[': ']', '{': '}' }

/** Where a line of the body begins: the author's column 0, after the indentation that wrapping added. */
const INDENT = 4

export class Tokenizer {
  private readonly text: string
  private at = 0
  private line = 1
  private lineStart = 0
  private count = 0
  private readonly brackets: { open: string; line: number; column: number }[] = []

  constructor(text: string) {
    this.text = text
  }

  fail(message: string, line = this.line, column = this.at - this.lineStart): never {
    throw new ExpressionSyntaxError(message, line, Math.max(1, column - INDENT + 1))
  }

  /** All tokens of a text, ending with `end`. */
  all(): Token[] {
    const tokens: Token[] = []
    const indents = [0]
    const { text } = this
    while (this.at < text.length) {
      if (this.brackets.length === 0) {
        const width = this.indentation()
        if (width === null) continue
        if (width > indents.at(-1)!) {
          indents.push(width)
          tokens.push(this.token('indent', ''))
        }
        while (width < indents.at(-1)!) {
          indents.pop()
          if (width > indents.at(-1)!) this.fail('unindent does not match any outer indentation level')
          tokens.push(this.token('dedent', ''))
        }
      }
      this.scan(tokens, false)
    }
    const open = this.brackets.at(-1)
    if (open) this.fail(`'${open.open}' was never closed`, open.line, open.column)
    if (tokens.length && tokens.at(-1)!.type !== 'newline') tokens.push(this.token('newline', ''))
    while (indents.pop()) tokens.push(this.token('dedent', ''))
    tokens.push(this.token('end', ''))
    return tokens
  }

  private token(type: TokenType, value: string, at = this.at): Token {
    if (++this.count > MAX_TOKENS) this.fail(`more than ${MAX_TOKENS} words and signs`)
    return { type, value, line: this.line, column: at - this.lineStart }
  }

  private newline(): void {
    this.line++
    this.lineStart = this.at
  }

  /** Width of the indentation of a line with code; null after skipping a blank or comment line. */
  private indentation(): number | null {
    let width = 0
    for (; ; this.at++) {
      const c = this.text[this.at]
      if (c === ' ') width++
      else if (c === '\t') width = (width >> 3) * 8 + 8
      else if (c === '\f') width = 0
      else break
    }
    const c = this.text[this.at]
    if (c === '#') while (this.at < this.text.length && this.text[this.at] !== '\n') this.at++
    if (this.at >= this.text.length) return null
    if (this.text[this.at] === '\n') {
      this.at++
      this.newline()
      return null
    }
    return width
  }

  /** Tokens up to the end of a logical line, or, inside an f-string field, up to its `}`, `!` or `:`. */
  private scan(tokens: Token[], field: boolean): void {
    const { text } = this
    const outer = this.brackets.length
    while (this.at < text.length) {
      const c = text[this.at]!
      if (c === ' ' || c === '\t' || c === '\f') this.at++
      else if (c === '#') while (this.at < text.length && text[this.at] !== '\n') this.at++
      else if (c === '\\') {
        if (text[this.at + 1] !== '\n') this.fail('unexpected character after line continuation character')
        this.at += 2
        this.newline()
      } else if (c === '\n') {
        if (!field && this.brackets.length === 0) tokens.push(this.token('newline', ''))
        this.at++
        this.newline()
        if (!field && this.brackets.length === 0) return
      } else if (field && this.brackets.length === outer && (c === '}' || c === ':' || (c === '!' && text[this.at + 1] !== '='))) return
      else this.one(tokens, c)
    }
  }

  private match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at
    return pattern.exec(this.text)?.[0]
  }

  private one(tokens: Token[], c: string): void {
    const start = this.at
    if (c === '"' || c === "'") return this.string(tokens, '')
    if ((c >= '0' && c <= '9') || (c === '.' && /[0-9]/.test(this.text[start + 1] ?? ''))) {
      const number = this.match(NUMBER)!
      if (/^0[0-9_]*[1-9]/.test(number) && /^[0-9_]+$/.test(number))
        this.fail('leading zeros in decimal integer literals are not permitted; use an 0o prefix for octal integers')
      tokens.push(this.token('number', number))
      this.at += number.length
      if (
        /[\p{L}\p{Nd}_]/u.test(this.text[this.at] ?? '') &&
        !/^(?:and|else|for|if|in|is|or|not)\b/.test(this.text.slice(this.at, this.at + 6))
      )
        this.fail('invalid decimal literal')
      return
    }
    const name = this.match(NAME)
    if (name) {
      const quote = this.text[start + name.length]
      if ((quote === '"' || quote === "'") && PREFIX.test(name)) return this.string(tokens, name.toLowerCase())
      tokens.push(this.token('name', name.normalize('NFKC')))
      this.at += name.length
      return
    }
    const op = this.match(OPERATOR)
    if (!op) {
      if (c === '!' || c === '?' || c === '$') this.fail('invalid syntax')
      this.fail(
        `invalid character '${String.fromCodePoint(this.text.codePointAt(start)!)}' (U+${this.text.codePointAt(start)!.toString(16).toUpperCase().padStart(4, '0')})`,
      )
    }
    if (op in CLOSING) {
      if (this.brackets.length >= 200) this.fail('too many nested parentheses')
      this.brackets.push({ open: op, line: this.line, column: start - this.lineStart })
    } else if (op === ')' || op === ']' || op === '}') {
      const open = this.brackets.pop()
      if (!open) this.fail(`unmatched '${op}'`)
      if (CLOSING[open.open] !== op) this.fail(`closing parenthesis '${op}' does not match opening parenthesis '${open.open}'`)
    }
    tokens.push(this.token('op', op))
    this.at += op.length
  }

  private string(tokens: Token[], prefix: string): void {
    const start = this.at
    const { line, lineStart } = this
    this.at += prefix.length
    const quote = this.text.startsWith(this.text[this.at]!.repeat(3), this.at) ? this.text[this.at]!.repeat(3) : this.text[this.at]!
    this.at += quote.length
    const type = prefix.includes('b') ? 'bytes' : prefix.includes('f') ? 'fstring' : 'string'
    const token: Token = { type, value: '', line, column: start - lineStart }
    const raw = prefix.includes('r')
    if (type === 'fstring') {
      token.parts = this.fstring(quote, raw, false)
      this.at += quote.length
    } else {
      const from = this.at
      for (;;) {
        const c = this.text[this.at]
        if (c === undefined || (c === '\n' && quote.length === 1)) this.unterminated(quote, line, start - lineStart)
        if (this.text.startsWith(quote, this.at)) break
        const width = c === '\\' ? 2 : 1
        const lineBreak = this.text.slice(this.at, this.at + width).includes('\n')
        this.at += width
        if (lineBreak) this.newline()
      }
      const body = this.text.slice(from, this.at)
      this.at += quote.length
      const failed = (message: string): never => this.fail(message, line, start - lineStart)
      if (type === 'bytes' && /[^\x00-\x7f]/.test(body)) failed('bytes can only contain ASCII literal characters')
      token.value = raw ? body : unescape(body, type === 'bytes', failed)
    }
    tokens.push(token)
  }

  private unterminated(quote: string, line: number, column: number): never {
    this.fail(
      quote.length === 3
        ? `unterminated triple-quoted string literal (detected at line ${this.line})`
        : `unterminated string literal (detected at line ${this.line})`,
      line,
      column,
    )
  }

  /** The parts of an f-string, or of a format specification when `spec`; stops before the closing quote or brace. */
  private fstring(quote: string, raw: boolean, spec: boolean): (string | FStringField)[] {
    const parts: (string | FStringField)[] = []
    const { line } = this
    const column = this.at - this.lineStart
    let from = this.at
    let literal = ''
    const take = () => {
      const body = this.text.slice(from, this.at)
      literal += raw ? body : unescape(body, false, message => this.fail(message))
    }
    const flush = () => {
      take()
      if (literal) parts.push(literal)
      literal = ''
    }
    for (;;) {
      const c = this.text[this.at]
      if (c === undefined || (c === '\n' && quote.length === 1)) this.unterminated(quote, line, column)
      if (this.text.startsWith(quote, this.at) || (spec && c === '}')) break
      if (c === '{' || c === '}') {
        if (!spec && this.text[this.at + 1] === c) {
          this.at++
          take()
          this.at++
          from = this.at
          continue
        }
        if (c === '}') this.fail("f-string: single '}' is not allowed")
        flush()
        parts.push(this.field(quote, raw, parts))
        from = this.at
        continue
      }
      // `\N{…}` is an escape, not a field.
      const escape = c === '\\' ? (!raw && this.text.startsWith('N{', this.at + 1) ? this.text.indexOf('}', this.at) - this.at + 1 : 2) : 1
      const width = c === '\\' && raw && '{}'.includes(this.text[this.at + 1] ?? ' ') ? 1 : Math.max(1, escape)
      const lineBreak = this.text.slice(this.at, this.at + width).includes('\n')
      this.at += width
      if (lineBreak) this.newline()
    }
    flush()
    return parts
  }

  private field(quote: string, raw: boolean, parts: (string | FStringField)[]): FStringField {
    const field: FStringField = { tokens: [], debug: null, conversion: '', spec: null }
    const open = { open: '{', line: this.line, column: this.at - this.lineStart }
    if (this.brackets.length >= 200) this.fail('too many nested parentheses')
    this.at++
    const from = this.at
    this.brackets.push(open)
    this.scan(field.tokens, true)
    const last = field.tokens.at(-1)
    if (!last) this.fail(`f-string: valid expression required before '${this.text[this.at] ?? '}'}'`)
    if (last.type === 'op' && last.value === '=') {
      field.tokens.pop()
      parts.push(this.text.slice(from, this.at))
      field.debug = ''
    }
    field.tokens.push(this.token('end', ''))
    if (this.text[this.at] === '!') {
      const conversion = this.text[this.at + 1] ?? ''
      if (conversion !== 'r' && conversion !== 's' && conversion !== 'a')
        this.fail(`f-string: invalid conversion character '${conversion}': expected 's', 'r', or 'a'`)
      field.conversion = conversion
      this.at += 2
    }
    if (this.text[this.at] === ':') {
      this.at++
      field.spec = this.fstring(quote, raw, true)
    }
    if (field.debug !== null && !field.conversion && !field.spec) field.conversion = 'r'
    if (this.text[this.at] !== '}') this.fail("f-string: expecting '}'")
    this.at++
    this.brackets.pop()
    return field
  }
}
