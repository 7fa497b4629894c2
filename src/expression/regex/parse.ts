import { NO_WIDTH, ONE, sequence, times } from './ast.ts'
import type { Node, RepeatMode, Seq } from './ast.ts'
import { RegexSyntaxError, RegexValueError } from './errors.ts'
import { parseEscape } from './escape.ts'
import { ASCII, LOCALE, UNICODE, VERBOSE } from './flags.ts'
import { parseGroup } from './parse-group.ts'
import { parseSet } from './parse-set.ts'
import { isDecimal, Source } from './source.ts'

/** Bounds on what a pattern may ask of the parser. */
export const MAX_PATTERN = 32_768 // code points
export const MAX_GROUPS = 500
export const MAX_NESTING = 200 // two a group
const MAX_REPEAT = 4_294_967_295

export interface Parsed {
  body: Seq
  flags: number
  /** Number of capturing groups. */
  groups: number
  names: Map<string, number>
}

/** The state shared by the functions that parse one pattern. */
export class ParseState {
  readonly source: Source
  flags: number
  readonly names = new Map<string, number>()
  /** Width of each closed group; null while it is open. Index 0 is the whole pattern. */
  readonly widths: (Pick<Seq, 'lo' | 'hi'> | null)[] = [null]
  /** Number of groups that existed where the outermost look-behind began, or null outside of one. */
  lookbehindGroups: number | null = null
  /** Where each group number was first asked for by a conditional that stood before the group. */
  readonly conditionals = new Map<number, number>()

  constructor(source: Source, flags: number) {
    this.source = source
    this.flags = flags
  }

  openGroup(name: string | null) {
    const group = this.widths.length
    if (group > MAX_GROUPS) throw new RegexSyntaxError('too many groups')
    this.widths.push(null)
    if (name !== null) this.names.set(name, group)
    return group
  }

  isClosed(group: number) {
    return group < this.widths.length && this.widths[group] !== null
  }

  /** Python refuses references out of a look-behind to groups that are not complete before it. */
  checkLookbehind(group: number) {
    if (this.lookbehindGroups === null) return
    if (!this.isClosed(group)) throw this.source.error('cannot refer to an open group')
    if (group >= this.lookbehindGroups) throw this.source.error('cannot refer to group defined in the same lookbehind subpattern')
  }
}

/**
 * Parses a pattern in the syntax of Python 3.11's `re`.
 * @throws RegexSyntaxError with Python's message; RegexValueError for flags and counts that Python refuses with another class
 */
export function parse(pattern: string, flags: number, isText: boolean): Parsed {
  if (pattern.length > MAX_PATTERN) throw new RegexSyntaxError('pattern is too long')
  const state = new ParseState(new Source(pattern, isText), flags)
  const body = parseAlternatives(state, (flags & VERBOSE) !== 0, 0)
  state.flags = resolveFlags(state.flags, isText)
  if (state.source.next !== null) throw state.source.error('unbalanced parenthesis')
  for (const [group, position] of state.conditionals) {
    if (group >= state.widths.length) throw new RegexSyntaxError(`invalid group reference ${group}`, pattern, position)
  }
  return { body, flags: state.flags, groups: state.widths.length - 1, names: state.names }
}

function resolveFlags(flags: number, isText: boolean) {
  const refuse = (message: string) => new RegexValueError('ValueError', message)
  if (isText) {
    if (flags & LOCALE) throw refuse('cannot use LOCALE flag with a str pattern')
    if (!(flags & ASCII)) return flags | UNICODE
    if (flags & UNICODE) throw refuse('ASCII and UNICODE flags are incompatible')
    return flags
  }
  if (flags & UNICODE) throw refuse('cannot use UNICODE flag with a bytes pattern')
  if (flags & LOCALE && flags & ASCII) throw refuse('ASCII and LOCALE flags are incompatible')
  return flags
}

/** Parses `a|b|c` up to a closing parenthesis or the end. */
export function parseAlternatives(state: ParseState, verbose: boolean, nesting: number): Seq {
  const branches: Seq[] = []
  do {
    branches.push(parseSequence(state, verbose, nesting + 1, nesting === 0 && branches.length === 0))
    if (nesting === 0) verbose = (state.flags & VERBOSE) !== 0
  } while (state.source.match('|'))
  if (branches.length === 1) return branches[0]!
  return sequence([{ op: 'branch', branches, lo: Math.min(...branches.map(b => b.lo)), hi: Math.max(...branches.map(b => b.hi)) }])
}

/** Parses one alternative. `first` holds where global flags may stand. */
export function parseSequence(state: ParseState, verbose: boolean, nesting: number, first = false): Seq {
  if (nesting > MAX_NESTING) throw new RegexSyntaxError('too much nesting')
  const { source } = state
  const nodes: Node[] = []
  for (;;) {
    const token = source.next
    if (token === null || token === '|' || token === ')') break
    source.get()
    if (verbose && ' \t\n\r\v\f'.includes(token)) continue
    if (verbose && token === '#') {
      for (let t = source.get(); t !== null && t !== '\n';) t = source.get()
      continue
    }
    if (token.length > 1 && token[0] === '\\') nodes.push(escapeNode(state, token))
    else if (token === '[') nodes.push(parseSet(source))
    else if (token === '.') nodes.push({ op: 'any', ...ONE })
    else if (token === '^') nodes.push({ op: 'at', at: 'begin', ...NO_WIDTH })
    else if (token === '$') nodes.push({ op: 'at', at: 'end', ...NO_WIDTH })
    else if (token === '*' || token === '+' || token === '?' || token === '{') parseRepeat(state, token, nodes)
    else if (token === '(') {
      const node = parseGroup(state, verbose, nesting, first && nodes.length === 0)
      if (node === 'flags') verbose = (state.flags & VERBOSE) !== 0
      else if (node !== null) nodes.push(node)
    } else nodes.push({ op: 'char', char: token.codePointAt(0)!, ...ONE })
  }
  return sequence(nodes)
}

function escapeNode(state: ParseState, token: string): Node {
  const { source } = state
  const escape = parseEscape(source, token, false)
  if ('char' in escape) return { op: 'char', char: escape.char, ...ONE }
  if ('category' in escape) return { op: 'set', items: [escape], negate: false, ...ONE }
  if ('at' in escape) return { op: 'at', at: escape.at, ...NO_WIDTH }
  const { group, length } = escape
  if (group >= state.widths.length) throw source.error(`invalid group reference ${group}`, length - 1)
  if (!state.isClosed(group)) throw source.error('cannot refer to an open group', length)
  state.checkLookbehind(group)
  return backref(state, group)
}

export const backref = (state: ParseState, group: number): Node => {
  const { lo, hi } = state.widths[group]!
  return { op: 'backref', group, lo, hi }
}

function parseRepeat(state: ParseState, token: string, nodes: Node[]) {
  const { source } = state
  const here = source.tell()
  let min = token === '+' ? 1 : 0
  let max = token === '?' ? 1 : Infinity
  if (token === '{') {
    const counts = parseCounts(source, here)
    if (counts === null) {
      nodes.push({ op: 'char', char: 123, ...ONE })
      return
    }
    ;({ min, max } = counts)
  }
  const item = nodes.at(-1)
  if (item === undefined || item.op === 'at') throw source.error('nothing to repeat', source.tell() - here + 1)
  if (item.op === 'repeat') throw source.error('multiple repeat', source.tell() - here + 1)
  const plain = item.op === 'group' && item.group === null && item.add === 0 && item.del === 0
  const body = plain ? item.body : sequence([item])
  const mode: RepeatMode = source.match('?') ? 'lazy' : source.match('+') ? 'possessive' : 'greedy'
  nodes[nodes.length - 1] = { op: 'repeat', min, max, mode, body, lo: times(body.lo, min), hi: times(body.hi, max) }
}

/** Reads `m,n}`; null (with nothing consumed) where the brace is an ordinary character. */
function parseCounts(source: Source, here: number) {
  if (source.next === '}') return null
  const lo = source.getWhile(Infinity, isDecimal)
  const hi = source.match(',') ? source.getWhile(Infinity, isDecimal) : lo
  if (!source.match('}')) {
    source.seek(here)
    return null
  }
  const min = lo === '' ? 0 : Number(lo)
  const max = hi === '' ? Infinity : Number(hi)
  if (min >= MAX_REPEAT || (hi !== '' && max >= MAX_REPEAT))
    throw new RegexValueError('OverflowError', 'the repetition number is too large')
  if (max < min) throw source.error('min repeat greater than max repeat', source.tell() - here)
  return { min, max }
}
