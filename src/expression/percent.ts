/** `"…" % values`. */
import { numberOf } from './compare.ts'
import { raise } from './errors.ts'
import { formatNumber } from './format.ts'
import { MAX_OBJECT } from './limits.ts'
import { dictGetString } from './keys.ts'
import type { EvaluationRuntime } from './runtime.ts'
import { asciiOnly, repr, str } from './text.ts'
import { points } from './unicode.ts'
import { PyDict, PyFloat, PyTuple, isInt, typeOf } from './values.ts'
import type { Value } from './values.ts'

/** Names are bounded: those that are never closed would each be looked for up to the end. */
const DIRECTIVE = /%(?:\(([^)]{0,64})\))?([-+ #0]*)(\*|\d+)?(?:\.(\*|\d+))?[hlL]?(.)?/gs

export function percentFormat(template: string, values: Value, rt: EvaluationRuntime): string {
  const list: readonly Value[] = values instanceof PyTuple ? values.items : [values]
  let next = 0
  let named = false
  rt.charge(1 + template.length)
  const take = (): Value => {
    if (next >= list.length) raise('TypeError', 'not enough arguments for format string')
    return list[next++]!
  }
  const number = (text: string | undefined): string => {
    if (text !== '*') return text ?? ''
    const value = take()
    if (typeof value !== 'number') raise('TypeError', '* wants int')
    return String(value)
  }
  let made = template.length
  const out = template.replace(
    DIRECTIVE,
    (_, key: string | undefined, flags: string, width: string | undefined, precision: string | undefined, type: string | undefined) => {
      if (type === undefined) raise('ValueError', 'incomplete format')
      rt.charge(2)
      if (type === '%') return '%'
      rt.charge(6)
      let value: Value
      const w = number(width)
      const p = precision === undefined ? undefined : number(precision)
      if (Number(w) > 100_000 || Number(p ?? 0) > 5_000) raise('ValueError', 'width too big')
      if (key !== undefined) {
        if (!(values instanceof PyDict)) raise('TypeError', 'format requires a mapping')
        const found = dictGetString(values, key)
        if (found === undefined) raise('KeyError', key)
        value = found
        named = true
      } else value = take()
      const text = directive(value, type, flags, w, p, rt)
      // The pieces are put together at the end: what that takes is paid before.
      rt.charge(text.length >> 6)
      if ((made += text.length) > MAX_OBJECT) rt.alloc(made)
      return text
    },
  )
  if (!named && next < list.length && !(values instanceof PyDict))
    raise('TypeError', 'not all arguments converted during string formatting')
  rt.alloc(out.length)
  return out
}

function directive(value: Value, type: string, flags: string, width: string, precision: string | undefined, rt: EvaluationRuntime): string {
  const left = flags.includes('-')
  const padText = (text: string) => {
    rt.charge(Number(width) >> 6)
    rt.charge(Number(precision ?? 0))
    const cut =
      precision === undefined
        ? text
        : points(text.slice(0, 2 * Number(precision)))
            .slice(0, Number(precision))
            .join('')
    return left ? cut.padEnd(Number(width)) : cut.padStart(Number(width))
  }
  switch (type) {
    case 's':
      return padText(str(value, rt))
    case 'r':
      return padText(repr(value, rt))
    case 'a':
      return padText(asciiOnly(repr(value, rt), rt))
    case 'c':
      return padText(typeof value === 'string' ? value : String.fromCodePoint(Number(value)))
    case 'd':
    case 'i':
    case 'u':
    case 'o':
    case 'x':
    case 'X':
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G': {
      if (numberOf(value) === undefined)
        raise(
          'TypeError',
          `%${type} format: a ${'eEfFgG'.includes(type) ? 'real' : type === 'd' || type === 'i' || type === 'u' ? 'real' : 'integer'} number is required, not ${typeOf(value).name}`,
        )
      if ('oxX'.includes(type) && !isInt(value) && value instanceof PyFloat)
        raise('TypeError', `%${type} format: an integer is required, not float`)
      const sign = flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : ''
      const code = type === 'i' || type === 'u' ? 'd' : type
      const alternate = flags.includes('#') ? '#' : ''
      let digits = formatNumber(
        value,
        `${sign}${alternate}${'eEfFgG'.includes(code) && precision !== undefined ? `.${precision}` : ''}${code}`,
        rt,
      )
      if (precision !== undefined && 'doxX'.includes(code))
        digits = digits.replace(/\d+|[0-9a-fA-F]+$/, body => body.padStart(Number(precision), '0'))
      const w = Number(width)
      if (left) return digits.padEnd(w)
      if (!flags.includes('0')) return digits.padStart(w)
      const head = /^[-+ ]?(?:0[xXo])?/.exec(digits)![0]
      return head + digits.slice(head.length).padStart(w - head.length, '0')
    }
    default:
      return raise('ValueError', `unsupported format character '${type}' (0x${type.charCodeAt(0).toString(16)})`)
  }
}
