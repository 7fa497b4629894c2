import { isAbsolute, resolve } from 'node:path'
import { formatDuration, parseDuration } from '../lib/duration.ts'
import { formatAllowed, parseAllowed, type Allowed } from '../http/outgoing/addresses.ts'
import type { Cidr } from '../lib/ip.ts'
import { formatCidr, parseCidr, parseIp } from '../lib/ip.ts'

/** What a parser may lean on beside the text. */
export type ParseContext = { readonly cwd: string; readonly dataDir: string }

/** A value as `dump_config` prints it. */
export type Shown = string | number | boolean | null | readonly Shown[] | { readonly [key: string]: Shown }

/**
 * One setting: how its text becomes a value. `expected` completes the sentence "expected …".
 * `parse` returns undefined for a text that is no such value.
 */
export type Setting<T> = {
  readonly kind: 'setting'
  /** The text used when nothing is set; null stands for the value null. */
  readonly default: string | null
  readonly expected: string
  readonly parse: (text: string, context: ParseContext) => T | undefined
  readonly show: (value: T) => Shown
  /** Hidden in errors and listings. */
  readonly secret: boolean
  /** Taken as it stands: neither JSON nor `env://` and `file://` are looked for. */
  readonly raw: boolean
  /** Known for the sake of others' configuration, and nothing here reads it: why, or null where silence is best. */
  readonly idle?: string | null
  /** An empty text is a value of its own; otherwise it counts as not set, as compose files pass `${NAME:-}`. */
  readonly emptyIsValue: boolean
}

type Rest = Partial<Pick<Setting<never>, 'secret' | 'raw' | 'emptyIsValue'>>

const setting = <T>(
  text: string | null,
  expected: string,
  parse: (text: string, context: ParseContext) => T | undefined,
  show: (value: T) => Shown,
  rest: Rest = {},
): Setting<T> => ({ kind: 'setting', default: text, expected, parse, show, secret: false, raw: false, emptyIsValue: false, ...rest })

const plain = <T extends Shown>(value: T): Shown => value

/** Any text, the empty one included. */
export const text = (initial: string): Setting<string> => setting(initial, 'a text', t => t, plain, { emptyIsValue: true })

/** A text that hides itself; not set and empty are the same. */
export const secret = (initial: string, rest: Rest = {}): Setting<string> =>
  setting(initial, 'a text', t => t, plain, { secret: true, emptyIsValue: true, ...rest })

/** The same setting where it may be absent: the value is null unless it is set, or when it is set to `null`. */
export const optional = <T>(of: Setting<T>): Setting<T | null> => ({
  ...of,
  default: null,
  emptyIsValue: false,
  parse: (t, context) => (t === 'null' && !of.raw ? null : of.parse(t, context)),
  show: value => (value === null ? null : of.show(value)),
})

/** A setting that others know and nothing here reads. @param why completes "X has no effect: …"; null where silence is best */
export const idle = <T>(of: Setting<T>, why: string | null = null): Setting<T> => ({ ...of, idle: why })

/** One of a few words, in any case. */
export const oneOf = <const W extends string>(initial: W, words: readonly W[]): Setting<W> =>
  setting(initial, `one of ${words.join(', ')}`, t => words.find(word => word === t.trim().toLowerCase()), plain)

const TRUE = new Set(['true', '1', 'yes', 'on'])
const FALSE = new Set(['false', '0', 'no', 'off'])

/** true or false. */
export const flag = (initial: boolean): Setting<boolean> =>
  setting(
    String(initial),
    'true or false',
    t => {
      const word = t.trim().toLowerCase()
      return TRUE.has(word) ? true : FALSE.has(word) ? false : undefined
    },
    plain,
  )

/** A whole number. */
export const integer = (initial: number, { min = 0, max = Number.MAX_SAFE_INTEGER } = {}): Setting<number> =>
  setting(
    String(initial),
    max === Number.MAX_SAFE_INTEGER ? `a whole number from ${min}` : `a whole number from ${min} to ${max}`,
    t => {
      const value = /^[+-]?\d{1,16}$/.test(t.trim()) ? Number(t) : Number.NaN
      return value >= min && value <= max ? value : undefined
    },
    plain,
  )

/** A number, fractions allowed. */
export const decimal = (initial: number, { min = 0, max = Infinity } = {}): Setting<number> =>
  setting(
    String(initial),
    max === Infinity ? `a number from ${min}` : `a number from ${min} to ${max}`,
    t => {
      const value = /^[+-]?\d{1,16}(?:\.\d{1,16})?$/.test(t.trim()) ? Number(t) : Number.NaN
      return value >= min && value <= max ? value : undefined
    },
    plain,
  )

/** A span of time such as `hours=1;minutes=30`; the value is milliseconds. */
export const duration = (initial: string): Setting<number> =>
  setting(
    initial,
    "a duration such as 'hours=1;minutes=30'",
    t => {
      try {
        const ms = parseDuration(t.trim())
        return ms >= 0 ? ms : undefined
      } catch {
        return undefined
      }
    },
    formatDuration,
  )

const GO_UNITS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }

/** A time limit such as `5s` or `1m30s`; a bare number is seconds. The value is milliseconds, 0 means no limit. */
export const timeLimit = (initial: string): Setting<number> =>
  setting(
    initial,
    "a time such as '30s' or '1m30s'",
    t => {
      const trimmed = t.trim()
      if (/^\d{1,9}$/.test(trimmed)) return Number(trimmed) * 1_000
      if (!/^(?:\d{1,9}(?:\.\d{1,9})?(?:ms|s|m|h))+$/.test(trimmed)) return undefined
      return [...trimmed.matchAll(/([\d.]+)(ms|s|m|h)/g)].reduce((ms, [, n, unit = '']) => ms + Number(n) * (GO_UNITS[unit] ?? 0), 0)
    },
    ms => `${ms / 1_000}s`,
  )

/** Splits a list: a JSON array, or items between commas. */
export function items(t: string): string[] | undefined {
  if (t.trim().startsWith('[') && t.trim().endsWith(']')) {
    const list = fromJson(t)
    if (Array.isArray(list)) return list.every(item => typeof item === 'string') ? list : undefined
  }
  return t
    .split(',')
    .map(item => item.trim())
    .filter(item => item !== '')
}

/** The value of a JSON text, undefined when it is none. */
export function fromJson(t: string): unknown {
  try {
    return JSON.parse(t)
  } catch {
    return undefined
  }
}

const listOf = <T>(initial: string, expected: string, parse: (item: string) => T | undefined, show: (item: T) => Shown) =>
  setting<readonly T[]>(
    initial,
    expected,
    t => {
      const list = items(t)?.map(parse)
      return list?.every(item => item !== undefined) ? list : undefined
    },
    value => value.map(show),
    { emptyIsValue: true },
  )

/** Texts between commas, or a JSON list. */
export const texts = (initial: string): Setting<readonly string[]> => listOf(initial, 'a list of texts', item => item, plain)

/** Blocks of addresses. */
export const cidrs = (initial: string): Setting<readonly Cidr[]> =>
  listOf(initial, 'a list of address blocks such as 10.0.0.0/8,fe80::/10', parseCidr, formatCidr)

/** What requests to other servers may reach beside what is open to all: blocks and hosts. */
export const reachable = (initial: string): Setting<readonly Allowed[]> =>
  listOf(initial, 'a list of address blocks and hosts such as 127.0.0.1,hooks.internal,.example.org', parseAllowed, formatAllowed)

/** Where to listen. `host` is an address without brackets; `::` takes IPv4 too where the system allows it. */
export type Listener = { readonly host: string; readonly port: number }

/** Addresses to listen on: `[::]:9000`, `0.0.0.0:9000`, `:9000`, `9000`, several with commas; empty: none. */
export const listeners = (initial: string): Setting<readonly Listener[]> =>
  listOf(initial, 'a list of addresses such as 0.0.0.0:9000 or [::]:9000', parseListener, ({ host, port }) =>
    host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`,
  )

function parseListener(item: string): Listener | undefined {
  const [, bracketed, bare, digits = ''] = /^(?:(?:\[([^\]]*)\]|([^:[\]]*)):)?(\d{1,5})$/.exec(item) ?? []
  const host = bracketed ?? bare ?? ''
  const port = digits === '' ? Number.NaN : Number(digits)
  if (!(port <= 65_535)) return undefined
  if (host === '') return { host: '::', port }
  return host === 'localhost' || (parseIp(host) && host.includes(':') === (bracketed !== undefined)) ? { host, port } : undefined
}

/** A path of the file system; a relative one starts at the working directory. */
export const path = (initial: string): Setting<string> =>
  setting(initial, 'a path', (t, { cwd }) => (t.includes('\0') ? undefined : resolve(cwd, t)), plain)

/** A path of the file system; without a value it is the data directory. */
export const pathInDataDir = (): Setting<string> =>
  setting('', 'a path', (t, { cwd, dataDir }) => (t === '' ? dataDir : isAbsolute(t) ? t : resolve(cwd, t)), plain)

/** A path of URLs that begins and ends with a slash; missing slashes at the ends are added. */
export const urlPath = (initial: string): Setting<string> =>
  setting(
    initial,
    "a path such as '/' or '/auth/'",
    t => {
      const slashed = `/${t.trim()}/`.replace(/^\/+/, '/').replace(/\/+$/, '/')
      return /^\/(?:[\w.~-]+\/)*$/.test(slashed) && !/\/\.{1,2}\//.test(slashed) ? slashed : undefined
    },
    plain,
  )

/** An http(s) address without query or trailing slash. */
export const url = (initial: string): Setting<string> =>
  setting(
    initial,
    'a URL that begins with http:// or https://',
    t => {
      const parsed = URL.parse(t.trim())
      if (!parsed || !/^https?:$/.test(parsed.protocol) || parsed.search || parsed.hash || parsed.username || parsed.password)
        return undefined
      return parsed.href.replace(/\/+$/, '')
    },
    plain,
  )

/** A host name that cookies may name, with or without a leading dot. */
export const cookieDomain = (): Setting<string> =>
  setting(
    '',
    'a host name such as example.com',
    t => {
      const name = t.trim().toLowerCase()
      return name.length <= 254 && /^\.?(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(name)
        ? name
        : undefined
    },
    plain,
  )

/** How often something may happen. */
export type Rate = { readonly count: number; readonly periodSeconds: number }
const PERIODS: Record<string, number> = { s: 1, m: 60, h: 3_600, d: 86_400 }

/** A rate such as `20/hour`; the periods are second, minute, hour and day. */
export const rate = (initial: string): Setting<Rate> =>
  setting(
    initial,
    "a rate such as '20/hour'",
    t => {
      const [, count, period = ''] = /^(\d{1,9})\/(s|m|h|d|sec|second|min|minute|hour|day)$/i.exec(t.trim()) ?? []
      const periodSeconds = PERIODS[period.charAt(0).toLowerCase()]
      return count !== undefined && periodSeconds !== undefined ? { count: Number(count), periodSeconds } : undefined
    },
    ({ count, periodSeconds }) => `${count}/${{ 1: 'second', 60: 'minute', 3_600: 'hour', 86_400: 'day' }[periodSeconds]}`,
  )

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
/** Levels of the log, the most talkative first. */
export type LogLevel = (typeof LEVELS)[number]

/** A level of the log; `warning` and `critical` are known as well. */
export const logLevel = (initial: LogLevel): Setting<LogLevel> =>
  setting<LogLevel>(
    initial,
    `one of ${LEVELS.join(', ')}`,
    t => {
      const word = t.trim().toLowerCase()
      return word === 'warning' ? 'warn' : word === 'critical' ? 'fatal' : LEVELS.find(level => level === word)
    },
    plain,
  )
