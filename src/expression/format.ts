/** The mini-language of format specifications (`f"{x:>10,.2f}"`, `format()`, `str.format`). */
import { call } from './call.ts'
import { unwrap } from './compare.ts'
import { raise } from './errors.ts'
import { fixed, floatRepr, floatToInt, intText, toFloat } from './numbers.ts'
import { bind } from './pending.ts'
import type { EvaluationRuntime } from './runtime.ts'
import { special } from './special.ts'
import { strResult } from './text.ts'
import { points, textLength } from './unicode.ts'
import { HostObject, PyFloat, isInt, typeOf } from './values.ts'
import type { Result, Value } from './values.ts'

type Rt = EvaluationRuntime

interface Spec {
  fill: string
  align: string
  sign: string
  alternate: boolean
  zero: boolean
  width: number
  group: string
  precision: number | null
  type: string
}

/** Longer ones have nothing left to say, but for dates: their formats are read by themselves. */
const MAX_SPEC = 10_000

const SPEC = /^(?:(.)?([<>=^]))?([-+ ])?(z)?(#)?(0)?(\d+)?([,_])?(?:\.(\d+))?([a-zA-Z%])?$/su

function parseSpec(text: string, typeName: string): Spec {
  const m = SPEC.exec(text)
  if (!m) raise('ValueError', `Invalid format specifier '${text}' for object of type '${typeName}'`)
  const width = Number(m[7] ?? 0)
  const precision = m[9] === undefined ? null : Number(m[9])
  if (width > 100_000 || (precision ?? 0) > 5_000) raise('ValueError', 'Too many decimal digits in format string')
  return {
    fill: m[1] ?? '',
    align: m[2] ?? '',
    sign: m[3] ?? '-',
    alternate: !!m[5],
    zero: !!m[6],
    width,
    group: m[8] ?? '',
    precision,
    type: m[10] ?? '',
  }
}

/** `format(value, spec)`. */
export function format(value: Value, spec: string, rt: Rt): Result {
  if (spec === '' && (typeof value === 'string' || typeof value === 'number')) return String(value)
  if (spec.length > MAX_SPEC) raise('ValueError', `Invalid format specifier of ${spec.length} characters`)
  const method = special(value, '__format__')
  if (method !== undefined) return call(method, [value, spec], null, rt)
  if (spec === '') return strResult(value, rt)
  rt.charge(2)
  const own = special(value, '__str__') ?? special(value, '__repr__')
  const inner = own === undefined ? unwrap(value) : value
  const name = typeOf(inner).name
  if (typeof inner === 'string') return formatText(inner, parseSpec(spec, name), rt)
  if (typeof inner === 'boolean') return formatInt(inner ? 1 : 0, parseSpec(spec, name), name, rt)
  if (isInt(inner)) {
    const parsed = parseSpec(spec, name)
    return 'eEfFgG%'.includes(parsed.type) && parsed.type ? formatFloat(toFloat(inner), parsed, rt) : formatInt(inner, parsed, name, rt)
  }
  if (inner instanceof PyFloat) return formatFloat(inner.value, parseSpec(spec, name), rt)
  if (inner instanceof HostObject) return bind(strResult(inner, rt), text => formatText(text, parseSpec(spec, name), rt))
  return raise('TypeError', `unsupported format string passed to ${typeOf(value).name}.__format__`)
}

function pad(text: string, spec: Spec, align: string, rt: Rt): string {
  rt.charge(text.length >> 3)
  const missing = spec.width - textLength(text)
  if (missing <= 0) return text
  rt.charge(spec.width >> 6)
  rt.alloc(spec.width)
  const fill = spec.fill || (spec.zero ? '0' : ' ')
  if (align === '<') return text + fill.repeat(missing)
  if (align === '^') return fill.repeat(missing >> 1) + text + fill.repeat(missing - (missing >> 1))
  return fill.repeat(missing) + text
}

function formatText(text: string, spec: Spec, rt: Rt): string {
  if (spec.type && spec.type !== 's') raise('ValueError', `Unknown format code '${spec.type}' for object of type 'str'`)
  if (spec.sign !== '-') raise('ValueError', 'Sign not allowed in string format specifier')
  if (spec.align === '=') raise('ValueError', "'=' alignment not allowed in string format specifier")
  if (spec.group) raise('ValueError', `Cannot specify '${spec.group}' with 's'.`)
  rt.alloc(text.length)
  // No character takes more than two units.
  const cut =
    spec.precision === null
      ? text
      : points(text.slice(0, 2 * spec.precision))
          .slice(0, spec.precision)
          .join('')
  rt.charge(spec.precision ?? 0)
  return pad(cut, spec, spec.align || '<', rt)
}

/** Sign, prefix and digits, padded; zeros go between sign and digits. */
function assemble(negative: boolean, prefix: string, digits: string, tail: string, spec: Spec, groupSize: number, rt: Rt): string {
  const sign = negative ? '-' : spec.sign === '-' ? '' : spec.sign
  const align = spec.align || (spec.zero ? '=' : '>')
  if (align !== '=')
    return pad(
      sign + prefix + group(digits, spec.group, groupSize) + tail,
      { ...spec, zero: spec.zero && !spec.align ? true : spec.zero, fill: spec.fill || (spec.zero && spec.align ? '0' : ' ') },
      align,
      rt,
    )
  const room = spec.width - sign.length - prefix.length - tail.length
  const fill = spec.fill || (spec.zero ? '0' : ' ')
  let body = digits
  if (fill === '0' && spec.group) {
    rt.charge(Math.max(room, body.length))
    rt.alloc(Math.max(0, 2 * room))
    // As many zeros as bring the digits and their separators to the width; a separator must not come first.
    let length = body.length
    while (length + Math.floor((length - 1) / groupSize) < room) length++
    body = group(body.padStart(length, '0'), spec.group, groupSize)
  } else {
    if (spec.group) rt.charge(body.length)
    body = group(body, spec.group, groupSize)
    rt.charge(Math.max(0, room) >> 6)
    rt.alloc(Math.max(0, room))
    body = fill.repeat(Math.max(0, room - body.length)) + body
  }
  return sign + prefix + body + tail
}

function group(digits: string, separator: string, size: number): string {
  if (!separator) return digits
  const parts: string[] = []
  for (let from = digits.length % size || size, at = 0; at < digits.length; at = from, from += size) parts.push(digits.slice(at, from))
  return parts.join(separator)
}

function formatInt(value: number | bigint, spec: Spec, typeName: string, rt: Rt): string {
  const negative = value < 0
  const absolute = negative ? -value : value
  if (spec.precision !== null) raise('ValueError', 'Precision not allowed in integer format specifier')
  switch (spec.type) {
    case '':
    case 'd':
    case 'n':
      return assemble(negative, '', intText(absolute, rt), '', spec, 3, rt)
    case 'b':
    case 'o':
    case 'x':
    case 'X': {
      const base = spec.type === 'b' ? 2 : spec.type === 'o' ? 8 : 16
      if (spec.group === ',') raise('ValueError', `Cannot specify ',' with '${spec.type}'.`)
      if (typeof absolute === 'bigint') rt.charge(200)
      const digits = absolute.toString(base)
      const prefix = spec.alternate ? `0${spec.type}` : ''
      return assemble(negative, prefix, spec.type === 'X' ? digits.toUpperCase() : digits, '', spec, 4, rt)
    }
    case 'c':
      if (value < 0 || value > 0x10ffff) raise('OverflowError', '%c arg not in range(0x110000)')
      return pad(String.fromCodePoint(Number(value)), spec, spec.align || '<', rt)
    default:
      return raise('ValueError', `Unknown format code '${spec.type}' for object of type '${typeName}'`)
  }
}

function formatFloat(value: number, spec: Spec, rt: Rt): string {
  const negative = value < 0 || Object.is(value, -0)
  const type = spec.type
  if (!'eEfFgGn%'.includes(type)) raise('ValueError', `Unknown format code '${type}' for object of type 'float'`)
  if (!Number.isFinite(value)) {
    const text = Number.isNaN(value) ? 'nan' : 'inf'
    return assemble(
      value < 0,
      '',
      type === 'F' || type === 'E' || type === 'G' ? text.toUpperCase() : text,
      type === '%' ? '%' : '',
      { ...spec, group: '', zero: false },
      3,
      rt,
    )
  }
  // Exact digits are made with integers of that length.
  rt.charge(20 + ((spec.precision ?? 6) >> 1) + (((spec.precision ?? 6) ** 2) >> 12))
  rt.alloc(spec.precision ?? 6)
  let text = floatText(Math.abs(value), type, spec)
  if (type === '%') text += '%'
  const [, whole, tail] = /^(\d+)(.*)$/s.exec(text)!
  return assemble(negative, '', whole!, tail!, spec, 3, rt)
}

/** Digits of a non-negative finite float. */
function floatText(value: number, type: string, spec: Pick<Spec, 'precision' | 'alternate'>): string {
  const precision = spec.precision ?? 6
  switch (type) {
    case 'f':
    case 'F':
      return fixed(value, precision) + (spec.alternate && precision === 0 ? '.' : '')
    case '%':
      return fixed(value * 100, precision)
    case 'e':
    case 'E': {
      const text = exponential(value, precision)
      return type === 'E' ? text.toUpperCase() : text
    }
    default: {
      if (type === '' && spec.precision === null) return floatRepr(value)
      const digits = Math.max(1, precision)
      const rounded = exponential(value, digits - 1)
      const exponent = Number(rounded.slice(rounded.indexOf('e') + 1))
      let text: string
      if (exponent < -4 || exponent >= digits + (type === '' && exponent === digits - 1 ? 0 : 0)) {
        const [mantissa, power] = rounded.split('e') as [string, string]
        text = `${spec.alternate ? mantissa : strip(mantissa)}e${power}`
      } else {
        text = fixed(value, digits - 1 - exponent)
        if (!spec.alternate) text = strip(text)
        if (type === '' && !text.includes('.')) text += '.0'
      }
      return type === 'G' ? text.toUpperCase() : text
    }
  }
}

const strip = (text: string) => (text.includes('.') ? text.replace(/\.?0+$/, '') : text)

function exponential(value: number, digits: number): string {
  const [mantissa, exponent] = value.toExponential(Math.min(100, digits)).split('e') as [string, string]
  return `${mantissa}e${exponent[0]}${exponent.slice(1).padStart(2, '0')}`
}

/** A number as `%d`, `%f` … of %-formatting print it; flags become a specification. */
export function formatNumber(value: Value, spec: string, rt: Rt): string {
  const inner = unwrap(value)
  const parsed = parseSpec(spec, 'number')
  if ('eEfFgG'.includes(parsed.type)) return formatFloat(inner instanceof PyFloat ? inner.value : toFloat(Number(inner)), parsed, rt)
  const whole = inner instanceof PyFloat ? floatToInt(inner.value) : typeof inner === 'boolean' ? Number(inner) : (inner as number | bigint)
  return formatInt(whole, { ...parsed, precision: null }, 'int', rt)
}
