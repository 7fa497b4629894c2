import type { Node, Seq } from './ast.ts'
import { foldingOf, variants } from './case.ts'
import { CharSet } from './charset.ts'
import type { SetItem } from './charset.ts'
import { RegexSyntaxError } from './errors.ts'
import { firstItems } from './first.ts'
import { DOTALL, MULTILINE, scopedFlags, UNICODE } from './flags.ts'
import { parse } from './parse.ts'
import * as op from './program.ts'
import type { Program } from './program.ts'

/**
 * Compiles a pattern in the syntax of Python 3.11's `re`. The program's size is proportional to the pattern's: counted repeats are
 * counted when they run, never written out.
 * @param flags bits of `flags.ts`
 * @param isText false for a bytes pattern, given as a text with one character (0 to 255) a byte
 * @throws RegexSyntaxError, RegexValueError
 */
export function compileRegex(pattern: string, flags = 0, isText = true): Program {
  const parsed = parse(pattern, flags, isText)
  const compiler = new Compiler(parsed.groups)
  compiler.sequence(parsed.body, parsed.flags)
  compiler.emit(op.MATCH)
  const { items, empty } = firstItems(parsed.body.nodes, parsed.flags)
  const first = empty || items === null ? null : new CharSet(items, false, 'none', false)
  const only = first !== null && items!.length === 1 && 'lo' in items![0]! && items![0].lo === items![0].hi ? items![0].lo : -1
  return {
    pattern,
    flags: parsed.flags,
    isText,
    groups: parsed.groups,
    names: parsed.names,
    code: Int32Array.from(compiler.code),
    sets: compiler.sets,
    strings: compiler.strings,
    registers: compiler.registers,
    minWidth: Math.min(parsed.body.lo, op.ENDLESS),
    anchored: isAnchored(parsed.body, parsed.flags),
    first,
    firstChar: only,
  }
}

function isAnchored({ nodes }: Seq, flags: number): boolean {
  const node = nodes[0]
  if (node === undefined) return false
  if (node.op === 'at') return node.at === 'beginString' || (node.at === 'begin' && !(flags & MULTILINE))
  if (node.op === 'group') return isAnchored(node.body, scopedFlags(flags, node.add, node.del))
  return node.op === 'atomic' && isAnchored(node.body, flags)
}

class Compiler {
  readonly code: number[] = []
  readonly sets: CharSet[] = []
  readonly strings: Int32Array[] = []
  /** Two for each group, one for the last closed group, then those that instructions ask for. */
  registers: number

  constructor(groups: number) {
    this.registers = 2 * groups + 1
  }

  emit(...words: number[]) {
    this.code.push(...words)
    return this.code.length
  }

  /** Emits an instruction whose last operand is an address to be known later; returns the function that sets it to "here". */
  private emitJump(...words: number[]) {
    const hole = this.emit(...words, 0) - 1
    return () => {
      this.code[hole] = this.code.length
    }
  }

  private take(count: number) {
    const register = this.registers
    this.registers += count
    return register
  }

  private set(items: readonly SetItem[], negate: boolean, flags: number) {
    return this.sets.push(new CharSet(items, negate, foldingOf(flags), (flags & UNICODE) === 0)) - 1
  }

  /** `after` is the character that must follow the sequence, or -1 when that is not known. */
  sequence({ nodes }: Seq, flags: number, after = -1) {
    for (let i = 0; i < nodes.length; i++) {
      const text = literalRun(nodes, i, flags)
      if (text.length > 1) {
        this.emit(op.STRING, this.strings.push(Int32Array.from(text)) - 1)
        i += text.length - 1
      } else this.node(nodes[i]!, flags, i + 1 < nodes.length ? requiredChar(nodes[i + 1]!, flags) : after)
    }
  }

  private node(node: Node, flags: number, next: number): void {
    switch (node.op) {
      case 'char': {
        const same = variants(node.char, flags)
        if (same.length === 1) this.emit(op.CHAR, same[0]!)
        else if (same.length === 2) this.emit(op.CHAR2, same[0]!, same[1]!)
        else this.emit(op.SET, this.unit(node, flags)![1])
        return
      }
      case 'any':
        this.emit(flags & DOTALL ? op.ALL : op.ANY)
        return
      case 'set':
        this.emit(op.SET, this.set(node.items, node.negate, flags))
        return
      case 'at':
        return this.at(node.at, flags)
      case 'branch':
        return this.branch(node.branches, flags)
      case 'group':
        if (node.group === null) return this.sequence(node.body, scopedFlags(flags, node.add, node.del), next)
        this.emit(op.OPEN, 2 * (node.group - 1))
        this.sequence(node.body, flags, next)
        this.emit(op.CLOSE, 2 * (node.group - 1) + 1, node.group)
        return
      case 'atomic': {
        const register = this.take(1)
        this.emit(op.ATOMIC, register)
        this.sequence(node.body, flags)
        this.emit(op.ATOMIC_END, register)
        return
      }
      case 'look':
        return this.look(node, flags)
      case 'backref':
        this.emit(op.BACKREF, 2 * (node.group - 1), { none: op.EXACT, ascii: op.FOLD_ASCII, unicode: op.FOLD_UNICODE }[foldingOf(flags)])
        return
      case 'conditional':
        return this.conditional(node, flags)
      case 'repeat':
        return this.repeat(node, flags, next)
    }
  }

  private at(kind: (Node & { op: 'at' })['at'], flags: number) {
    const ascii = flags & UNICODE ? 0 : 1
    const line = (flags & MULTILINE) !== 0
    if (kind === 'boundary') this.emit(op.AT_BOUNDARY, ascii)
    else if (kind === 'notBoundary') this.emit(op.AT_NOT_BOUNDARY, ascii)
    else if (kind === 'beginString') this.emit(op.AT_BEGIN)
    else if (kind === 'begin') this.emit(line ? op.AT_BEGIN_LINE : op.AT_BEGIN)
    else if (kind === 'endString') this.emit(op.AT_END_STRING)
    else this.emit(line ? op.AT_END_LINE : op.AT_END)
  }

  private branch(branches: readonly Seq[], flags: number) {
    const merged = singleSet(branches)
    if (merged !== null) {
      this.emit(op.SET, this.set(merged, false, flags))
      return
    }
    const ends: (() => void)[] = []
    branches.forEach((branch, i) => {
      const last = i === branches.length - 1
      const elsewhere = last ? null : this.emitJump(op.SPLIT)
      this.sequence(branch, flags)
      if (!last) ends.push(this.emitJump(op.JUMP))
      elsewhere?.()
    })
    for (const end of ends) end()
  }

  private look(node: Node & { op: 'look' }, flags: number) {
    if (node.behind && node.body.lo !== node.body.hi) throw new RegexSyntaxError('look-behind requires fixed-width pattern')
    const back = node.behind ? Math.min(node.body.lo, op.ENDLESS) : 0
    const register = this.take(2)
    if (node.negate) {
      const after = this.emitJump(op.LOOK_NOT, register, back)
      this.sequence(node.body, flags)
      this.emit(op.LOOK_NOT_END, register)
      after()
    } else {
      this.emit(op.LOOK, register, back)
      this.sequence(node.body, flags)
      this.emit(op.LOOK_END, register)
    }
  }

  private conditional(node: Node & { op: 'conditional' }, flags: number) {
    const otherwise = this.emitJump(op.IF_GROUP, 2 * (node.group - 1))
    this.sequence(node.yes, flags)
    if (node.no === null) return otherwise()
    const end = this.emitJump(op.JUMP)
    otherwise()
    this.sequence(node.no, flags)
    end()
  }

  private repeat(node: Node & { op: 'repeat' }, flags: number, next: number) {
    const { mode, body } = node
    const min = Math.min(node.min, op.ENDLESS)
    const max = Math.min(node.max, op.ENDLESS)
    const unit = this.bodyUnit(body, flags)
    if (unit !== null) {
      const code = mode === 'greedy' ? op.REPEAT : mode === 'lazy' ? op.REPEAT_LAZY : op.REPEAT_POSSESSIVE
      this.emit(code, ...unit, min, max, next)
      return
    }
    if (mode !== 'possessive') return this.loop(body, min, max, mode === 'lazy', false, flags)
    const register = this.take(1)
    this.emit(op.ATOMIC, register)
    this.loop(body, min, max, false, true, flags)
    this.emit(op.ATOMIC_END, register)
  }

  /** A repeat of something longer than one character. `atomic` keeps each turn from being tried another way. */
  private loop(body: Seq, min: number, max: number, lazy: boolean, atomic: boolean, flags: number) {
    const register = atomic ? this.take(1) : -1
    const turn = () => {
      if (atomic) this.emit(op.ATOMIC, register)
      this.sequence(body, flags)
      if (atomic) this.emit(op.ATOMIC_END, register)
    }
    const split = lazy ? op.SPLIT_LAZY : op.SPLIT
    // Where a turn cannot be empty, nothing has to be counted in the three usual cases.
    if (min === 0 && max === 1) {
      if (lazy) {
        const skip = this.emitJump(op.SPLIT_LAZY)
        turn()
        return skip()
      }
      const skip = this.emitJump(op.SPLIT)
      turn()
      return skip()
    }
    const top = this.code.length
    if (min === 0 && max === op.ENDLESS && body.lo > 0) {
      const exit = this.emitJump(split)
      turn()
      this.emit(op.JUMP, top)
      return exit()
    }
    if (min === 1 && max === op.ENDLESS && body.lo > 0) {
      turn()
      const exit = this.emitJump(split)
      this.emit(op.JUMP, top)
      return exit()
    }
    const counter = this.take(2)
    this.emit(op.LOOP_START, counter)
    const head = this.code.length
    const exit = this.emitJump(lazy ? op.LOOP_LAZY : op.LOOP, counter, min, max)
    turn()
    this.emit(op.JUMP, head)
    exit()
  }

  /** The unit and operand of a repeat whose body always takes exactly one character and captures nothing, or null. */
  private bodyUnit({ nodes }: Seq, flags: number): [number, number] | null {
    const node = nodes[0]
    if (nodes.length !== 1 || node === undefined) return null
    if (node.op === 'group') return node.group === null ? this.bodyUnit(node.body, scopedFlags(flags, node.add, node.del)) : null
    return this.unit(node, flags)
  }

  private unit(node: Node, flags: number): [number, number] | null {
    if (node.op === 'any') return [flags & DOTALL ? op.UNIT_ALL : op.UNIT_ANY, 0]
    if (node.op === 'set') return [op.UNIT_SET, this.set(node.items, node.negate, flags)]
    if (node.op === 'branch') {
      const items = singleSet(node.branches)
      return items === null ? null : [op.UNIT_SET, this.set(items, false, flags)]
    }
    if (node.op !== 'char') return null
    const same = variants(node.char, flags)
    if (same.length === 1) return [op.UNIT_CHAR, same[0]!]
    return [
      op.UNIT_SET,
      this.sets.push(
        new CharSet(
          same.map(c => ({ lo: c, hi: c })),
          false,
          'none',
          false,
        ),
      ) - 1,
    ]
  }
}

/** The one character that a node begins with, or -1. */
function requiredChar(node: Node, flags: number): number {
  if (node.op === 'char') {
    const same = variants(node.char, flags)
    return same.length === 1 ? same[0]! : -1
  }
  if (node.op !== 'group' || node.body.nodes.length === 0) return -1
  return requiredChar(node.body.nodes[0]!, scopedFlags(flags, node.add, node.del))
}

/** The literal characters from `nodes[start]` on that can be compared as one string. */
function literalRun(nodes: readonly Node[], start: number, flags: number) {
  const text: number[] = []
  for (let i = start; i < nodes.length; i++) {
    const node = nodes[i]!
    if (node.op !== 'char' || variants(node.char, flags).length !== 1) break
    text.push(node.char)
  }
  return text
}

/** The set that alternatives of one character each amount to, or null when they are not that. */
function singleSet(branches: readonly Seq[]): SetItem[] | null {
  const items: SetItem[] = []
  for (const { nodes } of branches) {
    const node = nodes[0]
    if (nodes.length !== 1 || node === undefined) return null
    if (node.op === 'char') items.push({ lo: node.char, hi: node.char })
    else if (node.op === 'set' && !node.negate) items.push(...node.items)
    else return null
  }
  return items
}
