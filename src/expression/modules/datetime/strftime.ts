import { raise } from '../../errors.ts'
import type { Runtime } from '../../module.ts'
import { DAY_NAMES, dayOfYear, isoCalendar, MONTH_NAMES, pad, toOrdinal, weekdayOf } from './calendar.ts'
import { offsetText } from './tzinfo.ts'

/** What a format can show. `offset` in microseconds and `zone` are null where the value knows no zone. */
export interface ClockFields {
  year: number
  month: number
  day: number
  hour: number
  minute: number
  second: number
  microsecond: number
  offset: bigint | null
  zone: string | null
}

/** Formats as the C library does in its own ("C") locale, with the flags `-`, `_`, `0`, `^` and `#` and a width. */
export function strftime(format: string, f: ClockFields, rt: Pick<Runtime, 'charge' | 'alloc'>): string {
  if (format.length > 10_000) raise('ValueError', 'Invalid format string')
  rt.charge(2 + format.length)
  rt.alloc(32 + 2 * format.length)
  let out = ''
  for (let i = 0; i < format.length; i++) {
    if (format[i] !== '%') {
      out += format[i]
      continue
    }
    let j = i + 1
    let flags = ''
    while (j < format.length && '-_0^#'.includes(format[j]!)) flags += format[j++]
    let width = ''
    while (j < format.length && format[j]! >= '0' && format[j]! <= '9') width += format[j++]
    if (width.length > 3) raise('ValueError', 'Invalid format string')
    if (format[j] === ':' && format[j + 1] === 'z') j += 1
    else if ((format[j] === 'E' || format[j] === 'O') && j + 1 < format.length) j += 1
    const shown = directive(format[j], f, format[j - 1] === ':')
    if (shown === undefined) {
      out += format.slice(i, j + 1)
    } else {
      const text = adjust(shown, flags, Number(width || 0))
      rt.charge(10)
      rt.alloc(2 * text.length)
      out += text
    }
    i = j
  }
  return out
}

/** A number with the width and fill it has by default, or a text. */
type Shown = string | { value: number; width: number; fill: '0' | ' ' }

const number = (value: number, width = 2, fill: '0' | ' ' = '0'): Shown => ({ value, width, fill })

function adjust(shown: Shown, flags: string, width: number): string {
  let text: string
  if (typeof shown === 'string') text = shown.padStart(width, flags.includes('0') ? '0' : ' ')
  else {
    const fill = flags.includes('_') ? ' ' : flags.includes('0') ? '0' : shown.fill
    text = flags.includes('-') ? String(shown.value) : String(shown.value).padStart(width || shown.width, fill)
  }
  if (flags.includes('^')) return text.toUpperCase()
  if (flags.includes('#')) return text === text.toUpperCase() ? text.toLowerCase() : text.toUpperCase()
  return text
}

function directive(letter: string | undefined, f: ClockFields, colon: boolean): Shown | undefined {
  const ordinal = () => toOrdinal(f.year, f.month, f.day)
  const weekday = () => weekdayOf(ordinal())
  const yearDay = () => dayOfYear(f.year, f.month, f.day)
  const hour12 = f.hour % 12 || 12
  const part = (letters: string) =>
    Array.from(letters)
      .map(ch => (/[a-zA-Z]/.test(ch) ? adjust(directive(ch, f, false)!, '', 0) : ch))
      .join('')
  switch (letter) {
    case 'a':
      return DAY_NAMES[weekday()]!.slice(0, 3)
    case 'A':
      return DAY_NAMES[weekday()]!
    case 'b':
    case 'h':
      return MONTH_NAMES[f.month - 1]!.slice(0, 3)
    case 'B':
      return MONTH_NAMES[f.month - 1]!
    case 'c':
      return part('a b e H:M:S Y')
    case 'C':
      return number(Math.floor(f.year / 100))
    case 'd':
      return number(f.day)
    case 'D':
    case 'x':
      return part('m/d/y')
    case 'e':
      return number(f.day, 2, ' ')
    case 'f':
      return pad(f.microsecond, 6)
    case 'F':
      return part('Y-m-d')
    case 'g':
      return number(isoCalendar(ordinal(), f.year)[0] % 100)
    case 'G':
      return number(isoCalendar(ordinal(), f.year)[0], 1)
    case 'H':
      return number(f.hour)
    case 'I':
      return number(hour12)
    case 'j':
      return number(yearDay(), 3)
    case 'k':
      return number(f.hour, 2, ' ')
    case 'l':
      return number(hour12, 2, ' ')
    case 'm':
      return number(f.month)
    case 'M':
      return number(f.minute)
    case 'n':
      return '\n'
    case 'p':
      return f.hour < 12 ? 'AM' : 'PM'
    case 'P':
      return f.hour < 12 ? 'am' : 'pm'
    case 'r':
      return part('I:M:S p')
    case 'R':
      return part('H:M')
    case 's':
      return String((ordinal() - 719_163) * 86_400 + f.hour * 3600 + f.minute * 60 + f.second)
    case 'S':
      return number(f.second)
    case 't':
      return '\t'
    case 'T':
    case 'X':
      return part('H:M:S')
    case 'u':
      return String(weekday() + 1)
    case 'U':
      return number(Math.floor((yearDay() + 6 - ((weekday() + 1) % 7)) / 7))
    case 'V':
      return number(isoCalendar(ordinal(), f.year)[1])
    case 'w':
      return String((weekday() + 1) % 7)
    case 'W':
      return number(Math.floor((yearDay() + 6 - weekday()) / 7))
    case 'y':
      return number(f.year % 100)
    case 'Y':
      return number(f.year, 1)
    case 'z':
      return f.offset === null ? '' : colon ? offsetText(f.offset) : offsetText(f.offset).replaceAll(':', '')
    case 'Z':
      return f.zone ?? ''
    case '%':
      return '%'
    default:
      return undefined
  }
}
