/** The proleptic Gregorian calendar. Day numbers ("ordinals") count from 1 = 1 January of year 1, as in Python. */

export const MIN_YEAR = 1
export const MAX_YEAR = 9999
export const MAX_ORDINAL = 3_652_059

export const DAY_NAMES = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'] as const
export const MONTH_NAMES = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
] as const

const BEFORE_MONTH = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334]

export const isLeap = (year: number) => year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)

export const daysInMonth = (year: number, month: number) =>
  month === 2 ? (isLeap(year) ? 29 : 28) : [4, 6, 9, 11].includes(month) ? 30 : 31

const daysBeforeYear = (year: number) => {
  const y = year - 1
  return y * 365 + Math.floor(y / 4) - Math.floor(y / 100) + Math.floor(y / 400)
}

/** 1 for 1 January. */
export const dayOfYear = (year: number, month: number, day: number) => BEFORE_MONTH[month - 1]! + (month > 2 && isLeap(year) ? 1 : 0) + day

export const toOrdinal = (year: number, month: number, day: number) => daysBeforeYear(year) + dayOfYear(year, month, day)

export function fromOrdinal(ordinal: number): { year: number; month: number; day: number } {
  let year = Math.max(1, Math.floor((ordinal - 1) / 365.2425) + 1)
  while (daysBeforeYear(year) >= ordinal) year -= 1
  while (daysBeforeYear(year + 1) < ordinal) year += 1
  let rest = ordinal - daysBeforeYear(year)
  let month = 1
  for (let length = daysInMonth(year, month); rest > length; length = daysInMonth(year, month)) {
    rest -= length
    month += 1
  }
  return { year, month, day: rest }
}

/** 0 for Monday. */
export const weekdayOf = (ordinal: number) => (ordinal + 6) % 7

/** The ordinal of the Monday that begins week 1 of an ISO year. */
export function isoYearStart(year: number) {
  const first = toOrdinal(year, 1, 1)
  const weekday = weekdayOf(first)
  return first - weekday + (weekday > 3 ? 7 : 0)
}

/** ISO 8601 year, week and weekday (1 is Monday). */
export function isoCalendar(ordinal: number, year: number): [year: number, week: number, weekday: number] {
  const start = ordinal >= isoYearStart(year + 1) ? year + 1 : ordinal < isoYearStart(year) ? year - 1 : year
  return [start, Math.floor((ordinal - isoYearStart(start)) / 7) + 1, weekdayOf(ordinal) + 1]
}

/** The ordinal of an ISO year, week and weekday; undefined when there is no such day. */
export function fromIsoCalendar(year: number, week: number, weekday: number): number | undefined {
  if (week < 1 || weekday < 1 || weekday > 7) return undefined
  const weeks = Math.round((isoYearStart(year + 1) - isoYearStart(year)) / 7)
  return week > weeks ? undefined : isoYearStart(year) + (week - 1) * 7 + weekday - 1
}

export const pad = (value: number, width = 2) => String(value).padStart(width, '0')
