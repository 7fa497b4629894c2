/** Parses statements, and the text of an expression as a whole. */
import { ExpressionSyntaxError } from '../errors.ts'
import type { Alias, BinaryOperator, ClassDef, ExceptHandler, Expr, FunctionDef, Position, Stmt } from './ast.ts'
import { PatternParser } from './patterns.ts'
import { Tokenizer } from './tokens.ts'

const AUGMENTED = new Set(['+=', '-=', '*=', '/=', '//=', '%=', '**=', '@=', '<<=', '>>=', '|=', '&=', '^='])
const PRINT_HINT = "Missing parentheses in call to 'print'. Did you mean print(...)?"

class Parser extends PatternParser {
  /** Where return, break and continue may stand. */
  private loops = 0
  private functions = 1

  body(): Stmt[] {
    if (this.atType('end')) this.fail('expected an indented block after function definition on line 1')
    this.at++
    const statements = this.statements()
    if (!this.atType('end')) this.fail('invalid syntax')
    return statements
  }

  private statements(): Stmt[] {
    const statements: Stmt[] = []
    while (this.token.type !== 'dedent' && this.token.type !== 'end') {
      if (this.token.type === 'indent') this.fail('unexpected indent')
      this.statement(statements)
    }
    this.at++
    return statements
  }

  private block(what: string): Stmt[] {
    const { line } = this.tokens[this.at - 1]!
    this.expect(':')
    if (this.token.type === 'newline') {
      this.at++
      if (!this.atType('indent')) this.fail(`expected an indented block after ${what} on line ${line}`)
      this.at++
      return this.nest(() => this.statements())
    }
    const statements: Stmt[] = []
    this.simpleLine(statements)
    return statements
  }

  private statement(into: Stmt[]): void {
    const { token } = this
    const at = this.position()
    if (token.type === 'name') {
      switch (token.value) {
        case 'if':
          return void into.push(this.ifStatement(at))
        case 'while': {
          this.at++
          const test = this.namedExpression()
          const body = this.loop(() => this.block("'while' statement"))
          return void into.push({ kind: 'While', test, body, orelse: this.elseBlock(), ...at })
        }
        case 'for':
          return void into.push(this.forStatement(at))
        case 'try':
          return void into.push(this.tryStatement(at))
        case 'with':
          return void into.push(this.withStatement(at))
        case 'def':
          return void into.push(this.functionDef([], at))
        case 'class':
          return void into.push(this.classDef([], at))
        case 'async': {
          this.at++
          const scratch: Stmt[] = []
          if (!this.is('def') && !this.is('for') && !this.is('with')) this.fail('invalid syntax')
          this.statement(scratch)
          return void into.push({ kind: 'UnsupportedStmt', what: 'async', ...at })
        }
        case 'match':
          if (this.matchStatement(into, at)) return
          break
        default:
      }
    }
    if (this.is('@')) {
      const decorators: Expr[] = []
      while (this.accept('@')) {
        decorators.push(this.namedExpression())
        if (this.token.type !== 'newline') this.fail('invalid syntax')
        this.at++
      }
      const here = this.position()
      if (this.is('def')) into.push(this.functionDef(decorators, here))
      else if (this.is('class')) into.push(this.classDef(decorators, here))
      else if (this.accept('async')) {
        this.functionDef(decorators, here)
        into.push({ kind: 'UnsupportedStmt', what: 'async', ...here })
      } else this.fail('invalid syntax')
      return
    }
    this.simpleLine(into)
  }

  private simpleLine(into: Stmt[]): void {
    do {
      if (this.token.type === 'newline') break
      into.push(this.simple())
    } while (this.accept(';'))
    if (this.token.type === 'newline') this.at++
    else if (this.token.type !== 'end') {
      const previous = this.tokens[this.at - 1]
      const printing =
        previous?.value === 'print' && previous.type === 'name' && (this.token.type === 'string' || this.token.type === 'name')
      this.fail(printing ? PRINT_HINT : this.is('=') ? "invalid syntax. Maybe you meant '==' or ':=' instead of '='?" : 'invalid syntax')
    }
  }

  private simple(): Stmt {
    const at = this.position()
    const { token } = this
    const word = token.type === 'name' ? token.value : ''
    switch (word) {
      case 'return':
        if (!this.functions) this.fail("'return' outside function")
        this.at++
        return { kind: 'Return', value: this.startsExpression() ? this.starExpressions() : null, ...at }
      case 'pass':
        this.at++
        return { kind: 'Pass', ...at }
      case 'break':
      case 'continue':
        if (!this.loops) this.fail(word === 'break' ? "'break' outside loop" : "'continue' not properly in loop")
        this.at++
        return { kind: word === 'break' ? 'Break' : 'Continue', ...at }
      case 'raise': {
        this.at++
        const value = this.startsExpression() ? this.expression() : null
        return { kind: 'Raise', value, cause: value && this.accept('from') ? this.expression() : null, ...at }
      }
      case 'assert': {
        this.at++
        const test = this.expression()
        return { kind: 'Assert', test, message: this.accept(',') ? this.expression() : null, ...at }
      }
      case 'del': {
        this.at++
        const target = this.starExpressions()
        this.assertTarget(target, 'delete')
        return { kind: 'Delete', targets: target.kind === 'Tuple' ? target.items : [target], ...at }
      }
      case 'global':
      case 'nonlocal': {
        this.at++
        const names = [this.identifier()]
        while (this.accept(',')) names.push(this.identifier())
        return { kind: word === 'global' ? 'Global' : 'Nonlocal', names, ...at }
      }
      case 'import':
        return this.importStatement(at)
      case 'from':
        return this.importFrom(at)
      default:
        return this.expressionStatement(at)
    }
  }

  private expressionStatement(at: Position): Stmt {
    const isTypeAlias =
      this.token.value === 'type' &&
      this.token.type === 'name' &&
      this.tokens[this.at + 1]!.type === 'name' &&
      this.tokens[this.at + 2]!.value === '='
    if (isTypeAlias) {
      this.at += 3
      this.expression()
      return { kind: 'UnsupportedStmt', what: 'type aliases', ...at }
    }
    let value = this.valueOrYield()
    if (this.accept(':')) {
      this.assertTarget(value, 'annotate')
      if (value.kind === 'Tuple' || value.kind === 'List')
        this.fail(`only single target (not ${value.kind.toLowerCase()}) can be annotated`, value)
      const annotation = this.expression()
      return { kind: 'AnnAssign', target: value, annotation, value: this.accept('=') ? this.valueOrYield() : null, ...at }
    }
    if (this.token.type === 'op' && AUGMENTED.has(this.token.value)) {
      if (!['Name', 'Attribute', 'Subscript'].includes(value.kind))
        this.fail(`'${value.kind.toLowerCase()}' is an illegal expression for augmented assignment`, value)
      const op = this.token.value.slice(0, -1) as BinaryOperator
      this.at++
      return { kind: 'AugAssign', target: value, op, value: this.valueOrYield(), ...at }
    }
    if (!this.is('=')) {
      if (value.kind === 'Starred') this.fail("can't use starred expression here", value)
      return { kind: 'Expr', value, ...at }
    }
    const targets: Expr[] = []
    while (this.accept('=')) {
      this.assertTarget(value)
      if (value.kind === 'Starred') this.fail('starred assignment target must be in a list or tuple', value)
      targets.push(value)
      value = this.valueOrYield()
    }
    if (value.kind === 'Starred') this.fail("can't use starred expression here", value)
    return { kind: 'Assign', targets, value, ...at }
  }

  private valueOrYield(): Expr {
    return this.is('yield') ? this.yieldExpression() : this.starExpressions()
  }

  private dotted(): string {
    let name = this.identifier()
    while (this.accept('.')) name += `.${this.identifier()}`
    return name
  }

  private importStatement(at: Position): Stmt {
    this.at++
    const names: Alias[] = []
    do names.push({ name: this.dotted(), as: this.accept('as') ? this.identifier() : null })
    while (this.accept(','))
    return { kind: 'Import', names, ...at }
  }

  private importFrom(at: Position): Stmt {
    this.at++
    let level = 0
    for (;;) {
      if (this.accept('.')) level++
      else if (this.accept('...')) level += 3
      else break
    }
    const module = this.is('import') ? '' : this.dotted()
    this.expect('import', 'invalid syntax')
    if (this.accept('*')) this.fail('import * only allowed at module level', at)
    const names: Alias[] = []
    const parenthesized = this.accept('(')
    do {
      if (parenthesized && this.is(')')) break
      names.push({ name: this.identifier(), as: this.accept('as') ? this.identifier() : null })
    } while (this.accept(','))
    if (parenthesized) this.expect(')')
    return { kind: 'ImportFrom', module, level, names, ...at }
  }

  private ifStatement(at: Position): Stmt {
    const branches: { test: Expr; body: Stmt[] }[] = []
    let word = 'if'
    do {
      this.at++
      const test = this.namedExpression()
      if (this.is('=')) this.fail("invalid syntax. Maybe you meant '==' or ':=' instead of '='?", test)
      branches.push({ test, body: this.block(`'${word}' statement`) })
      word = 'elif'
    } while (this.is('elif'))
    return { kind: 'If', branches, orelse: this.elseBlock(), ...at }
  }

  private elseBlock(): Stmt[] {
    return this.accept('else') ? this.block("'else' statement") : []
  }

  private loop<T>(parse: () => T): T {
    this.loops++
    const result = parse()
    this.loops--
    return result
  }

  private forStatement(at: Position): Stmt {
    this.at++
    const target = this.targets()
    this.expect('in', 'invalid syntax')
    const iter = this.starExpressions()
    const body = this.loop(() => this.block("'for' statement"))
    return { kind: 'For', target, iter, body, orelse: this.elseBlock(), ...at }
  }

  private tryStatement(at: Position): Stmt {
    this.at++
    const body = this.block("'try' statement")
    const handlers: ExceptHandler[] = []
    let group = false
    while (this.is('except')) {
      const here = this.position()
      this.at++
      if (this.accept('*')) group = true
      let type: Expr | null = null
      if (!this.is(':')) {
        type = this.expression()
        if (this.is(',')) {
          const items = [type]
          while (this.accept(',')) items.push(this.expression())
          if (this.is('as')) this.fail('multiple exception types must be parenthesized', type)
          type = { kind: 'Tuple', items, line: type.line, column: type.column }
        }
      }
      const name = type && this.accept('as') ? this.identifier() : null
      if (handlers.length && !handlers.at(-1)!.type) this.fail("default 'except:' must be last", handlers.at(-1))
      handlers.push({ type, name, body: this.block("'except' statement"), ...here })
    }
    const orelse = handlers.length ? this.elseBlock() : []
    const final = this.accept('finally') ? this.block("'finally' statement") : []
    if (!handlers.length && !final.length) this.fail("expected 'except' or 'finally' block")
    if (group) return { kind: 'UnsupportedStmt', what: 'except*', ...at }
    return { kind: 'Try', body, handlers, orelse, final, ...at }
  }

  private withStatement(at: Position): Stmt {
    this.at++
    const start = this.at
    const item = () => ({ context: this.expression(), target: this.accept('as') ? this.withTarget() : null })
    const list = (end?: string) => {
      const items = [item()]
      while (this.accept(',')) {
        if (end && this.is(end)) break
        items.push(item())
      }
      return items
    }
    let items
    if (this.is('(')) {
      // Parentheses around all items, or just the first item's own.
      try {
        this.at++
        items = list(')')
        this.expect(')')
        if (!this.is(':')) items = undefined
      } catch (error) {
        if (!(error instanceof ExpressionSyntaxError)) throw error
      }
      if (!this.is(':')) items = undefined
    }
    if (!items) {
      this.at = start
      items = list()
    }
    return { kind: 'With', items, body: this.block("'with' statement"), ...at }
  }

  private withTarget(): Expr {
    const target = this.binary(0)
    this.assertTarget(target)
    return target
  }

  private scoped<T>(functions: number, parse: () => T): T {
    const saved = [this.loops, this.functions] as const
    this.loops = 0
    this.functions = functions
    const result = parse()
    ;[this.loops, this.functions] = saved
    return result
  }

  private functionDef(decorators: Expr[], at: Position): FunctionDef | Stmt {
    this.expect('def')
    const name = this.identifier()
    this.expect('(')
    const parameters = this.parameters(')', true)
    this.expect(')')
    const returns = this.accept('->') ? this.expression() : null
    const body = this.scoped(1, () => this.block('function definition'))
    return { kind: 'Function', name, parameters, body, decorators, returns, ...at }
  }

  private classDef(decorators: Expr[], at: Position): ClassDef | Stmt {
    this.expect('class')
    const name = this.identifier()
    let call: Expr | null = null
    if (this.is('(')) {
      // The bases read like the arguments of a call.
      this.at--
      const fn = this.tokens[this.at]!
      call = this.callOf(fn)
    }
    const body = this.scoped(0, () => this.block('class definition'))
    const { args = [], keywords = [] } = call?.kind === 'Call' ? call : {}
    return { kind: 'Class', name, bases: args, keywords, body, decorators, ...at }
  }

  private callOf(name: Position & { value: string }): Expr {
    const value = this.expression()
    if (value.kind !== 'Call' || value.fn.kind !== 'Name' || value.fn.id !== name.value) this.fail('invalid syntax', name)
    return value
  }

  /** `match` is a keyword only where a block of cases follows. */
  private matchStatement(into: Stmt[], at: Position): boolean {
    const start = this.at
    let subject: Expr
    try {
      this.at++
      if (!this.startsExpression() && !this.is('*')) throw new ExpressionSyntaxError('', 0, 0)
      subject = this.starExpressions()
      const [colon, newline, indent, word] = this.tokens.slice(this.at, this.at + 4)
      if (colon?.value !== ':' || newline?.type !== 'newline' || indent?.type !== 'indent' || word?.value !== 'case')
        throw new ExpressionSyntaxError('', 0, 0)
    } catch (error) {
      if (!(error instanceof ExpressionSyntaxError)) throw error
      this.at = start
      return false
    }
    this.at += 3
    const cases = []
    while (this.token.type !== 'dedent') {
      if (this.token.value !== 'case') this.fail('invalid syntax')
      this.at++
      const pattern = this.topPattern()
      const guard = this.accept('if') ? this.namedExpression() : null
      cases.push({ pattern, guard, body: this.nest(() => this.block("'case' statement")) })
    }
    this.at++
    into.push({ kind: 'Match', subject, cases, ...at })
    return true
  }
}

/**
 * Parses the text of an expression: the body of a function. As upstream does, every line that is not blank is first indented by four spaces,
 * continuation lines of multi-line strings included. Throws ExpressionSyntaxError with the author's line and column.
 */
export function parse(text: string): Stmt[] {
  const lines = text.replace(/\r\n?/g, '\n').split('\n')
  const tokens = new Tokenizer(lines.map(line => (line.trim() ? `    ${line}` : line)).join('\n')).all()
  try {
    return new Parser(tokens).body()
  } catch (error) {
    if (error instanceof RangeError) throw new ExpressionSyntaxError('maximum recursion depth exceeded during compilation', 1, 1)
    throw error
  }
}
