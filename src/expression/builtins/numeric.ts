/** int, bool, float: constructors and methods. */
import { unwrap } from '../compare.ts'
import { raise } from '../errors.ts'
import { floatToInt, toFloat } from '../numbers.ts'
import { bind } from '../pending.ts'
import type { EvaluationRuntime } from '../runtime.ts'
import { special } from '../special.ts'
import { truth } from '../truth.ts'
import { PyBytes, PyFloat, PyTuple, isInt, normalizeInt, typeOf, types } from '../values.ts'
import type { Kwargs, Result, Value, PyClass } from '../values.ts'
import { classMethod, getter, methods } from './define.ts'
import { subclassed } from './str.ts'
import { latin1 } from '../keys.ts'

type Rt = EvaluationRuntime
const { int, bool, float } = types

const own = (cls: PyClass, base: PyClass, value: Result): Result => (cls === base ? value : bind(value, (v: Value) => subclassed(cls, v)))

function parseInteger(source: string, base: number, rt: Rt): number | bigint {
  rt.charge(source.length >> 2)
  const invalid = (): never => raise('ValueError', `invalid literal for int() with base ${base}: ${rt.repr(source)}`)
  if (base !== 0 && (base < 2 || base > 36)) raise('ValueError', 'int() base must be >= 2 and <= 36, or 0')
  // Digits of any script count.
  let text = source
    .trim()
    .toLowerCase()
    .replace(/\p{Nd}/gu, d => (d < '\x80' ? d : String(((d.codePointAt(0)! - 0x660) % 16) % 10)))
  const sign = text.startsWith('-') ? -1 : 1
  text = text.replace(/^[+-]/, '')
  const prefix = /^0([xob])_?/.exec(text)
  const implied = prefix ? { x: 16, o: 8, b: 2 }[prefix[1] as 'x' | 'o' | 'b'] : 10
  let radix = base
  if (prefix && (base === 0 || base === implied)) {
    text = text.slice(prefix[0].length)
    radix = implied
  } else if (base === 0) {
    radix = 10
    if (/^0[0_]*[1-9]/.test(text)) invalid()
  }
  if (!/^[0-9a-z]+(?:_[0-9a-z]+)*$/.test(text)) invalid()
  text = text.replaceAll('_', '')
  rt.charge(text.length)
  for (const c of text) if (parseInt(c, 36) >= radix) invalid()
  if (text.length > 4300 && (radix & (radix - 1)) !== 0)
    raise(
      'ValueError',
      `Exceeds the limit (4300 digits) for integer string conversion: value has ${text.length} digits; use sys.set_int_max_str_digits() to increase the limit`,
    )
  if (text.length > 16_000) raise('ValueError', 'integer string too long')
  if (text.length < 11) return sign * parseInt(text, radix) + 0
  let value = 0n
  const written = { 2: '0b', 8: '0o', 10: '', 16: '0x' }[radix]
  rt.charge(text.length)
  if (written !== undefined) value = BigInt(written + text)
  else {
    rt.charge(8 * text.length)
    for (const c of text) value = value * BigInt(radix) + BigInt(parseInt(c, 36))
  }
  return normalizeInt(sign < 0 ? -value : value)
}

int.construct = (cls: PyClass, args: Value[], kwargs: Kwargs | null, rt: Rt) => {
  const [given = 0] = args
  const base = args[1] ?? kwargs?.get('base')
  if (special(given, '__int__') !== undefined) return own(cls, int, rt.call(special(given, '__int__')!, [given]))
  if (special(given, '__index__') !== undefined) return own(cls, int, rt.call(special(given, '__index__')!, [given]))
  const value = unwrap(given)
  if (typeof value === 'string' || value instanceof PyBytes) {
    rt.charge(1 + (typeof value === 'string' ? value.length >> 4 : 8))
    const text = typeof value === 'string' ? value : latin1(value.data)
    return own(cls, int, parseInteger(text, base === undefined ? 10 : Number(base), rt))
  }
  if (base !== undefined) raise('TypeError', "int() can't convert non-string with explicit base")
  if (isInt(value)) return own(cls, int, value)
  if (typeof value === 'boolean') return own(cls, int, value ? 1 : 0)
  if (value instanceof PyFloat) return own(cls, int, floatToInt(value.value))
  return raise('TypeError', `int() argument must be a string, a bytes-like object or a real number, not '${typeOf(given).name}'`)
}

bool.construct = (_: PyClass, args: Value[], __: Kwargs | null, rt: Rt) => (args.length ? truth(args[0]!, rt) : false)

float.construct = (cls: PyClass, args: Value[], _: Kwargs | null, rt: Rt) => {
  const [given = 0] = args
  if (special(given, '__float__') !== undefined) return own(cls, float, rt.call(special(given, '__float__')!, [given]))
  const value = unwrap(given)
  if (value instanceof PyFloat) return own(cls, float, value)
  if (isInt(value)) return own(cls, float, new PyFloat(toFloat(value)))
  if (typeof value === 'boolean') return own(cls, float, new PyFloat(value ? 1 : 0))
  if (typeof value === 'string') {
    rt.charge(value.length >> 2)
    const text = value.trim().toLowerCase()
    // Digits after digits only behind the point: otherwise a long number that is none could be cut in two in as many ways as it has digits.
    if (/^[+-]?(?:\d+(?:_\d+)*(?:\.(?:\d+(?:_\d+)*)?)?|\.\d+(?:_\d+)*)(?:e[+-]?\d+(?:_\d+)*)?$/.test(text))
      return own(cls, float, new PyFloat(Number(text.replaceAll('_', ''))))
    const named = /^([+-]?)(?:(inf(?:inity)?)|nan)$/.exec(text)
    if (named) return own(cls, float, new PyFloat(named[2] ? (named[1] === '-' ? -Infinity : Infinity) : NaN))
    raise('ValueError', `could not convert string to float: ${rt.repr(value)}`)
  }
  return raise('TypeError', `float() argument must be a string or a real number, not '${typeOf(given).name}'`)
}

const big = (value: Value): bigint => {
  const inner = unwrap(value)
  return BigInt(typeof inner === 'boolean' ? Number(inner) : (inner as number | bigint))
}

methods(int, {
  'bit_length()': ([self], rt) => {
    const n = big(self)
    rt.charge(200)
    return n === 0n ? 0 : (n < 0n ? -n : n).toString(2).length
  },
  'bit_count()': ([self], rt) => {
    const n = big(self)
    rt.charge(1000)
    return (n < 0n ? -n : n).toString(2).replaceAll('0', '').length
  },
  'conjugate()': ([self]) => self,
  'as_integer_ratio()': ([self]) => new PyTuple([self, 1]),
  'is_integer()': () => true,
  "to_bytes(length=1, byteorder='big', *, signed=False)": ([self, length, order, signed], rt) => {
    let n = big(self)
    const size = Number(length)
    rt.alloc(size)
    if (size > 10_000) raise('OverflowError', 'length too large')
    rt.charge(1 + (size >> 2))
    const range = 1n << BigInt(Math.min(size, 10_000) * 8)
    if (n < 0n && !signed) raise('OverflowError', "can't convert negative int to unsigned")
    if (signed ? n >= range / 2n || n < -range / 2n : n >= range) raise('OverflowError', 'int too big to convert')
    if (n < 0n) n += range
    const out = Buffer.from(
      n
        .toString(16)
        .padStart(size * 2, '0')
        .slice(-size * 2 || size * 2),
      'hex',
    )
    return new PyBytes(order === 'little' ? out.reverse() : out)
  },
})
classMethod(int, 'from_bytes', ([_, bytes, order], kwargs, rt) => {
  if (!(bytes instanceof PyBytes)) raise('TypeError', 'cannot convert object to bytes')
  rt.charge(1 + (bytes.data.length >> 4))
  rt.alloc(bytes.data.length)
  if (bytes.data.length > 8192) raise('ValueError', 'bytes too long')
  const data = Buffer.from(bytes.data)
  if ((order ?? kwargs?.get('byteorder')) === 'little') data.reverse()
  let n = data.length ? BigInt(`0x${data.toString('hex')}`) : 0n
  if (kwargs?.get('signed') && data.length && data[0]! > 127) n -= 1n << BigInt(data.length * 8)
  return normalizeInt(n)
})
getter(int, 'real', self => self)
getter(int, 'imag', () => 0)
getter(int, 'numerator', self => self)
getter(int, 'denominator', () => 1)

methods(float, {
  'is_integer()': ([self]) => Number.isInteger((unwrap(self) as PyFloat).value),
  'conjugate()': ([self]) => self,
  'hex()': ([self]) => (unwrap(self) as PyFloat).value.toString(16),
  'as_integer_ratio()': ([self]) => {
    let { value } = unwrap(self) as PyFloat
    floatToInt(value)
    let denominator = 1n
    while (!Number.isInteger(value)) {
      value *= 2
      denominator *= 2n
    }
    return new PyTuple([normalizeInt(BigInt(value)), normalizeInt(denominator)])
  },
})
getter(float, 'real', self => self)
getter(float, 'imag', () => new PyFloat(0))
