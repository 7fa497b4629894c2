/** Parses the patterns of `case`. */
import type { Expr, Name, Pattern } from './ast.ts'
import { ExpressionParser } from './expressions.ts'

export class PatternParser extends ExpressionParser {
  /** A pattern at the top of `case`, where a sequence needs no brackets. */
  topPattern(): Pattern {
    const at = this.position()
    const first = this.maybeStar()
    if (!this.is(',')) {
      if (first.kind === 'MatchStar') this.fail('invalid syntax', at)
      return first
    }
    const patterns = [first]
    while (this.accept(',')) {
      if (this.is(':') || this.is('if')) break
      patterns.push(this.maybeStar())
    }
    return { kind: 'MatchSequence', patterns, ...at }
  }

  private maybeStar(): Pattern {
    const at = this.position()
    if (!this.accept('*')) return this.asPattern()
    const name = this.identifier()
    return { kind: 'MatchStar', name: name === '_' ? null : name, ...at }
  }

  private asPattern(): Pattern {
    return this.nest(() => {
      const at = this.position()
      const patterns = [this.closed()]
      while (this.accept('|')) patterns.push(this.closed())
      const pattern: Pattern = patterns.length === 1 ? patterns[0]! : { kind: 'MatchOr', patterns, ...at }
      if (!this.accept('as')) return pattern
      return { kind: 'MatchCapture', name: this.identifier(), pattern, ...at }
    })
  }

  private closed(): Pattern {
    const at = this.position()
    const { token } = this
    if (token.type === 'op' && (token.value === '(' || token.value === '[')) return this.sequence()
    if (this.is('{')) return this.mapping()
    if (token.type === 'name' && ['None', 'True', 'False'].includes(token.value)) {
      this.at++
      return { kind: 'MatchSingleton', value: token.value === 'None' ? null : token.value === 'True', ...at }
    }
    if (token.type !== 'name') return { kind: 'MatchValue', value: this.binary(4), ...at }
    const id = this.identifier()
    let value: Expr = { kind: 'Name', id, ...at } satisfies Name
    while (this.accept('.')) value = { kind: 'Attribute', object: value, name: this.identifier(), ...at }
    if (this.is('(')) return this.classPattern(value)
    if (value.kind === 'Attribute') return { kind: 'MatchValue', value, ...at }
    return { kind: 'MatchCapture', name: id === '_' ? null : id, pattern: null, ...at }
  }

  private sequence(): Pattern {
    const at = this.position()
    const end = this.token.value === '(' ? ')' : ']'
    this.at++
    const patterns: Pattern[] = []
    let commas = 0
    while (!this.is(end)) {
      patterns.push(this.maybeStar())
      if (!this.accept(',')) break
      commas++
    }
    this.expect(end)
    if (end === ')' && patterns.length === 1 && !commas && patterns[0]!.kind !== 'MatchStar') return patterns[0]!
    return { kind: 'MatchSequence', patterns, ...at }
  }

  private mapping(): Pattern {
    const at = this.position()
    this.at++
    const keys: Expr[] = []
    const patterns: Pattern[] = []
    let rest: string | null = null
    while (!this.is('}')) {
      if (this.accept('**')) rest = this.identifier()
      else {
        keys.push(this.binary(4))
        this.expect(':')
        patterns.push(this.asPattern())
      }
      if (!this.accept(',')) break
    }
    this.expect('}')
    return { kind: 'MatchMapping', keys, patterns, rest, ...at }
  }

  private classPattern(cls: Expr): Pattern {
    const at = this.position()
    this.at++
    const patterns: Pattern[] = []
    const names: string[] = []
    const named: Pattern[] = []
    while (!this.is(')')) {
      if (this.token.type === 'name' && this.tokens[this.at + 1]!.value === '=') {
        names.push(this.identifier())
        this.at++
        named.push(this.asPattern())
      } else {
        if (names.length) this.fail('positional patterns follow keyword patterns')
        patterns.push(this.asPattern())
      }
      if (!this.accept(',')) break
    }
    this.expect(')')
    return { kind: 'MatchClass', cls, patterns, names, named, ...at }
  }
}
