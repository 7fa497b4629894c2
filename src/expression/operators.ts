/** Binary and unary operators. */
import { call } from './call.ts'
import { numberOf, setLike, unwrap } from './compare.ts'
import { LimitExceeded, raise } from './errors.ts'
import { MAX_OBJECT } from './limits.ts'
import { percentFormat } from './percent.ts'
import {
  add,
  bitwise,
  floatFloorDivide,
  floatModulo,
  floatPower,
  floorDivide,
  modulo,
  multiply,
  power,
  shift,
  subtract,
  toFloat,
  trueDivide,
} from './numbers.ts'
import { bind } from './pending.ts'
import type { EvaluationRuntime } from './runtime.ts'
import { setOperation } from './sets.ts'
import { special } from './special.ts'
import type { BinaryOperator } from './syntax/ast.ts'
import { truth } from './truth.ts'
import { HostObject, NotImplemented, PyBytes, PyClass, PyDict, PyFloat, PyList, PySet, PyTuple, isInt, typeOf, types } from './values.ts'
import type { Result, Value } from './values.ts'

type Rt = EvaluationRuntime

const methodNames: Record<BinaryOperator, string> = {
  '+': 'add',
  '-': 'sub',
  '*': 'mul',
  '/': 'truediv',
  '//': 'floordiv',
  '%': 'mod',
  '**': 'pow',
  '@': 'matmul',
  '<<': 'lshift',
  '>>': 'rshift',
  '|': 'or',
  '&': 'and',
  '^': 'xor',
}

export function binary(op: BinaryOperator, a: Value, b: Value, rt: Rt): Result {
  if (typeof a === 'number' && typeof b === 'number') return numeric(op, a, b, rt)!
  if (typeof a === 'string' && typeof b === 'string' && op === '+') return concat(a, b, rt)
  if (a instanceof HostObject && a.binary) {
    const answer = a.binary(op, b, false, rt)
    if (answer !== undefined) return answer
  }
  if (
    op === '|' &&
    (a instanceof PyClass || a instanceof PyTuple || a === null) &&
    (b instanceof PyClass || b === null) &&
    special(a, '__or__') === undefined
  )
    return typeUnion(a, b)
  const own = special(a, `__${methodNames[op]}__`)
  const reflected = special(b, `__r${methodNames[op]}__`)
  if (own === undefined && reflected === undefined) return builtinBinary(op, a, b, rt) ?? unsupported(op, a, b)
  // The right operand goes first when its class refines the left one's.
  const rightFirst = reflected !== undefined && a !== null && typeof a === 'object' && typeOf(b) !== a.cls && typeOf(b).isSubclass(a.cls)
  const steps: [Value, Value, Value][] = []
  if (own !== undefined) steps.push([own, a, b])
  if (reflected !== undefined) steps[rightFirst ? 'unshift' : 'push']([reflected, b, a])
  const attempt = (i: number): Result => {
    const step = steps[i]
    if (!step) return builtinBinary(op, a, b, rt) ?? unsupported(op, a, b)
    return bind(call(step[0], [step[1], step[2]], null, rt), (answer: Value) => (answer === NotImplemented ? attempt(i + 1) : answer))
  }
  return attempt(0)
}

/** `int | None`: a tuple of classes, which is what `isinstance` takes. */
const typeUnion = (a: PyClass | PyTuple | null, b: PyClass | null): Value =>
  new PyTuple([...(a instanceof PyTuple ? a.items : [a ?? types.NoneType]), b ?? types.NoneType])

/** `a op= b`: changes lists, sets and dicts in place. */
export function inPlace(op: BinaryOperator, a: Value, b: Value, rt: Rt): Result {
  if (typeof a !== 'object' || a === null) return binary(op, a, b, rt)
  const own = special(a, `__i${methodNames[op]}__`)
  if (own !== undefined)
    return bind(call(own, [a, b], null, rt), (answer: Value) => (answer === NotImplemented ? binary(op, a, b, rt) : answer))
  if (a instanceof PyList && op === '+' && special(a, '__add__') === undefined)
    return bind(rt.collect(b), (items: Value[]) => {
      grow(a.items.length + items.length, items.length, rt)
      for (const item of items) a.items.push(item)
      return a
    })
  if (a instanceof PyList && op === '*' && isInt(b)) {
    a.items = repeat(a.items, b, rt)
    return a
  }
  if (a instanceof PyDict && op === '|' && b instanceof PyDict) {
    rt.charge(2 * b.entries.size)
    rt.alloc(b.entries.size * 64)
    for (const [key, entry] of b.entries) {
      const mine = a.entries.get(key)
      if (mine) mine.value = entry.value
      else a.entries.set(key, { key: entry.key, value: entry.value })
    }
    return a
  }
  if (a instanceof PySet && a.cls.fresh && ['|', '&', '-', '^'].includes(op) && b instanceof PySet) {
    a.items = setOperation(op, a.items, b.items, rt)
    return a
  }
  return binary(op, a, b, rt)
}

export function concat(a: string, b: string, rt: Rt): string {
  // A rope: only the shorter side can need copying, and both sides already were paid for.
  const size = Math.min(a.length, b.length)
  if (a.length + b.length > MAX_OBJECT) throw new LimitExceeded('memory', `a text of more than ${MAX_OBJECT} characters`)
  rt.charge(size >> 6)
  rt.alloc(32 + size)
  return a + b
}

function unsupported(op: string, a: Value, b: Value): never {
  if (op === '+' && typeof a === 'string') raise('TypeError', `can only concatenate str (not "${typeOf(b).name}") to str`)
  if (op === '+' && a instanceof PyList) raise('TypeError', `can only concatenate list (not "${typeOf(b).name}") to list`)
  if (op === '+' && a instanceof PyTuple) raise('TypeError', `can only concatenate tuple (not "${typeOf(b).name}") to tuple`)
  if (op === '*' && (typeof a === 'string' || a instanceof PyList || a instanceof PyTuple))
    raise('TypeError', `can't multiply sequence by non-int of type '${typeOf(b).name}'`)
  return raise(
    'TypeError',
    `unsupported operand type(s) for ${op === '**' ? '** or pow()' : op}: '${typeOf(a).name}' and '${typeOf(b).name}'`,
  )
}

function numeric(op: BinaryOperator, a: number | bigint, b: number | bigint, rt: Rt): Value | undefined {
  switch (op) {
    case '+':
      return add(a, b, rt)
    case '-':
      return subtract(a, b, rt)
    case '*':
      return multiply(a, b, rt)
    case '/':
      return new PyFloat(trueDivide(a, b))
    case '//':
      return floorDivide(a, b, rt)
    case '%':
      return modulo(a, b, rt)
    case '**':
      return power(a, b, rt)
    case '<<':
    case '>>':
      return shift(a, b, op === '<<', rt)
    case '&':
    case '|':
    case '^':
      return bitwise(op, a, b, rt)
    default:
      return unsupported(op, Number(a), Number(b))
  }
}

function floating(op: BinaryOperator, a: number, b: number): Value | undefined {
  switch (op) {
    case '+':
      return new PyFloat(a + b)
    case '-':
      return new PyFloat(a - b)
    case '*':
      return new PyFloat(a * b)
    case '/':
      if (b === 0) raise('ZeroDivisionError', 'float division by zero')
      return new PyFloat(a / b)
    case '//':
      return new PyFloat(floatFloorDivide(a, b))
    case '%':
      return new PyFloat(floatModulo(a, b))
    case '**':
      return new PyFloat(floatPower(a, b))
    default:
      return undefined
  }
}

function builtinBinary(op: BinaryOperator, left: Value, right: Value, rt: Rt): Result | undefined {
  const a = unwrap(left)
  const b = unwrap(right)
  if (b instanceof HostObject && b.binary) return b.binary(op, a, true, rt)
  if (typeof a === 'string') {
    if (op === '+' && typeof b === 'string') return concat(a, b, rt)
    if (op === '*' && (isInt(b) || typeof b === 'boolean')) return repeatText(a, b, rt)
    if (op === '%') return percentFormat(a, b, rt)
    return undefined
  }
  const x = numberOf(a)
  const y = numberOf(b)
  if (x !== undefined && y !== undefined) {
    if (a instanceof PyFloat || b instanceof PyFloat) {
      const p = a instanceof PyFloat ? a.value : toFloat(x)
      const q = b instanceof PyFloat ? b.value : toFloat(y)
      return floating(op, p, q)
    }
    if (typeof a === 'boolean' && typeof b === 'boolean' && (op === '&' || op === '|' || op === '^'))
      return op === '&' ? a && b : op === '|' ? a || b : a !== b
    return numeric(op, x, y, rt)
  }
  if (op === '*' && x !== undefined && !(a instanceof PyFloat)) {
    if (typeof b === 'string') return repeatText(b, x, rt)
    if (b instanceof PyList) return new PyList(repeat(b.items, x, rt))
    if (b instanceof PyTuple) return new PyTuple(repeat(b.items, x, rt))
    if (b instanceof PyBytes) return repeatBytes(b, x, rt)
  }
  if (a instanceof PyList) {
    if (op === '+' && b instanceof PyList) return new PyList(join(a.items, b.items, rt))
    if (op === '*' && y !== undefined && !(b instanceof PyFloat)) return new PyList(repeat(a.items, y, rt))
  } else if (a instanceof PyTuple) {
    if (op === '+' && b instanceof PyTuple) return new PyTuple(join(a.items, b.items, rt))
    if (op === '*' && y !== undefined && !(b instanceof PyFloat)) return new PyTuple(repeat(a.items, y, rt))
  } else if (a instanceof PyBytes) {
    if (op === '+' && b instanceof PyBytes) {
      rt.alloc(a.data.length + b.data.length)
      rt.charge((a.data.length + b.data.length) >> 6)
      return new PyBytes(Buffer.concat([a.data, b.data]))
    }
    if (op === '*' && y !== undefined && !(b instanceof PyFloat)) return repeatBytes(a, y, rt)
    if (op === '%') return undefined
  } else if (a instanceof PyDict && b instanceof PyDict && op === '|') {
    const merged = new PyDict(new Map(), a.cls.plain ? undefined : a.cls)
    for (const { entries } of [a, b]) {
      rt.charge(3 * entries.size)
      rt.alloc(entries.size * 64)
      for (const [key, entry] of entries) {
        const mine = merged.entries.get(key)
        if (mine) mine.value = entry.value
        else merged.entries.set(key, { key: entry.key, value: entry.value })
      }
    }
    return merged
  }
  if (
    (op === '|' || op === '&' || op === '-' || op === '^') &&
    typeof a === 'object' &&
    a !== null &&
    typeof b === 'object' &&
    b !== null
  ) {
    const s = setLike(a, rt)
    const t = s && setLike(b, rt)
    if (s && t) return new PySet(setOperation(op, s, t, rt), a instanceof PySet ? a.cls : undefined)
  }
  return undefined
}

function count(times: Value, length: number, rt: Rt, bytesEach: number): number {
  const n = Math.max(0, Number(times))
  rt.alloc(Math.min(n * length * bytesEach, Number.MAX_SAFE_INTEGER))
  rt.charge(Math.floor((n * length * bytesEach) / 64))
  return n
}

export function repeatText(text: string, times: Value, rt: Rt): string {
  if (text === '') return ''
  return text.repeat(count(times, text.length, rt, 1))
}

function repeat(items: readonly Value[], times: Value, rt: Rt): Value[] {
  if (!items.length) return []
  const n = count(times, items.length, rt, 8)
  const out: Value[] = new Array(n * items.length)
  for (let i = 0; i < out.length; i++) out[i] = items[i % items.length]!
  return out
}

/** Pays for adding to a list; one longer than the largest object is refused. */
export function grow(length: number, added: number, rt: Rt): void {
  if (length * 8 > MAX_OBJECT) throw new LimitExceeded('memory', `a list of more than ${MAX_OBJECT / 8} items`)
  rt.charge(added >> 3)
  rt.alloc(added * 8)
}

function repeatBytes(bytes: PyBytes, times: Value, rt: Rt): PyBytes {
  if (!bytes.data.length) return bytes
  const n = count(times, bytes.data.length, rt, 1)
  return new PyBytes(n === 0 ? new Uint8Array() : Buffer.alloc(n * bytes.data.length, bytes.data))
}

function join(a: readonly Value[], b: readonly Value[], rt: Rt): Value[] {
  rt.charge((a.length + b.length) >> 3)
  rt.alloc((a.length + b.length) * 8)
  return a.concat(b)
}

export function unary(op: '-' | '+' | '~' | 'not', value: Value, rt: Rt): Result {
  if (op === 'not') return bind(truth(value, rt), (yes: boolean) => !yes)
  if (typeof value === 'number') return op === '-' ? (value === 0 ? 0 : -value) : op === '~' ? -value - 1 : value
  if (value instanceof HostObject && value.unary) {
    const answer = value.unary(op, rt)
    if (answer !== undefined) return answer
  }
  const method = special(value, op === '-' ? '__neg__' : op === '+' ? '__pos__' : '__invert__')
  if (method !== undefined) return call(method, [value], null, rt)
  const inner = unwrap(value)
  if (inner instanceof PyFloat && op !== '~') return op === '-' ? new PyFloat(-inner.value) : inner
  const number = numberOf(inner)
  if (number !== undefined && !(inner instanceof PyFloat))
    return op === '-' ? subtract(0, number, rt) : op === '~' ? subtract(-1, number, rt) : number
  return raise('TypeError', `bad operand type for unary ${op}: '${typeOf(value).name}'`)
}
