/** Arithmetic of int, bool and float as CPython does it. */
import { LimitExceeded, raise } from './errors.ts'
import type { EvaluationRuntime } from './runtime.ts'
import { PyFloat, normalizeInt } from './values.ts'
import type { Value } from './values.ts'

type Rt = EvaluationRuntime
type Int = number | bigint

/** Largest int, in bits. */
const MAX_BITS = 65_536
const MAX_SAFE = Number.MAX_SAFE_INTEGER

// oxlint-disable-next-line eqeqeq -- a number and a bigint compare by value only this way
export const sameInt = (a: Int, b: Int): boolean => a == b

const bits = (n: Int): number => (typeof n === 'number' ? 53 : n.toString(16).length * 4)

function assertSize(bitCount: number, rt: Rt): void {
  if (bitCount > MAX_BITS) throw new LimitExceeded('memory', `an int of more than ${MAX_BITS} bits`)
  // Beyond some hundred digits a product takes the square of the length.
  rt.charge(1 + (bitCount >> 8) + Math.floor((bitCount * bitCount) / 2 ** 20))
  rt.alloc(bitCount >> 3)
}

const big = (n: Int): bigint => (typeof n === 'bigint' ? n : BigInt(n))

export function add(a: Int, b: Int, rt: Rt): Int {
  if (typeof a === 'number' && typeof b === 'number') {
    const sum = a + b
    if (sum <= MAX_SAFE && sum >= -MAX_SAFE) return sum
  }
  assertSize(Math.max(bits(a), bits(b)), rt)
  return normalizeInt(big(a) + big(b))
}

export const subtract = (a: Int, b: Int, rt: Rt): Int => add(a, typeof b === 'number' ? 0 - b : -b, rt)

export function multiply(a: Int, b: Int, rt: Rt): Int {
  if (typeof a === 'number' && typeof b === 'number') {
    const product = a * b
    if (product <= MAX_SAFE && product >= -MAX_SAFE) return product + 0
  }
  assertSize(bits(a) + bits(b), rt)
  return normalizeInt(big(a) * big(b))
}

export function floorDivide(a: Int, b: Int, rt: Rt): Int {
  if (sameInt(b, 0)) raise('ZeroDivisionError', 'integer division or modulo by zero')
  if (typeof a === 'number' && typeof b === 'number') {
    // Exact even where a / b would round: take the remainder off first.
    return (a - modulo(a, b, rt)) / b + 0
  }
  assertSize(Math.max(bits(a), bits(b)), rt)
  const x = big(a)
  const y = big(b)
  const quotient = x / y
  return normalizeInt(x % y !== 0n && x < 0n !== y < 0n ? quotient - 1n : quotient)
}

/** The remainder has the sign of the divisor. */
export function modulo<T extends Int>(a: T, b: T, rt: Rt): number
export function modulo(a: Int, b: Int, rt: Rt): Int
export function modulo(a: Int, b: Int, rt: Rt): Int {
  if (sameInt(b, 0)) raise('ZeroDivisionError', 'integer division or modulo by zero')
  if (typeof a === 'number' && typeof b === 'number') {
    const rest = a % b
    return (rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest) + 0
  }
  assertSize(Math.max(bits(a), bits(b)), rt)
  const y = big(b)
  const rest = big(a) % y
  return normalizeInt(rest !== 0n && rest < 0n !== y < 0n ? rest + y : rest)
}

export function power(a: Int, b: Int, rt: Rt): Value {
  if (b < 0) {
    if (sameInt(a, 0)) raise('ZeroDivisionError', '0.0 cannot be raised to a negative power')
    return new PyFloat(Number(a) ** Number(b))
  }
  if (typeof a === 'number' && typeof b === 'number') {
    const result = a ** b
    if (Number.isSafeInteger(result)) return result + 0
  }
  if (sameInt(a, 0) || sameInt(a, 1)) return a
  if (sameInt(a, -1)) return big(b) % 2n === 0n ? 1 : -1
  const base = big(a)
  const length = (base < 0n ? -base : base).toString(2).length
  assertSize(length * Number(b), rt)
  // The last squarings take the most: as much again as all before them.
  rt.charge(Math.floor((length * Number(b)) ** 2 / 2 ** 20))
  return normalizeInt(base ** big(b))
}

/** `pow(a, b, m)`. */
export function powerModulo(a: Int, b: Int, m: Int, rt: Rt): Int {
  if (sameInt(m, 0)) raise('ValueError', 'pow() 3rd argument cannot be 0')
  if (b < 0) raise('ValueError', 'base is not invertible for the given modulus')
  const modulus = big(m)
  const size = bits(m)
  let result = 1n
  let base = big(a) % modulus
  for (let exponent = big(b); exponent > 0n; exponent >>= 1n) {
    // Two products and two divisions.
    assertSize(size * 2, rt)
    assertSize(size * 2, rt)
    if (exponent & 1n) result = (result * base) % modulus
    base = (base * base) % modulus
  }
  return modulo(normalizeInt(result % modulus), m, rt)
}

export function shift(a: Int, b: Int, left: boolean, rt: Rt): Int {
  if (b < 0) raise('ValueError', 'negative shift count')
  if (left) assertSize(bits(a) + Number(b), rt)
  else if (Number(b) > MAX_BITS) return a < 0 ? -1 : 0
  else assertSize(bits(a), rt)
  return normalizeInt(left ? big(a) << big(b) : big(a) >> big(b))
}

export function bitwise(op: '&' | '|' | '^', a: Int, b: Int, rt: Rt): Int {
  if (typeof a === 'number' && typeof b === 'number' && (a | 0) === a && (b | 0) === b)
    return op === '&' ? a & b : op === '|' ? a | b : a ^ b
  assertSize(Math.max(bits(a), bits(b)), rt)
  const x = big(a)
  const y = big(b)
  return normalizeInt(op === '&' ? x & y : op === '|' ? x | y : x ^ y)
}

export function toFloat(n: Int): number {
  const value = Number(n)
  if (!Number.isFinite(value)) raise('OverflowError', 'int too large to convert to float')
  return value
}

/** `a / b` of ints, correctly rounded also beyond 2**53. */
export function trueDivide(a: Int, b: Int): number {
  if (sameInt(b, 0)) raise('ZeroDivisionError', 'division by zero')
  if (typeof a === 'number' && typeof b === 'number') return a / b
  const x = big(a)
  const y = big(b)
  const value = Number(x) / Number(y)
  if (Number.isFinite(value) && Number(x) !== Infinity && Number(x) !== -Infinity && Number.isFinite(Number(y))) return value
  // Too large for floats: scale the quotient.
  const negative = x < 0n !== y < 0n
  const ax = x < 0n ? -x : x
  const ay = y < 0n ? -y : y
  const scale = Math.max(0, ay.toString(2).length - ax.toString(2).length + 66)
  const quotient = (ax << BigInt(scale)) / ay
  const result = Number(quotient) / 2 ** scale
  if (!Number.isFinite(result)) raise('OverflowError', 'integer division result too large for a float')
  return negative ? -result : result
}

export function floatModulo(a: number, b: number): number {
  if (b === 0) raise('ZeroDivisionError', 'float modulo')
  const rest = a % b
  if (rest === 0) return b < 0 ? -0 : 0
  return rest < 0 !== b < 0 ? rest + b : rest
}

export function floatFloorDivide(a: number, b: number): number {
  if (b === 0) raise('ZeroDivisionError', 'float floor division by zero')
  const quotient = (a - floatModulo(a, b)) / b
  const floor = Math.floor(quotient)
  return quotient - floor > 0.5 ? floor + 1 : floor
}

export function floatPower(a: number, b: number): number {
  if (a === 0 && b < 0) raise('ZeroDivisionError', '0.0 cannot be raised to a negative power')
  if (a === 1 || b === 0) return 1
  if (a < 0 && Number.isFinite(b) && !Number.isInteger(b)) raise('ValueError', 'complex numbers are not supported')
  const value = a ** b
  if (!Number.isFinite(value) && Number.isFinite(a) && Number.isFinite(b)) raise('OverflowError', "(34, 'Numerical result out of range')")
  return value
}

/** repr of a float. */
export function floatRepr(value: number): string {
  if (Number.isNaN(value)) return 'nan'
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf'
  if (Object.is(value, -0)) return '-0.0'
  const absolute = Math.abs(value)
  if (absolute !== 0 && (absolute < 1e-4 || absolute >= 1e16)) {
    const [mantissa, exponent] = value.toExponential().split('e') as [string, string]
    return `${mantissa}e${exponent[0]}${exponent.slice(1).padStart(2, '0')}`
  }
  const text = String(value)
  if (text.includes('e')) return value.toFixed(20).replace(/0+$/, '')
  return text.includes('.') ? text : `${text}.0`
}

/** str of an int; CPython's limit on digits applies. */
export function intText(value: Int, rt: Rt): string {
  if (typeof value === 'number') return String(value)
  const size = bits(value)
  if (size > 14_300)
    raise(
      'ValueError',
      'Exceeds the limit (4300 digits) for integer string conversion; use sys.set_int_max_str_digits() to increase the limit',
    )
  rt.charge(1 + (size >> 3))
  return String(value)
}

/** Rounds half to even, to an integer. */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value)
  const fraction = value - floor
  if (fraction < 0.5) return floor
  if (fraction > 0.5) return floor + 1
  return floor % 2 === 0 ? floor : floor + 1
}

/** Exact decimal digits of a float: `round` half to even at `digits` places after the point, as text without exponent. */
export function fixed(value: number, digits: number): string {
  // A double is m * 2**e: as a fraction of big ints it rounds exactly.
  const negative = value < 0 || Object.is(value, -0)
  const absolute = Math.abs(value)
  const [mantissa, exponent] = decompose(absolute)
  let numerator = mantissa * 10n ** BigInt(Math.max(0, digits))
  let denominator = digits < 0 ? 10n ** BigInt(-digits) : 1n
  if (exponent >= 0) numerator <<= BigInt(exponent)
  else denominator <<= BigInt(-exponent)
  let quotient = numerator / denominator
  const twice = (numerator % denominator) * 2n
  if (twice > denominator || (twice === denominator && quotient & 1n)) quotient += 1n
  if (digits < 0) quotient *= 10n ** BigInt(-digits)
  let text = quotient.toString()
  if (digits > 0) {
    text = text.padStart(digits + 1, '0')
    text = `${text.slice(0, -digits)}.${text.slice(-digits)}`
  }
  return negative ? `-${text}` : text
}

function decompose(value: number): [bigint, number] {
  if (value === 0) return [0n, 0]
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, value)
  const raw = view.getBigUint64(0)
  const exponent = Number((raw >> 52n) & 0x7ffn)
  const fraction = raw & 0xfffffffffffffn
  return exponent === 0 ? [fraction, -1074] : [fraction | 0x10000000000000n, exponent - 1075]
}

/** The exact ratio of a float, for conversions. */
export function floatToInt(value: number): Int {
  if (Number.isNaN(value)) raise('ValueError', 'cannot convert float NaN to integer')
  if (!Number.isFinite(value)) raise('OverflowError', 'cannot convert float infinity to integer')
  const whole = Math.trunc(value)
  return Number.isSafeInteger(whole) ? whole + 0 : normalizeInt(BigInt(whole))
}
