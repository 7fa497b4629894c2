// Milliseconds in one of each unit that a duration may name.
const UNITS = new Map<string, number>([
  ['microseconds', 0.001],
  ['milliseconds', 1],
  ['seconds', 1_000],
  ['minutes', 60_000],
  ['hours', 3_600_000],
  ['days', 86_400_000],
  ['weeks', 604_800_000],
])

// Keeps `now + duration` inside what a Date can hold (10^8 days from 1970 on either side).
const MAX_MS = 99_000_000 * 86_400_000

const NUMBER = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?$/i

/** The text is no duration; the message is safe to show as the error of a field. */
export class DurationError extends Error {
  constructor(text: string) {
    super(`${text} is not in the correct format of 'hours=3;minutes=1'.`)
    this.name = 'DurationError'
  }
}

/**
 * Reads a duration such as `hours=1;minutes=30` and returns milliseconds (a fraction when microseconds are named; may be negative).
 * Unknown keys are skipped, but one known key is needed; a key named twice counts once, the later one.
 * White space before a key makes it unknown, around a number it does not matter.
 * @throws DurationError for everything else, commas and a trailing semicolon included
 */
export function parseDuration(text: string): number {
  const known = read.get(text)
  if (known !== undefined) return known
  const ms = readDuration(text)
  if (read.size >= MOST_READ) read.clear()
  read.set(text, ms)
  return ms
}

// An installation's few are read with every request.
const read = new Map<string, number>()
const MOST_READ = 200

function readDuration(text: string): number {
  const parts = new Map<string, number>()
  for (const pair of text.split(';')) {
    const [key, number, ...rest] = pair.split('=')
    if (key === undefined || number === undefined || rest.length > 0) throw new DurationError(text)
    const unit = UNITS.get(key.toLowerCase())
    if (unit === undefined) continue
    const digits = number.trim()
    if (!NUMBER.test(digits)) throw new DurationError(text)
    parts.set(key.toLowerCase(), Number(digits) * unit)
  }
  if (parts.size === 0) throw new DurationError(text)
  const sum = parts.values().reduce((a, b) => a + b, 0)
  if (!(Math.abs(sum) <= MAX_MS)) throw new DurationError(text)
  return Math.round(sum * 1_000) / 1_000 // whole microseconds
}

/** Whether `parseDuration` would accept the text. */
export function isDuration(text: string): boolean {
  try {
    parseDuration(text)
    return true
  } catch {
    return false
  }
}

/** Writes milliseconds as the shortest text in whole units: 5_400_000 is `hours=1;minutes=30`, 0 is `seconds=0`. */
export function formatDuration(ms: number): string {
  const sign = ms < 0 ? '-' : ''
  let micros = Math.round(Math.abs(ms) * 1_000)
  const parts: string[] = []
  for (const unit of ['days', 'hours', 'minutes', 'seconds', 'milliseconds', 'microseconds']) {
    const size = Math.round((UNITS.get(unit) ?? 1) * 1_000)
    const count = Math.floor(micros / size)
    micros -= count * size
    if (count > 0) parts.push(`${unit}=${sign}${count}`)
  }
  return parts.length > 0 ? parts.join(';') : 'seconds=0'
}
