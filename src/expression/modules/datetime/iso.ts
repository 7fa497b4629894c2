/** Reading ISO 8601 texts as `fromisoformat` of Python 3.11 does. Every function answers undefined for what it does not take. */
import { fromIsoCalendar, fromOrdinal } from './calendar.ts'

/** Characters of a date with a time; digits of fractions beyond the sixth are ignored, but not without end. */
const MOST = 200

const digits = (text: string, at: number, count: number): number | undefined => {
  const part = text.slice(at, at + count)
  return part.length === count && /^[0-9]+$/.test(part) ? Number(part) : undefined
}

/** A date at the beginning of a text: `2024-02-29`, `20240229`, `2024-W09-4`, `2024W094`, the weekday being optional. */
export function parseIsoDate(text: string): { year: number; month: number; day: number; length: number } | undefined {
  const year = digits(text, 0, 4)
  if (year === undefined || text.length > MOST) return undefined
  const dash = text[4] === '-' ? 1 : 0
  let at = 4 + dash
  if (text[at] === 'W') {
    const week = digits(text, at + 1, 2)
    if (week === undefined) return undefined
    at += 3
    let weekday = 1
    if (at < text.length) {
      if ((text[at] === '-' ? 1 : 0) !== dash) return undefined
      const day = digits(text, at + dash, 1)
      if (day === undefined) return undefined
      weekday = day
      at += dash + 1
    }
    const ordinal = year < 1 ? undefined : fromIsoCalendar(year, week, weekday)
    return ordinal === undefined ? undefined : { ...fromOrdinal(ordinal), length: at }
  }
  const month = digits(text, at, 2)
  if (month === undefined || (text[at + 2] === '-' ? 1 : 0) !== dash) return undefined
  const day = digits(text, at + 2 + dash, 2)
  return day === undefined ? undefined : { year, month, day, length: at + 4 + dash }
}

/** Where the character between date and time stands; undefined where no date can end. */
export function separatorAt(text: string): number | undefined {
  if (text.length > MOST) return undefined
  if (text.length === 7) return 7
  if (text[4] === '-') {
    if (text[5] !== 'W') return 10
    if (text.length < 8) return undefined
    if (text.length > 8 && text[8] === '-') {
      if (text.length === 9) return undefined
      return text.length > 10 && digits(text, 10, 1) !== undefined ? 8 : 10
    }
    return 8
  }
  if (text[4] !== 'W') return 8
  let at = 7
  while (at < text.length && digits(text, at, 1) !== undefined) at += 1
  return at < 9 ? at : at % 2 === 0 ? 7 : 8
}

export interface IsoClock {
  hour: number
  minute: number
  second: number
  microsecond: number
}

function parseClock(text: string): IsoClock | undefined {
  const colon = text[2] === ':'
  const fields = [0, 0, 0]
  let at = 0
  for (let i = 0; i < 3; i++) {
    const value = digits(text, at, 2)
    if (value === undefined) return undefined
    fields[i] = value
    at += 2
    if (at === text.length) break
    if (i === 2) {
      if (text[at] !== '.' && text[at] !== ',') return undefined
      const fraction = text.slice(at + 1)
      if (!/^[0-9]+$/.test(fraction)) return undefined
      return { hour: fields[0]!, minute: fields[1]!, second: value, microsecond: Number(fraction.slice(0, 6).padEnd(6, '0')) }
    }
    if (colon) {
      if (text[at] !== ':') return undefined
      at += 1
    }
  }
  return at === text.length ? { hour: fields[0]!, minute: fields[1]!, second: fields[2]!, microsecond: 0 } : undefined
}

/** A time with, perhaps, an offset from UTC in microseconds (null without one). */
export function parseIsoTime(text: string): (IsoClock & { offset: bigint | null }) | undefined {
  if (text.length > MOST) return undefined
  const at = text.search(/[-+Z]/)
  const clock = parseClock(at < 0 ? text : text.slice(0, at))
  if (clock === undefined) return undefined
  if (at < 0) return { ...clock, offset: null }
  if (text[at] === 'Z') return at === text.length - 1 ? { ...clock, offset: 0n } : undefined
  const o = parseClock(text.slice(at + 1))
  if (o === undefined) return undefined
  const offset = BigInt(o.hour * 3600 + o.minute * 60 + o.second) * 1_000_000n + BigInt(o.microsecond)
  return { ...clock, offset: text[at] === '-' ? -offset : offset }
}
