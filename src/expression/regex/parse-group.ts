import { NO_WIDTH } from './ast.ts'
import type { Node } from './ast.ts'
import { FLAG_LETTERS, TYPE_FLAGS, VERBOSE } from './flags.ts'
import { backref, parseAlternatives, parseSequence } from './parse.ts'
import type { ParseState } from './parse.ts'
import { isIdentifier, pointLength, quoted } from './source.ts'
import type { Source } from './source.ts'

/**
 * Parses what follows an opening parenthesis. Null for a comment; 'flags' for a group that only sets flags of the whole pattern,
 * which `flagsAllowed` permits.
 */
export function parseGroup(state: ParseState, verbose: boolean, nesting: number, flagsAllowed: boolean): Node | 'flags' | null {
  const { source } = state
  const start = source.tell() - 1
  if (!source.match('?')) return subpattern(state, verbose, nesting, start, { name: null })
  const kind = source.get()
  if (kind === null) throw source.error('unexpected end of pattern')
  switch (kind) {
    case 'P':
      return namedGroup(state, verbose, nesting, start)
    case ':':
      return subpattern(state, verbose, nesting, start, { add: 0, del: 0 })
    case '#':
      return comment(source, start)
    case '=':
    case '!':
      return look(state, verbose, nesting, start, false, kind === '!')
    case '<': {
      const sign = source.get()
      if (sign === null) throw source.error('unexpected end of pattern')
      if (sign !== '=' && sign !== '!') throw source.error(`unknown extension ?<${sign}`, pointLength(sign) + 2)
      return look(state, verbose, nesting, start, true, sign === '!')
    }
    case '(':
      return conditional(state, verbose, nesting, start)
    case '>': {
      const body = parseAlternatives(state, verbose, nesting + 1)
      close(source, start)
      return { op: 'atomic', body, lo: body.lo, hi: body.hi }
    }
  }
  if (kind !== '-' && !FLAG_LETTERS.has(kind)) throw source.error(`unknown extension ?${kind}`, pointLength(kind) + 1)
  const flags = parseFlags(state, kind)
  if (flags !== null) return subpattern(state, verbose, nesting, start, flags)
  if (!flagsAllowed) throw source.error('global flags not at the start of the expression', source.tell() - start)
  return 'flags'
}

function close(source: Source, start: number) {
  if (!source.match(')')) throw source.error('missing ), unterminated subpattern', source.tell() - start)
}

type Kind = { name: string | null } | { add: number; del: number }

function subpattern(state: ParseState, verbose: boolean, nesting: number, start: number, kind: Kind): Node {
  const { source } = state
  const { add, del } = 'name' in kind ? { add: 0, del: 0 } : kind
  const group = 'name' in kind ? state.openGroup(kind.name) : null
  const body = parseAlternatives(state, (verbose || (add & VERBOSE) !== 0) && (del & VERBOSE) === 0, nesting + 1)
  close(source, start)
  if (group !== null) state.widths[group] = { lo: body.lo, hi: body.hi }
  return { op: 'group', group, add, del, body, lo: body.lo, hi: body.hi }
}

function groupName(source: Source, terminator: string) {
  const name = source.getUntil(terminator, 'group name')
  if (!isIdentifier(name)) throw source.error(`bad character in group name ${quoted(name)}`, pointLength(name) + 1)
  return name
}

function namedGroup(state: ParseState, verbose: boolean, nesting: number, start: number): Node {
  const { source } = state
  if (source.match('<')) {
    const name = groupName(source, '>')
    const earlier = state.names.get(name)
    if (earlier !== undefined) {
      const message = `redefinition of group name ${quoted(name)} as group ${state.widths.length}; was group ${earlier}`
      throw source.error(message, pointLength(name) + 1)
    }
    return subpattern(state, verbose, nesting, start, { name })
  }
  if (source.match('=')) {
    const name = groupName(source, ')')
    const group = state.names.get(name)
    if (group === undefined) throw source.error(`unknown group name ${quoted(name)}`, pointLength(name) + 1)
    if (!state.isClosed(group)) throw source.error('cannot refer to an open group', pointLength(name) + 1)
    state.checkLookbehind(group)
    return backref(state, group)
  }
  const ch = source.get()
  if (ch === null) throw source.error('unexpected end of pattern')
  throw source.error(`unknown extension ?P${ch}`, pointLength(ch) + 2)
}

function comment(source: Source, start: number) {
  for (;;) {
    if (source.next === null) throw source.error('missing ), unterminated comment', source.tell() - start)
    if (source.get() === ')') return null
  }
}

function look(state: ParseState, verbose: boolean, nesting: number, start: number, behind: boolean, negate: boolean): Node {
  const outer = state.lookbehindGroups
  if (behind && outer === null) state.lookbehindGroups = state.widths.length
  const body = parseAlternatives(state, verbose, nesting + 1)
  if (behind && outer === null) state.lookbehindGroups = null
  close(state.source, start)
  return { op: 'look', behind, negate, body, ...NO_WIDTH }
}

/** `(?(group)yes|no)`, by number or by name. */
function conditional(state: ParseState, verbose: boolean, nesting: number, start: number): Node {
  const { source } = state
  const name = source.getUntil(')', 'group name')
  const back = pointLength(name) + 1
  let group = state.names.get(name)
  if (isIdentifier(name)) {
    if (group === undefined) throw source.error(`unknown group name ${quoted(name)}`, back)
  } else {
    if (!/^[0-9]+$/.test(name)) throw source.error(`bad character in group name ${quoted(name)}`, back)
    group = Number(name)
    if (group === 0) throw source.error('bad group number', back)
    if (group >= 1_073_741_823) throw source.error(`invalid group reference ${group}`, back)
    if (!state.conditionals.has(group)) state.conditionals.set(group, source.tell() - back)
  }
  state.checkLookbehind(group)
  const yes = parseSequence(state, verbose, nesting + 1)
  const no = source.match('|') ? parseSequence(state, verbose, nesting + 1) : null
  if (no !== null && source.next === '|') throw source.error('conditional backref with more than two branches')
  close(source, start)
  const lo = no === null ? 0 : Math.min(yes.lo, no.lo)
  return { op: 'conditional', group, yes, no, lo, hi: Math.max(yes.hi, no?.hi ?? 0) }
}

/** Reads `aiLmsux-imsx`; null when it ends with a parenthesis and so holds for the whole pattern. */
function parseFlags(state: ParseState, first: string): { add: number; del: number } | null {
  const { source } = state
  const isLetter = (ch: string) => /^\p{L}/u.test(ch)
  let add = 0
  let del = 0
  let ch: string | null = first
  if (ch !== '-') {
    for (;;) {
      const flag = FLAG_LETTERS.get(ch)!
      if (source.isText && ch === 'L') throw source.error("bad inline flags: cannot use 'L' flag with a str pattern")
      if (!source.isText && ch === 'u') throw source.error("bad inline flags: cannot use 'u' flag with a bytes pattern")
      add |= flag
      if (flag & TYPE_FLAGS && (add & TYPE_FLAGS) !== flag) throw source.error("bad inline flags: flags 'a', 'u' and 'L' are incompatible")
      ch = source.get()
      if (ch === null) throw source.error('missing -, : or )')
      if (ch === ')' || ch === '-' || ch === ':') break
      if (!FLAG_LETTERS.has(ch)) throw source.error(isLetter(ch) ? 'unknown flag' : 'missing -, : or )', pointLength(ch))
    }
  }
  if (ch === ')') {
    state.flags |= add
    return null
  }
  if (ch === '-') {
    ch = source.get()
    if (ch === null) throw source.error('missing flag')
    if (!FLAG_LETTERS.has(ch)) throw source.error(isLetter(ch) ? 'unknown flag' : 'missing flag', pointLength(ch))
    for (;;) {
      const flag = FLAG_LETTERS.get(ch)!
      if (flag & TYPE_FLAGS) throw source.error("bad inline flags: cannot turn off flags 'a', 'u' and 'L'")
      del |= flag
      ch = source.get()
      if (ch === null) throw source.error('missing :')
      if (ch === ':') break
      if (!FLAG_LETTERS.has(ch)) throw source.error(isLetter(ch) ? 'unknown flag' : 'missing :', pointLength(ch))
    }
  }
  if (add & del) throw source.error('bad inline flags: flag turned on and off', 1)
  return { add, del }
}
