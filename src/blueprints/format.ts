/** Python's `%` formatting of text, as far as blueprints use it: s r d i u x X o f F e E g G c %, flags, width, precision. */
import type { Value } from './document.ts'

const DIRECTIVE = /%(?:\(([^)]*)\))?([-+ 0#]*)([0-9]*)(?:\.([0-9]*))?([a-zA-Z%])/y
const MAX_WIDTH = 10_000

/** Text of a value as Python's str() gives it. */
export function pythonText(value: Value): string {
  return typeof value === 'string' ? value : pythonRepr(value)
}

function pythonRepr(value: Value): string {
  if (value === null) return 'None'
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  if (typeof value === 'number') return String(value)
  if (typeof value === 'string') return quoted(value)
  if (Array.isArray(value)) return `[${value.map(pythonRepr).join(', ')}]`
  return `{${Object.entries(value)
    .map(([key, item]) => `${quoted(key)}: ${pythonRepr(item)}`)
    .join(', ')}}`
}

function quoted(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'"
  const escaped = text.replaceAll('\\', '\\\\').replaceAll(quote, `\\${quote}`)
  return quote + escaped.replaceAll('\n', '\\n').replaceAll('\r', '\\r').replaceAll('\t', '\\t') + quote
}

function number(value: Value, conversion: string): number {
  if (typeof value === 'boolean') return value ? 1 : 0
  if (typeof value !== 'number') throw new RangeError(`%${conversion} needs a number, not ${pythonRepr(value)}`)
  return value
}

/** Python writes exponents with two digits at least. */
const exponent = (text: string) => text.replace(/e([+-])(\d)$/, 'e$10$2')

function general(value: number, precision: number): string {
  const digits = precision === 0 ? 1 : precision
  const scientific = value.toExponential(digits - 1)
  const power = Number(scientific.slice(scientific.indexOf('e') + 1))
  const small = power < -4 || power >= digits
  const text = small ? scientific : value.toFixed(digits - 1 - power)
  const [mantissa = '', rest] = text.split('e')
  const trimmed = mantissa.includes('.') ? mantissa.replace(/0+$/, '').replace(/\.$/, '') : mantissa
  return exponent(rest === undefined ? trimmed : `${trimmed}e${rest}`)
}

function body(conversion: string, value: Value, precision: number | undefined): string {
  switch (conversion) {
    case 's':
    case 'r': {
      const text = conversion === 's' ? pythonText(value) : pythonRepr(value)
      return precision === undefined ? text : Array.from(text).slice(0, precision).join('')
    }
    case 'd':
    case 'i':
    case 'u':
      return integer(Math.trunc(number(value, conversion)), 10, precision)
    case 'x':
      return integer(number(value, conversion), 16, precision)
    case 'X':
      return integer(number(value, conversion), 16, precision).toUpperCase()
    case 'o':
      return integer(number(value, conversion), 8, precision)
    case 'f':
    case 'F':
      return number(value, conversion).toFixed(Math.min(precision ?? 6, 100))
    case 'e':
      return exponent(number(value, conversion).toExponential(Math.min(precision ?? 6, 100)))
    case 'E':
      return body('e', value, precision).toUpperCase()
    case 'g':
      return general(number(value, conversion), Math.min(precision ?? 6, 100))
    case 'G':
      return body('g', value, precision).toUpperCase()
    case 'c':
      return typeof value === 'number' ? String.fromCodePoint(value) : pythonText(value).slice(0, 1)
    default:
      throw new RangeError(`%${conversion} is not a known conversion`)
  }
}

function integer(value: number, radix: number, precision: number | undefined): string {
  if (radix !== 10 && !Number.isInteger(value)) throw new RangeError('%x and %o need an integer')
  const digits = Math.abs(value)
    .toString(radix)
    .padStart(Math.min(precision ?? 0, MAX_WIDTH), '0')
  return value < 0 ? `-${digits}` : digits
}

function pad(text: string, flags: string, width: number, numeric: boolean): string {
  const signed = numeric && !text.startsWith('-') ? (flags.includes('+') ? `+${text}` : flags.includes(' ') ? ` ${text}` : text) : text
  if (flags.includes('-')) return signed.padEnd(width)
  if (!numeric || !flags.includes('0')) return signed.padStart(width)
  const sign = /^[-+ ]/.test(signed) ? signed.charAt(0) : ''
  return sign + signed.slice(sign.length).padStart(width - sign.length, '0')
}

/**
 * `template % values`.
 * @throws RangeError whose message says what does not fit: too few or too many values, a wrong kind, a malformed directive.
 */
export function percentFormat(template: string, values: readonly Value[]): string {
  let used = 0
  let result = ''
  let position = 0
  for (;;) {
    const next = template.indexOf('%', position)
    if (next < 0) break
    result += template.slice(position, next)
    DIRECTIVE.lastIndex = next
    const match = DIRECTIVE.exec(template)
    if (!match) throw new RangeError(`incomplete directive at position ${next}`)
    const [whole, name, flags = '', width = '', precision, conversion = ''] = match
    position = next + whole.length
    if (conversion === '%') {
      result += '%'
      continue
    }
    if (name !== undefined) throw new RangeError('%(name)s needs named values, and !Format has only a list')
    if (used >= values.length) throw new RangeError('not enough values for the text')
    if (Number(width) > MAX_WIDTH) throw new RangeError(`a width above ${MAX_WIDTH}`)
    const text = body(conversion, values[used++] ?? null, precision === undefined ? undefined : Number(precision))
    result += pad(text, flags, Number(width), !'src'.includes(conversion))
  }
  if (used < values.length) throw new RangeError('more values than the text uses')
  return result + template.slice(position)
}
