import { raise } from '../../errors.ts'
import type { Runtime } from '../../module.ts'
import { compileRegex, escapeText, IGNORECASE, match } from '../../regex/index.ts'
import type { Program } from '../../regex/index.ts'
import { fromIsoCalendar, fromOrdinal, DAY_NAMES, MONTH_NAMES, toOrdinal, weekdayOf } from './calendar.ts'
import { guarded } from '../re/compile.ts'
import { PyTimezone, UTC } from './tzinfo.ts'

const oneOf = (names: readonly string[]) => names.map(name => escapeText(name.toLowerCase())).join('|')
const short = (names: readonly string[]) => names.map(name => name.slice(0, 3))

const PATTERNS: Record<string, string> = {
  a: oneOf(short(DAY_NAMES)),
  A: oneOf(DAY_NAMES),
  b: oneOf(short(MONTH_NAMES)),
  B: oneOf(MONTH_NAMES),
  d: '3[01]|[12]\\d|0[1-9]|[1-9]| [1-9]',
  f: '[0-9]{1,6}',
  G: '\\d{4}',
  H: '2[0-3]|[01]\\d|\\d',
  I: '1[0-2]|0[1-9]|[1-9]',
  j: '36[0-6]|3[0-5]\\d|[12]\\d\\d|0[1-9]\\d|00[1-9]|[1-9]\\d|0[1-9]|[1-9]',
  m: '1[0-2]|0[1-9]|[1-9]',
  M: '[0-5]\\d|\\d',
  p: 'am|pm',
  S: '6[01]|[0-5]\\d|\\d',
  u: '[1-7]',
  U: '5[0-3]|[0-4]\\d|\\d',
  V: '5[0-3]|0[1-9]|[1-4]\\d|\\d',
  w: '[0-6]',
  W: '5[0-3]|[0-4]\\d|\\d',
  y: '\\d\\d',
  Y: '\\d{4}',
  z: '[+-]\\d\\d:?[0-5]\\d(?::?[0-5]\\d(?:\\.\\d{1,6})?)?|(?-i:Z)',
  Z: 'utc|gmt',
}
const COMPOSED: Record<string, string> = { c: '%a %b %d %H:%M:%S %Y', x: '%m/%d/%y', X: '%H:%M:%S' }

const cache = new Map<string, Program>()

/** The expression that a format stands for: each directive a group, blanks any run of blanks. */
function program(format: string, rt: Pick<Runtime, 'charge'>): Program {
  const known = cache.get(format)
  if (known !== undefined) return known
  rt.charge(100 + 10 * format.length)
  const spread = format.replace(/%([cxX])/g, (_, letter: string) => COMPOSED[letter]!)
  let pattern = ''
  const seen = new Set<string>()
  for (let i = 0; i < spread.length; i++) {
    const ch = spread[i]!
    if (ch !== '%') {
      if (/\s/.test(ch)) {
        if (!pattern.endsWith('\\s+')) pattern += '\\s+'
      } else pattern += escapeText(ch)
      continue
    }
    const letter = spread[++i]
    if (letter === undefined) raise('ValueError', `stray % in format '${format}'`)
    if (letter === '%') {
      pattern += '%'
      continue
    }
    const known = PATTERNS[letter]
    if (known === undefined) raise('ValueError', `'${letter}' is a bad directive in format '${format}'`)
    if (seen.has(letter)) raise('ValueError', `directive '%${letter}' stands twice in format '${format}'`)
    seen.add(letter)
    pattern += `(?P<${letter}>${known})`
  }
  const made = guarded(() => compileRegex(pattern, IGNORECASE))
  if (cache.size >= 64) cache.delete(cache.keys().next().value!)
  cache.set(format, made)
  return made
}

/** Characters of a format, and of a text to be read by one. */
const MAX_FORMAT = 1000

export interface Parsed {
  year: number
  month: number
  day: number
  hour: number
  minute: number
  second: number
  microsecond: number
  zone: PyTimezone | null
}

/** Reads a text by a format as CPython's `_strptime` does in the C locale. ValueError when it does not fit. */
export function strptime(text: string, format: string, rt: Runtime): Parsed {
  if (format.length > MAX_FORMAT || text.length > MAX_FORMAT) raise('ValueError', 'time data or format is too long')
  const expression = program(format, rt)
  const found = guarded(() => match(expression, text, { charge: steps => rt.charge(steps) }))
  if (found === null) raise('ValueError', `time data ${rt.repr(text)} does not match format ${rt.repr(format)}`)
  if (found.end() !== found.endpos) raise('ValueError', `unconverted data remains: ${found.subject.slice(found.end(), found.endpos)}`)
  const get = (name: string) => found.named(name)
  const number = (name: string) => {
    const value = get(name)
    return value === undefined ? undefined : Number(decimal(value))
  }
  const index = (value: string | undefined, names: readonly string[]) =>
    value === undefined ? undefined : names.findIndex(name => name.toLowerCase() === value.toLowerCase())

  const shortYear = number('y')
  const year = number('Y') ?? (shortYear === undefined ? undefined : shortYear + (shortYear <= 68 ? 2000 : 1900))
  const named = index(get('b'), short(MONTH_NAMES)) ?? index(get('B'), MONTH_NAMES)
  let month = number('m') ?? (named === undefined ? undefined : named + 1)
  let day = number('d')
  const sunday = number('w')
  const weekday =
    index(get('a'), short(DAY_NAMES)) ??
    index(get('A'), DAY_NAMES) ??
    (sunday === undefined ? undefined : (sunday + 6) % 7) ??
    (get('u') === undefined ? undefined : number('u')! - 1)

  const isoYear = number('G')
  const isoWeek = number('V')
  const yearDay = number('j')
  if (isoYear !== undefined && yearDay !== undefined)
    raise('ValueError', "Day of the year directive '%j' is not compatible with ISO year directive '%G'. Use '%Y' instead.")
  if (isoYear !== undefined && (isoWeek === undefined || weekday === undefined))
    raise(
      'ValueError',
      "ISO year directive '%G' must be used with the ISO week directive '%V' and a weekday directive ('%A', '%a', '%w', or '%u').",
    )
  if (isoWeek !== undefined && isoYear === undefined) {
    const hint = year === undefined || weekday === undefined
    raise(
      'ValueError',
      hint
        ? "ISO week directive '%V' must be used with the ISO year directive '%G' and a weekday directive ('%A', '%a', '%w', or '%u')."
        : "ISO week directive '%V' is incompatible with the year directive '%Y'. Use the ISO year '%G' instead.",
    )
  }

  let full = year
  let ordinal: number | undefined
  if (isoYear !== undefined) {
    ordinal = fromIsoCalendar(isoYear, isoWeek!, weekday! + 1) ?? raise('ValueError', `Invalid week: ${isoWeek}`)
  } else if (yearDay !== undefined) {
    ordinal = toOrdinal(full ?? 1900, 1, 1) + yearDay - 1
  } else if (full !== undefined && weekday !== undefined && (get('U') ?? get('W')) !== undefined) {
    const monday = get('W') !== undefined
    ordinal = weekOrdinal(full, number(monday ? 'W' : 'U')!, weekday, monday)
  }
  if (ordinal !== undefined && (month === undefined || day === undefined)) {
    const date = fromOrdinal(ordinal)
    ;({ month, day } = date)
    full = date.year
  }
  // 29 February without a year is a day, in a leap year.
  if (full === undefined) full = month === 2 && day === 29 ? 1904 : 1900
  const result = { year: full, month: month ?? 1, day: day ?? 1, ...clockOf(number, get), zone: zoneOf(get('z')) }
  if (year === undefined && isoYear === undefined && result.year === 1904) result.year = 1900
  return result
}

/** Digits of any script as ASCII digits. */
const decimal = (text: string) =>
  Array.from(text.trim())
    .map(ch => (ch >= '0' && ch <= '9' ? ch : String(digitValue(ch.codePointAt(0)!))))
    .join('')

// Decimal digits stand in runs of ten, in order.
function digitValue(c: number) {
  let first = c
  while (/^\p{Nd}$/u.test(String.fromCodePoint(first - 1)) && c - first < 9) first -= 1
  return c - first
}

function weekOrdinal(year: number, week: number, weekday: number, monday: boolean) {
  const first = toOrdinal(year, 1, 1)
  const start = monday ? weekdayOf(first) : (weekdayOf(first) + 1) % 7
  const offset = monday ? weekday : (weekday + 1) % 7
  const beforeWeekOne = (7 - start) % 7
  return week === 0 ? first + offset - start : first + beforeWeekOne + 7 * (week - 1) + offset
}

function clockOf(number: (name: string) => number | undefined, get: (name: string) => string | undefined) {
  const afternoon = get('p')?.toLowerCase() === 'pm'
  const twelve = number('I')
  const hour = number('H') ?? (twelve === undefined ? 0 : (twelve % 12) + (afternoon ? 12 : 0))
  const fraction = get('f')
  return {
    hour,
    minute: number('M') ?? 0,
    second: number('S') ?? 0,
    microsecond: fraction === undefined ? 0 : Number(fraction.padEnd(6, '0')),
  }
}

function zoneOf(text: string | undefined): PyTimezone | null {
  if (text === undefined) return null
  if (text === 'Z') return UTC
  const colons = text.includes(':')
  if (colons && (text[3] !== ':' || (text.length > 6 && text[6] !== ':'))) raise('ValueError', `Inconsistent use of : in ${text}`)
  const [clock, fraction = ''] = text.slice(1).replaceAll(':', '').split('.')
  const seconds = Number(clock!.slice(0, 2)) * 3600 + Number(clock!.slice(2, 4)) * 60 + Number(clock!.slice(4, 6) || 0)
  const us = BigInt(seconds) * 1_000_000n + BigInt(fraction.padEnd(6, '0'))
  return us === 0n ? UTC : new PyTimezone(text[0] === '-' ? -us : us)
}
