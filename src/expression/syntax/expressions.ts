/** Parses expressions: precedence climbing over the token list. */
import { PyBytes, PyFloat, Ellipsis, normalizeInt } from '../values.ts'
import { ExpressionSyntaxError } from '../errors.ts'
import type {
  BinaryOperator,
  CompareOperator,
  Comprehension,
  Expr,
  FormatField,
  Keyword,
  Parameter,
  ParameterList,
  Position,
} from './ast.ts'
import type { FStringField, Token, TokenType } from './tokens.ts'

export const KEYWORDS = new Set(
  'False None True and as assert async await break class continue def del elif else except finally for from global if import in is lambda nonlocal not or pass raise return try while with yield'.split(
    ' ',
  ),
)

const BINARY: [BinaryOperator[]][] = [[['|']], [['^']], [['&']], [['<<', '>>']], [['+', '-']], [['*', '/', '//', '%', '@']]]
/** Nesting of the tree is bounded so that neither compiling nor running it can exhaust the stack. */
const MAX_DEPTH = 200
const MAX_CHAIN = 1000

export class ExpressionParser {
  protected tokens: Token[]
  protected at = 0
  private depth = 0

  constructor(tokens: Token[]) {
    this.tokens = tokens
  }

  protected get token(): Token {
    return this.tokens[this.at]!
  }

  protected fail(message: string, at: Position = this.token): never {
    throw new ExpressionSyntaxError(message, at.line, Math.max(1, at.column - 3))
  }

  protected nest<T>(parse: () => T): T {
    if (++this.depth > MAX_DEPTH) this.fail('too many nested expressions or blocks')
    try {
      return parse()
    } finally {
      this.depth--
    }
  }

  protected atType(type: TokenType): boolean {
    return this.token.type === type
  }

  protected is(value: string): boolean {
    const { token } = this
    return token.value === value && (token.type === 'op' || (token.type === 'name' && KEYWORDS.has(value)))
  }

  protected accept(value: string): boolean {
    if (!this.is(value)) return false
    this.at++
    return true
  }

  protected expect(value: string, message = `expected '${value}'`): void {
    if (!this.accept(value)) this.fail(this.token.type === 'end' || value === ':' ? message : this.invalid(message))
  }

  private invalid(message: string): string {
    return this.token.type === 'name' || this.token.type === 'number' || this.token.type === 'string'
      ? 'invalid syntax. Perhaps you forgot a comma?'
      : message
  }

  protected identifier(): string {
    const { token } = this
    if (token.type !== 'name' || KEYWORDS.has(token.value)) this.fail('invalid syntax')
    this.at++
    return token.value
  }

  protected position(): Position {
    return { line: this.token.line, column: this.token.column }
  }

  /** `a, *b, c` or one expression. */
  starExpressions(): Expr {
    const at = this.position()
    const first = this.starExpression()
    if (!this.is(',')) return first
    const items = [first]
    while (this.accept(',')) {
      if (!this.startsExpression()) break
      items.push(this.starExpression())
    }
    return { kind: 'Tuple', items, ...at }
  }

  protected starExpression(): Expr {
    const at = this.position()
    if (this.accept('*')) return { kind: 'Starred', value: this.binary(0), ...at }
    return this.namedExpression()
  }

  protected startsExpression(): boolean {
    const { token } = this
    if (token.type === 'op') return ['(', '[', '{', '-', '+', '~', '...', '*'].includes(token.value)
    if (token.type === 'name')
      return !KEYWORDS.has(token.value) || ['None', 'True', 'False', 'not', 'lambda', 'await', 'yield'].includes(token.value)
    return ['number', 'string', 'bytes', 'fstring'].includes(token.type)
  }

  namedExpression(): Expr {
    const value = this.expression()
    if (!this.is(':=')) return value
    if (value.kind !== 'Name') this.fail(`cannot use assignment expressions with ${describe(value)}`, value)
    this.at++
    return { kind: 'Walrus', target: value, value: this.expression(), line: value.line, column: value.column }
  }

  expression(): Expr {
    return this.nest(() => {
      if (this.is('lambda')) return this.lambda()
      const at = this.position()
      const body = this.or()
      if (!this.accept('if')) return body
      const test = this.or()
      this.expect('else', "expected 'else' after 'if' expression")
      return { kind: 'Conditional', test, body, orelse: this.expression(), ...at }
    })
  }

  private lambda(): Expr {
    const at = this.position()
    this.at++
    const parameters = this.parameters(':', false)
    this.expect(':')
    return { kind: 'Lambda', parameters, body: this.expression(), ...at }
  }

  private or(): Expr {
    return this.bool('or', () => this.bool('and', () => this.not()))
  }

  private bool(op: 'and' | 'or', operand: () => Expr): Expr {
    const at = this.position()
    const first = operand()
    if (!this.is(op)) return first
    const values = [first]
    while (this.accept(op)) values.push(operand())
    return { kind: 'Bool', op, values, ...at }
  }

  private not(): Expr {
    const at = this.position()
    if (!this.accept('not')) return this.comparison()
    return this.nest(() => ({ kind: 'Unary', op: 'not', operand: this.not(), ...at }))
  }

  private comparison(): Expr {
    const at = this.position()
    const left = this.binary(0)
    const ops: CompareOperator[] = []
    const rights: Expr[] = []
    for (;;) {
      let op: CompareOperator
      if (this.token.type === 'op' && ['==', '!=', '<', '<=', '>', '>='].includes(this.token.value))
        op = this.token.value as CompareOperator
      else if (this.is('in')) op = 'in'
      else if (this.is('is')) op = this.tokens[this.at + 1]!.value === 'not' && this.tokens[this.at + 1]!.type === 'name' ? 'is not' : 'is'
      else if (this.is('not') && this.tokens[this.at + 1]!.value === 'in') op = 'not in'
      else break
      this.at += op === 'is not' || op === 'not in' ? 2 : 1
      ops.push(op)
      rights.push(this.binary(0))
    }
    return ops.length ? { kind: 'Compare', left, ops, rights, ...at } : left
  }

  protected binary(level: number): Expr {
    if (level === BINARY.length) return this.unary()
    const [operators] = BINARY[level]!
    const at = this.position()
    let left = this.binary(level + 1)
    for (let length = 0; this.token.type === 'op' && operators.includes(this.token.value as BinaryOperator);) {
      if (++length > MAX_CHAIN) this.fail('maximum recursion depth exceeded during compilation')
      const op = this.token.value as BinaryOperator
      this.at++
      left = { kind: 'Binary', op, left, right: this.binary(level + 1), ...at }
    }
    return left
  }

  private unary(): Expr {
    const at = this.position()
    const op = this.token.value
    if (this.token.type === 'op' && (op === '-' || op === '+' || op === '~')) {
      this.at++
      return this.nest(() => ({ kind: 'Unary', op, operand: this.unary(), ...at }))
    }
    const base = this.postfix()
    if (!this.accept('**')) return base
    return this.nest(() => ({ kind: 'Binary', op: '**', left: base, right: this.unary(), ...at }))
  }

  private postfix(): Expr {
    const at = this.position()
    if (this.accept('await')) {
      this.postfix()
      return { kind: 'Unsupported', what: 'await', ...at }
    }
    let value = this.atom()
    for (let length = 0; ; length++) {
      if (length > MAX_CHAIN) this.fail('maximum recursion depth exceeded during compilation')
      const here = this.position()
      if (this.accept('.'))
        value = { kind: 'Attribute', object: value, name: this.identifier(), ...here, line: this.tokens[this.at - 1]!.line }
      else if (this.is('(')) value = this.call(value)
      else if (this.accept('[')) {
        value = { kind: 'Subscript', object: value, index: this.subscripts(), ...at }
        this.expect(']', "'[' was never closed")
      } else return value
    }
  }

  private call(fn: Expr): Expr {
    const at = { line: fn.kind === 'Attribute' ? fn.line : fn.line, column: fn.column }
    this.at++
    const args: Expr[] = []
    const keywords: Keyword[] = []
    const names = new Set<string>()
    while (!this.is(')')) {
      const here = this.position()
      if (this.accept('**')) keywords.push({ name: null, value: this.expression(), ...here })
      else if (this.accept('*')) args.push({ kind: 'Starred', value: this.expression(), ...here })
      else if (this.token.type === 'name' && this.tokens[this.at + 1]!.value === '=' && this.tokens[this.at + 1]!.type === 'op') {
        const name = this.token.value
        if (KEYWORDS.has(name)) this.fail(`cannot assign to ${name}`)
        if (names.has(name)) this.fail(`keyword argument repeated: ${name}`)
        names.add(name)
        this.at += 2
        keywords.push({ name, value: this.expression(), ...here })
      } else {
        const value = this.namedExpression()
        if (this.is('for') || this.is('async')) {
          if (args.length || keywords.length) this.fail('Generator expression must be parenthesized', value)
          args.push(this.comprehension('generator', value, null, here))
          if (this.is(',') && this.tokens[this.at + 1]!.value !== ')') this.fail('Generator expression must be parenthesized', value)
        } else {
          if (names.size) this.fail('positional argument follows keyword argument', value)
          if (keywords.length) this.fail('positional argument follows keyword argument unpacking', value)
          args.push(value)
        }
      }
      if (!this.accept(',')) break
    }
    this.expect(')', "'(' was never closed")
    return { kind: 'Call', fn, args, keywords, ...at }
  }

  private subscripts(): Expr {
    const at = this.position()
    const first = this.slice()
    if (!this.is(',')) {
      return first.kind === 'Starred' ? { kind: 'Tuple', items: [first], ...at } : first
    }
    const items = [first]
    while (this.accept(',')) {
      if (this.is(']')) break
      items.push(this.slice())
    }
    return { kind: 'Tuple', items, ...at }
  }

  private slice(): Expr {
    const at = this.position()
    const part = () => (this.is(':') || this.is(']') || this.is(',') ? null : this.expression())
    if (this.is('*')) return this.starExpression()
    const lower = this.is(':') ? null : this.namedExpression()
    if (!this.accept(':')) return lower!
    const upper = part()
    const step = this.accept(':') ? part() : null
    return { kind: 'Slice', lower, upper, step, ...at }
  }

  private atom(): Expr {
    const { token } = this
    const at = { line: token.line, column: token.column }
    switch (token.type) {
      case 'number':
        this.at++
        return this.number(token.value, at)
      case 'string':
      case 'bytes':
      case 'fstring':
        return this.strings()
      case 'name': {
        const { value } = token
        if (value === 'None' || value === 'True' || value === 'False') {
          this.at++
          return { kind: 'Constant', value: value === 'None' ? null : value === 'True', ...at }
        }
        if (KEYWORDS.has(value)) this.fail('invalid syntax')
        this.at++
        return { kind: 'Name', id: value, ...at }
      }
      case 'op':
        if (token.value === '(') return this.nest(() => this.parenthesized())
        if (token.value === '[') return this.nest(() => this.list())
        if (token.value === '{') return this.nest(() => this.braces())
        if (token.value === '...') {
          this.at++
          return { kind: 'Constant', value: Ellipsis, ...at }
        }
        break
      default:
    }
    if (token.type === 'indent') this.fail('unexpected indent')
    if (token.type === 'dedent' || token.type === 'end') this.fail('invalid syntax')
    return this.fail('invalid syntax')
  }

  private number(text: string, at: Position): Expr {
    const digits = text.replaceAll('_', '')
    if (/[jJ]$/.test(digits) && !/^0[xX]/.test(digits)) return { kind: 'Unsupported', what: 'complex numbers', ...at }
    if (/^0[xXbBoO]/.test(digits)) return { kind: 'Constant', value: normalizeInt(BigInt(digits)), ...at }
    if (/[.eE]/.test(digits)) return { kind: 'Constant', value: new PyFloat(Number(digits)), ...at }
    if (digits.length > 4300) this.fail('Exceeds the limit (4300 digits) for integer string conversion', at)
    return { kind: 'Constant', value: digits.length < 16 ? Number(digits) : normalizeInt(BigInt(digits)), ...at }
  }

  private strings(): Expr {
    const at = this.position()
    const isBytes = this.token.type === 'bytes'
    const parts: (string | FormatField)[] = []
    let formatted = false
    const add = (part: string | FormatField) => {
      if (typeof part === 'string' && typeof parts.at(-1) === 'string') parts[parts.length - 1] += part
      else parts.push(part)
    }
    for (; ['string', 'bytes', 'fstring'].includes(this.token.type); this.at++) {
      if ((this.token.type === 'bytes') !== isBytes) this.fail('cannot mix bytes and nonbytes literals', at)
      if (this.token.type === 'fstring') {
        formatted = true
        for (const part of this.fields(this.token.parts!)) add(part)
      } else add(this.token.value)
    }
    if (formatted) return { kind: 'Format', parts, ...at }
    const text = (parts[0] as string | undefined) ?? ''
    return { kind: 'Constant', value: isBytes ? new PyBytes(Uint8Array.from(text, c => c.charCodeAt(0))) : text, ...at }
  }

  private fields(parts: (string | FStringField)[]): (string | FormatField)[] {
    return parts.map(part => {
      if (typeof part === 'string') return part
      const outer = this.tokens
      const { at } = this
      this.tokens = part.tokens
      this.at = 0
      const value = this.nest(() => (this.is('yield') ? this.yieldExpression() : this.starExpressions()))
      if (this.token.type !== 'end') this.fail('f-string: invalid syntax. Perhaps you forgot a comma?')
      this.tokens = outer
      this.at = at
      return { value, conversion: part.conversion, spec: part.spec && this.nest(() => this.fields(part.spec!)) }
    })
  }

  private parenthesized(): Expr {
    const at = this.position()
    this.at++
    if (this.accept(')')) return { kind: 'Tuple', items: [], ...at }
    if (this.is('yield')) {
      const value = this.yieldExpression()
      this.expect(')')
      return value
    }
    const first = this.starExpression()
    if (this.is('for') || this.is('async')) {
      const value = this.comprehension('generator', first, null, at)
      this.expect(')')
      return value
    }
    if (!this.is(',')) {
      if (first.kind === 'Starred') this.fail('cannot use starred expression here', first)
      this.expect(')', "'(' was never closed")
      return first
    }
    const items = [first]
    while (this.accept(',')) {
      if (this.is(')')) break
      items.push(this.starExpression())
    }
    this.expect(')', "'(' was never closed")
    return { kind: 'Tuple', items, ...at }
  }

  private list(): Expr {
    const at = this.position()
    this.at++
    const items: Expr[] = []
    while (!this.is(']')) {
      const item = this.starExpression()
      if (items.length === 0 && (this.is('for') || this.is('async'))) {
        const value = this.comprehension('list', item, null, at)
        this.expect(']')
        return value
      }
      items.push(item)
      if (!this.accept(',')) break
    }
    this.expect(']', "'[' was never closed")
    return { kind: 'List', items, ...at }
  }

  private braces(): Expr {
    const at = this.position()
    this.at++
    if (this.accept('}')) return { kind: 'Dict', keys: [], values: [], ...at }
    const keys: (Expr | null)[] = []
    const values: Expr[] = []
    const items: Expr[] = []
    do {
      if (this.is('}')) break
      if (items.length === 0 && this.accept('**')) {
        keys.push(null)
        values.push(this.binary(0))
        continue
      }
      const first = this.starExpression()
      if (keys.length || (items.length === 0 && this.is(':'))) {
        this.expect(':', "':' expected after dictionary key")
        const value = this.expression()
        if (keys.length === 0 && (this.is('for') || this.is('async'))) {
          const result = this.comprehension('dict', first, value, at)
          this.expect('}')
          return result
        }
        keys.push(first)
        values.push(value)
        continue
      }
      if (items.length === 0 && (this.is('for') || this.is('async'))) {
        const result = this.comprehension('set', first, null, at)
        this.expect('}')
        return result
      }
      items.push(first)
    } while (this.accept(','))
    this.expect('}', "'{' was never closed")
    return keys.length ? { kind: 'Dict', keys, values, ...at } : { kind: 'Set', items, ...at }
  }

  private comprehension(form: 'list' | 'set' | 'dict' | 'generator', element: Expr, value: Expr | null, at: Position): Expr {
    const clauses: Comprehension[] = []
    let asynchronous = false
    while (this.is('for') || this.is('async')) {
      if (this.accept('async')) asynchronous = true
      this.expect('for')
      const target = this.targets()
      this.expect('in')
      const iter = this.or()
      const conditions: Expr[] = []
      while (this.accept('if')) {
        const test = this.or()
        if (this.is(':=') && test.kind === 'Name') {
          this.at++
          conditions.push({ kind: 'Walrus', target: test, value: this.or(), line: test.line, column: test.column })
        } else conditions.push(test)
      }
      clauses.push({ target, iter, conditions })
    }
    if (asynchronous) return { kind: 'Unsupported', what: 'asynchronous comprehensions', ...at }
    return { kind: 'Comprehension', form, element, value, clauses, ...at }
  }

  /** The targets of `for`: `x`, `a, b`, `(a, *b)`. */
  targets(): Expr {
    const at = this.position()
    const one = (): Expr => {
      const here = this.position()
      return this.accept('*') ? { kind: 'Starred', value: this.binary(0), ...here } : this.binary(0)
    }
    let target = one()
    if (this.is(',')) {
      const items = [target]
      while (this.accept(',')) {
        if (this.is('in') || this.is('=')) break
        items.push(one())
      }
      target = { kind: 'Tuple', items, ...at }
    }
    this.assertTarget(target)
    return target
  }

  /** Checks that an expression can be assigned to. */
  assertTarget(target: Expr, verb = 'assign to'): void {
    switch (target.kind) {
      case 'Name':
      case 'Attribute':
      case 'Subscript':
        return
      case 'Starred':
        if (verb === 'delete') this.fail('cannot delete starred', target)
        return this.assertTarget(target.value, verb)
      case 'List':
      case 'Tuple':
        if (target.items.filter(item => item.kind === 'Starred').length > 1) this.fail('multiple starred expressions in assignment', target)
        for (const item of target.items) this.assertTarget(item, verb)
        return
      default: {
        const hint =
          verb === 'assign to' && (target.kind === 'Call' || target.kind === 'Compare') ? " here. Maybe you meant '==' instead of '='?" : ''
        this.fail(`cannot ${verb} ${describe(target)}${hint}`, target)
      }
    }
  }

  yieldExpression(): Expr {
    const at = this.position()
    this.expect('yield')
    if (this.accept('from')) return { kind: 'YieldFrom', value: this.expression(), ...at }
    return { kind: 'Yield', value: this.startsExpression() ? this.starExpressions() : null, ...at }
  }

  /** Parameters up to the closing token; annotations only where `annotated` (not in a lambda). */
  parameters(end: string, annotated: boolean): ParameterList {
    const list: ParameterList = { positionalOnly: [], regular: [], rest: null, keywordOnly: [], keywordRest: null }
    const seen = new Set<string>()
    let star = false
    let defaulted = false
    const one = (): Parameter => {
      const at = this.position()
      const name = this.identifier()
      if (seen.has(name)) this.fail(`duplicate argument '${name}' in function definition`, at)
      seen.add(name)
      return { name, annotation: annotated && this.accept(':') ? this.starExpression() : null, default: null, ...at }
    }
    while (!this.is(end)) {
      if (list.keywordRest) this.fail('arguments cannot follow var-keyword argument')
      if (this.accept('/')) {
        if (star || list.positionalOnly.length || !list.regular.length) this.fail('invalid syntax')
        list.positionalOnly = list.regular
        list.regular = []
      } else if (this.accept('**')) list.keywordRest = one()
      else if (this.accept('*')) {
        if (star) this.fail('* argument may appear only once')
        star = true
        if (!this.is(',')) list.rest = one()
        else if (this.tokens[this.at + 1]!.value === end) this.fail('named arguments must follow bare *')
      } else {
        const parameter = one()
        if (this.accept('=')) {
          parameter.default = this.expression()
          defaulted ||= !star
        } else if (!star && defaulted) this.fail('parameter without a default follows parameter with a default', parameter)
        ;(star ? list.keywordOnly : list.regular).push(parameter)
      }
      if (!this.accept(',')) break
    }
    return list
  }
}

/** How CPython names a kind of expression in its messages. */
export function describe(value: Expr): string {
  switch (value.kind) {
    case 'Constant':
      return value.value === null
        ? 'None'
        : value.value === true
          ? 'True'
          : value.value === false
            ? 'False'
            : value.value === Ellipsis
              ? 'ellipsis'
              : 'literal'
    case 'Call':
      return 'function call'
    case 'Compare':
      return 'comparison'
    case 'Conditional':
      return 'conditional expression'
    case 'Format':
      return 'f-string expression'
    case 'Dict':
      return 'dict literal'
    case 'Set':
      return 'set display'
    case 'Comprehension':
      return value.form === 'generator' ? 'generator expression' : `${value.form} comprehension`
    case 'Lambda':
      return 'lambda'
    case 'Walrus':
      return 'named expression'
    case 'Yield':
    case 'YieldFrom':
      return 'yield expression'
    case 'Tuple':
      return 'tuple'
    case 'List':
      return 'list'
    case 'Attribute':
      return 'attribute'
    case 'Subscript':
      return 'subscript'
    case 'Name':
      return 'name'
    default:
      return 'expression'
  }
}
