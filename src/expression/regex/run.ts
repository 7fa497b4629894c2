import type { CharSet } from './charset.ts'
import { RegexBudgetError } from './errors.ts'
import * as op from './program.ts'
import type { Program } from './program.ts'
import { asciiLower, isAsciiWord, isWord, lower } from './unicode.ts'

// A frame of the backtracking stack is three numbers: two values and a tag, which is an address or register shifted, and the kind.
const FRAME = 3
const ALTERNATIVE = 0 // position; go on at the address
const UNDO = 1 // old value of a register
const GREEDY = 2 // least position, current position; give one character back
const LAZY = 3 // current position, greatest position; take one character more
const LAZY_LOOP = 4 // position; take one turn more

const SMALL_STACK = 3 * 1024
const MAX_STACK = 3 * 1024 * 1024 // numbers: 12 MB

/** Loops over characters cost one step for so many of them (as a shift). */
const CHARS_PER_STEP = 5

/** What one match works with. Only one match runs at a time, so stack and registers are shared. */
export class Machine {
  stack = new Int32Array(SMALL_STACK)
  registers = new Int32Array(64)
  /** Steps left. */
  steps = 0

  /** Prepares for a match of `program` with a budget of steps. */
  begin(program: Program, maxSteps: number) {
    this.steps = maxSteps
    if (this.registers.length < program.registers) this.registers = new Int32Array(program.registers * 2)
  }

  /** Gives a stack back that had to grow large. */
  end() {
    if (this.stack.length > 16 * SMALL_STACK) this.stack = new Int32Array(SMALL_STACK)
  }

  grow() {
    if (this.stack.length * 2 > MAX_STACK) throw new RegexBudgetError('the regular expression needs too much memory')
    const grown = new Int32Array(this.stack.length * 2)
    grown.set(this.stack)
    return (this.stack = grown)
  }

  /** Takes steps for looking at `characters` characters. */
  payForCharacters(characters: number, shift = CHARS_PER_STEP) {
    if ((this.steps -= characters >> shift) < 0) throw new RegexBudgetError()
  }
}

/**
 * Tries to match at `start`. Backtracking with a stack of its own: never recursive, every instruction a step.
 * @param end code points from here on do not exist
 * @param full the match must reach `end`
 * @param notAt a position where the match must not end, or -1
 * @returns where the match ends, or -1; the capture positions are in the machine's registers
 * @throws RegexBudgetError when steps or memory run out
 */
export function attempt(m: Machine, program: Program, codes: Int32Array, end: number, start: number, full: boolean, notAt: number): number {
  const { code, sets, strings } = program
  const regs = m.registers
  const lastGroup = 2 * program.groups
  regs.fill(-1, 0, program.registers)
  let stack = m.stack
  let steps = m.steps
  let sp = 0
  let pos = start
  let pc = 0
  for (;;) {
    if (--steps < 0) {
      m.steps = 0
      throw new RegexBudgetError()
    }
    if (sp + 4 * FRAME > stack.length) stack = m.grow()
    switch (code[pc]) {
      case op.MATCH:
        if ((full && pos !== end) || pos === notAt) break
        m.steps = steps
        return pos
      case op.CHAR:
        if (pos >= end || codes[pos] !== code[pc + 1]) break
        pos += 1
        pc += 2
        continue
      case op.CHAR2:
        if (pos >= end || (codes[pos] !== code[pc + 1] && codes[pos] !== code[pc + 2])) break
        pos += 1
        pc += 3
        continue
      case op.SET:
        if (pos >= end || !sets[code[pc + 1]!]!.has(codes[pos]!)) break
        pos += 1
        pc += 2
        continue
      case op.ANY:
        if (pos >= end || codes[pos] === 10) break
        pos += 1
        pc += 1
        continue
      case op.ALL:
        if (pos >= end) break
        pos += 1
        pc += 1
        continue
      case op.STRING: {
        const string = strings[code[pc + 1]!]!
        const { length } = string
        if (length > end - pos) break
        let i = 0
        while (i < length && codes[pos + i] === string[i]) i += 1
        steps -= i >> CHARS_PER_STEP
        if (i < length) break
        pos += length
        pc += 2
        continue
      }
      case op.JUMP:
        pc = code[pc + 1]!
        continue
      case op.SPLIT:
        stack[sp] = pos
        stack[sp + 2] = (code[pc + 1]! << 3) | ALTERNATIVE
        sp += FRAME
        pc += 2
        continue
      case op.SPLIT_LAZY:
        stack[sp] = pos
        stack[sp + 2] = ((pc + 2) << 3) | ALTERNATIVE
        sp += FRAME
        pc = code[pc + 1]!
        continue
      case op.OPEN: {
        const r = code[pc + 1]!
        if (sp > 0) sp = undo(stack, sp, r, regs[r]!)
        regs[r] = pos
        pc += 2
        continue
      }
      case op.CLOSE: {
        const r = code[pc + 1]!
        if (sp > 0) sp = undo(stack, undo(stack, sp, r, regs[r]!), lastGroup, regs[lastGroup]!)
        regs[r] = pos
        regs[lastGroup] = code[pc + 2]!
        pc += 3
        continue
      }
      case op.AT_BEGIN:
        if (pos !== 0) break
        pc += 1
        continue
      case op.AT_BEGIN_LINE:
        if (pos !== 0 && codes[pos - 1] !== 10) break
        pc += 1
        continue
      case op.AT_END:
        if (pos !== end && (pos !== end - 1 || codes[pos] !== 10)) break
        pc += 1
        continue
      case op.AT_END_LINE:
        if (pos !== end && codes[pos] !== 10) break
        pc += 1
        continue
      case op.AT_END_STRING:
        if (pos !== end) break
        pc += 1
        continue
      case op.AT_BOUNDARY:
      case op.AT_NOT_BOUNDARY: {
        // In an empty text neither holds, as in Python up to 3.13.
        if (end === 0) break
        const word = code[pc + 1] ? isAsciiWord : isWord
        const differ = (pos > 0 && word(codes[pos - 1]!)) !== (pos < end && word(codes[pos]!))
        if (differ !== (code[pc] === op.AT_BOUNDARY)) break
        pc += 2
        continue
      }
      case op.BACKREF: {
        const from = regs[code[pc + 1]!]!
        const to = regs[code[pc + 1]! + 1]!
        const length = to - from
        if (from < 0 || to < 0 || length < 0 || length > end - pos) break
        steps -= length >> CHARS_PER_STEP
        if (!sameText(codes, from, pos, length, code[pc + 2]!)) break
        pos += length
        pc += 3
        continue
      }
      case op.IF_GROUP: {
        const from = regs[code[pc + 1]!]!
        const to = regs[code[pc + 1]! + 1]!
        pc = from >= 0 && to >= from ? pc + 3 : code[pc + 2]!
        continue
      }
      case op.REPEAT:
      case op.REPEAT_POSSESSIVE: {
        const max = code[pc + 4]!
        const limit = max < end - pos ? pos + max : end
        const least = pos + code[pc + 3]!
        const from = pos
        pos = unitRun(code[pc + 1]!, code[pc + 2]!, codes, pos, limit, sets)
        steps -= (pos - from) >> CHARS_PER_STEP
        if (pos < least) break
        if (code[pc] === op.REPEAT && pos > least) {
          const follow = code[pc + 5]!
          if (follow >= 0) {
            const top = pos
            while (pos > least && (pos >= end || codes[pos] !== follow)) pos -= 1
            steps -= (top - pos) >> CHARS_PER_STEP
          }
          if (pos > least) {
            stack[sp] = least
            stack[sp + 1] = pos
            stack[sp + 2] = (pc << 3) | GREEDY
            sp += FRAME
          }
        }
        pc += 6
        continue
      }
      case op.REPEAT_LAZY: {
        const max = code[pc + 4]!
        const limit = max < end - pos ? pos + max : end
        const least = pos + code[pc + 3]!
        if (least > end) break
        const from = pos
        pos = unitRun(code[pc + 1]!, code[pc + 2]!, codes, pos, least, sets)
        steps -= (pos - from) >> CHARS_PER_STEP
        if (pos < least) break
        stack[sp] = pos
        stack[sp + 1] = limit
        stack[sp + 2] = (pc << 3) | LAZY
        sp += FRAME
        pc += 6
        continue
      }
      case op.LOOP_START: {
        const r = code[pc + 1]!
        if (sp > 0) sp = undo(stack, undo(stack, sp, r, regs[r]!), r + 1, regs[r + 1]!)
        regs[r] = 0
        regs[r + 1] = -1
        pc += 2
        continue
      }
      case op.LOOP: {
        const r = code[pc + 1]!
        const count = regs[r]!
        if (count < code[pc + 2]!) {
          if (sp > 0) sp = undo(stack, sp, r, count)
          regs[r] = count + 1
          pc += 5
          continue
        }
        // A turn that took nothing is not followed by another.
        if (count >= code[pc + 3]! || pos === regs[r + 1]) {
          pc = code[pc + 4]!
          continue
        }
        stack[sp] = pos
        stack[sp + 2] = (code[pc + 4]! << 3) | ALTERNATIVE
        sp = undo(stack, undo(stack, sp + FRAME, r, count), r + 1, regs[r + 1]!)
        regs[r] = count + 1
        regs[r + 1] = pos
        pc += 5
        continue
      }
      case op.LOOP_LAZY: {
        const r = code[pc + 1]!
        const count = regs[r]!
        if (count < code[pc + 2]!) {
          if (sp > 0) sp = undo(stack, sp, r, count)
          regs[r] = count + 1
          pc += 5
          continue
        }
        stack[sp] = pos
        stack[sp + 2] = (pc << 3) | LAZY_LOOP
        sp += FRAME
        pc = code[pc + 4]!
        continue
      }
      case op.ATOMIC:
        regs[code[pc + 1]!] = sp
        pc += 2
        continue
      case op.ATOMIC_END: {
        const from = regs[code[pc + 1]!]!
        steps -= (sp - from) >> CHARS_PER_STEP
        sp = forgetAlternatives(stack, from, sp)
        pc += 2
        continue
      }
      case op.LOOK: {
        const r = code[pc + 1]!
        if (pos < code[pc + 2]!) break
        regs[r] = sp
        regs[r + 1] = pos
        pos -= code[pc + 2]!
        pc += 3
        continue
      }
      case op.LOOK_END: {
        const r = code[pc + 1]!
        steps -= (sp - regs[r]!) >> CHARS_PER_STEP
        sp = forgetAlternatives(stack, regs[r]!, sp)
        pos = regs[r + 1]!
        pc += 2
        continue
      }
      case op.LOOK_NOT: {
        if (pos < code[pc + 2]!) {
          pc = code[pc + 3]!
          continue
        }
        regs[code[pc + 1]!] = sp
        stack[sp] = pos
        stack[sp + 2] = (code[pc + 3]! << 3) | ALTERNATIVE
        sp += FRAME
        pos -= code[pc + 2]!
        pc += 4
        continue
      }
      case op.LOOK_NOT_END: {
        const from = regs[code[pc + 1]!]!
        while (sp > from) {
          sp -= FRAME
          if ((stack[sp + 2]! & 7) === UNDO) regs[stack[sp + 2]! >> 3] = stack[sp]!
        }
        break
      }
      default:
        throw new Error(`unknown instruction ${code[pc]} at ${pc}`)
    }

    // What was tried failed: back to the latest alternative.
    for (;;) {
      if (sp === 0) {
        m.steps = steps
        return -1
      }
      sp -= FRAME
      const tag = stack[sp + 2]!
      const kind = tag & 7
      if (kind === UNDO) {
        regs[tag >> 3] = stack[sp]!
        continue
      }
      pc = tag >> 3
      if (kind === ALTERNATIVE) {
        pos = stack[sp]!
        break
      }
      if (kind === GREEDY) {
        const least = stack[sp]!
        const follow = code[pc + 5]!
        const top = stack[sp + 1]!
        pos = top - 1
        if (follow >= 0) {
          while (pos > least && codes[pos] !== follow) pos -= 1
          steps -= (top - pos) >> CHARS_PER_STEP
        }
        if (pos > least) {
          stack[sp + 1] = pos
          sp += FRAME
        }
        pc += 6
        break
      }
      if (kind === LAZY) {
        const limit = stack[sp + 1]!
        const follow = code[pc + 5]!
        const from = stack[sp]!
        pos = from
        let found = false
        while (pos < limit && unitRun(code[pc + 1]!, code[pc + 2]!, codes, pos, pos + 1, sets) > pos) {
          pos += 1
          if (follow < 0 || (pos < end && codes[pos] === follow)) {
            found = true
            break
          }
        }
        steps -= (pos - from) >> CHARS_PER_STEP
        if (!found) continue
        stack[sp] = pos
        sp += FRAME
        pc += 6
        break
      }
      // LAZY_LOOP
      pos = stack[sp]!
      const r = code[pc + 1]!
      const count = regs[r]!
      if (count >= code[pc + 3]! || pos === regs[r + 1]) continue
      if (sp > 0) sp = undo(stack, undo(stack, sp, r, count), r + 1, regs[r + 1]!)
      regs[r] = count + 1
      regs[r + 1] = pos
      pc += 5
      break
    }
  }
}

/** Notes the value of a register so that going back restores it. */
function undo(stack: Int32Array, sp: number, register: number, value: number) {
  stack[sp] = value
  stack[sp + 2] = (register << 3) | UNDO
  return sp + FRAME
}

/** Drops the alternatives above `from` but keeps what must be undone when something below fails. */
function forgetAlternatives(stack: Int32Array, from: number, sp: number) {
  if (from === 0) return 0
  let to = from
  for (let i = from; i < sp; i += FRAME) {
    if ((stack[i + 2]! & 7) !== UNDO) continue
    stack[to] = stack[i]!
    stack[to + 2] = stack[i + 2]!
    to += FRAME
  }
  return to
}

/** How far, up to `limit`, characters of a unit go on from `pos`. */
function unitRun(unit: number, operand: number, codes: Int32Array, pos: number, limit: number, sets: readonly CharSet[]) {
  switch (unit) {
    case op.UNIT_CHAR:
      while (pos < limit && codes[pos] === operand) pos += 1
      return pos
    case op.UNIT_SET: {
      const set = sets[operand]!
      const { ascii } = set
      while (pos < limit) {
        const c = codes[pos]!
        if (c < 128 ? ascii[c] === 0 : !set.has(c)) break
        pos += 1
      }
      return pos
    }
    case op.UNIT_ANY:
      while (pos < limit && codes[pos] !== 10) pos += 1
      return pos
    default:
      return limit
  }
}

function sameText(codes: Int32Array, a: number, b: number, length: number, folding: number) {
  if (folding === op.EXACT) {
    for (let i = 0; i < length; i++) if (codes[a + i] !== codes[b + i]) return false
    return true
  }
  const fold = folding === op.FOLD_ASCII ? asciiLower : lower
  for (let i = 0; i < length; i++) if (fold(codes[a + i]!) !== fold(codes[b + i]!)) return false
  return true
}
