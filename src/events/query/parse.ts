/**
 * Queries over the audit log: `action = "login" and context.geo.country in ("DE", "AT")`. Comparisons of a field with a value, joined
 * by `and` and `or` and grouped by parentheses; `and` binds tighter.
 */

export type Literal = string | number | boolean | null

export type Operator = '=' | '!=' | '>' | '>=' | '<' | '<=' | '~' | '!~' | 'in' | 'not in' | Affix | `not ${Affix}`
type Affix = 'startswith' | 'endswith'

export type Query =
  | { kind: 'and' | 'or'; left: Query; right: Query }
  | { kind: 'comparison'; path: string[]; operator: Operator; value: Literal | Literal[] }

/** The text is no query. */
export class QuerySyntaxError extends Error {}

const TOKEN =
  /\s*(?:(?<text>"(?:[^"\\\n]|\\.)*")|(?<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?<name>[A-Za-z_]\w*(?:\.\w+)*)|(?<sign>!=|!~|>=|<=|[=<>~(),]))/y

type Token = { kind: 'text' | 'number' | 'name' | 'sign'; text: string }

function tokens(source: string): Token[] {
  const found: Token[] = []
  const end = source.trimEnd().length
  TOKEN.lastIndex = 0
  while (TOKEN.lastIndex < end) {
    const at = TOKEN.lastIndex
    const groups = TOKEN.exec(source)?.groups
    if (!groups) throw new QuerySyntaxError(`Unexpected text at ${at + 1}.`)
    const [kind, text] = Object.entries(groups).find(([, text]) => text !== undefined) as [Token['kind'], string]
    found.push({ kind, text })
  }
  return found
}

const WORDS: ReadonlyMap<string, Literal> = new Map([
  ['True', true],
  ['False', false],
  ['None', null],
])
const SIGNS = new Set(['=', '!=', '>', '>=', '<', '<=', '~', '!~'])
const NAMED = new Set(['in', 'startswith', 'endswith'])
const MOST_TOKENS = 1_000

/** Reads a query. @throws QuerySyntaxError */
export function parseQuery(source: string): Query {
  const list = tokens(source)
  if (list.length > MOST_TOKENS) throw new QuerySyntaxError('The query is too long.')
  let at = 0
  const fail = (): never => {
    throw new QuerySyntaxError(list[at] ? `Unexpected ${list[at]!.text}.` : 'The query ends too early.')
  }
  const take = (test: (token: Token) => boolean): Token | undefined => (list[at] && test(list[at]!) ? list[at++] : undefined)
  const name = (text: string) => take(token => token.kind === 'name' && token.text === text)
  const sign = (text: string) => take(token => token.kind === 'sign' && token.text === text)

  const joined = (word: 'and' | 'or', part: () => Query): Query => {
    let left = part()
    while (name(word)) left = { kind: word, left, right: part() }
    return left
  }
  const either = (): Query => joined('or', () => joined('and', one))
  const one = (): Query => {
    if (sign('(')) {
      const inner = either()
      if (!sign(')')) fail()
      return inner
    }
    const path = (take(token => token.kind === 'name') ?? fail()).text.split('.')
    const operator = readOperator()
    return { kind: 'comparison', path, operator, value: operator.endsWith('in') ? listOf() : literal() }
  }
  const readOperator = (): Operator => {
    const written = take(token => token.kind === 'sign' && SIGNS.has(token.text))
    if (written) return written.text as Operator
    const not = name('not') ? 'not ' : ''
    return `${not}${(take(token => token.kind === 'name' && NAMED.has(token.text)) ?? fail()).text}` as Operator
  }
  const literal = (): Literal => {
    const token = take(({ kind }) => kind !== 'sign') ?? fail()
    if (token.kind === 'number') return Number(token.text)
    if (token.kind === 'text') return token.text.slice(1, -1).replaceAll(/\\(.)/g, '$1')
    if (!WORDS.has(token.text)) {
      at--
      fail()
    }
    return WORDS.get(token.text)!
  }
  const listOf = (): Literal[] => {
    if (!sign('(')) fail()
    const values = [literal()]
    while (sign(',')) values.push(literal())
    if (!sign(')')) fail()
    return values
  }

  const query = either()
  return at < list.length ? fail() : query
}
