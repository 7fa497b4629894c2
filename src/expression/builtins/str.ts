/** Methods of str. Offsets are code points. */
import { unwrap } from '../compare.ts'
import { decode, encode } from './codecs.ts'
import { raise } from '../errors.ts'
import { formatText } from './formatting.ts'
import { indexOf } from '../subscript.ts'
import { bind } from '../pending.ts'
import { dictGet } from '../keys.ts'
import type { EvaluationRuntime } from '../runtime.ts'
import { countText, indexOfText, lastIndexOfText, splitText } from '../search.ts'
import { strResult } from '../text.ts'
import { hasSurrogates, points, textLength, toPoints, toUnits } from '../unicode.ts'
import { PyBytes, PyDict, PyInstance, PyList, PyTuple, typeOf, types } from '../values.ts'
import type { Value, PyClass } from '../values.ts'
import { methods, staticMethod } from './define.ts'

type Rt = EvaluationRuntime
const { str } = types

const SPACE = /[\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/
const isSpace = (c: string) => (c > '\x7f' ? SPACE.test(c) : c === ' ' || (c >= '\t' && c <= '\r') || (c >= '\x1c' && c <= '\x1f'))

/** The text in an argument, which may be of a subclass of str. */
export function text(value: Value, what = 'argument'): string {
  const inner = unwrap(value)
  if (typeof inner !== 'string') raise('TypeError', `${what} must be str, not ${typeOf(value).name}`)
  return inner
}

/** A receiver of any str method, paid for as far as the engine's own code reads it: some 2 ns a character. */
const self = (value: Value, rt: Rt): string => {
  const inner = unwrap(value)
  if (typeof inner !== 'string') raise('TypeError', `descriptor requires a 'str' object but received a '${typeOf(value).name}'`)
  rt.charge(1 + (inner.length >> 6))
  return inner
}

/** Pays for a text that is made, before it is made. */
function make(length: number, rt: Rt): void {
  rt.alloc(32 + length)
  rt.charge(length >> 6)
}

const NOT_ASCII = /[^\x00-\x7f]/

/** A text of about the same length; other letters than a to z take some 15 ns each. */
const mapped =
  (fn: (s: string) => string) =>
  ([value]: Value[], rt: Rt) => {
    const s = self(value!, rt)
    make(s.length, rt)
    if (s.length > 1024 && NOT_ASCII.test(s)) rt.charge(s.length >> 3)
    return fn(s)
  }
/** For work that goes character by character in our own code; `shift` says how many steps: 2 to the power of `-shift` a character. */
const slow =
  <T extends Value>(fn: (s: string) => T, shift = 1) =>
  ([value]: Value[], rt: Rt): T => {
    const s = self(value!, rt)
    make(s.length, rt)
    rt.charge(s.length >> shift)
    return fn(s)
  }
const tests = (fn: (s: string) => boolean) => slow(fn, 3)

function stripper(left: boolean, right: boolean) {
  return ([value, chars]: Value[], rt: Rt): string => {
    const s = self(value!, rt)
    const set = chars === null ? null : new Set(points(text(chars!, 'strip arg')))
    if (set) rt.charge(set.size)
    const drop = set ? (c: string) => set.has(c) : isSpace
    // Paid by what goes, in parts: most texts keep nearly all.
    let walked = 0
    const pay = (size: number) => {
      // A pair of surrogates has to be cut out first.
      if ((walked += size === 2 ? 4 : 1) < 256) return
      rt.charge(walked >> 2)
      walked = 0
    }
    let from = 0
    let to = s.length
    if (left) {
      while (from < to) {
        const size = from + 1 < to && isPair(s, from) ? 2 : 1
        if (!drop(size === 2 ? s.slice(from, from + 2) : s[from]!)) break
        from += size
        pay(size)
      }
    }
    if (right) {
      while (to > from) {
        const size = to - 2 >= from && isPair(s, to - 2) ? 2 : 1
        if (!drop(size === 2 ? s.slice(to - 2, to) : s[to - 1]!)) break
        to -= size
        pay(size)
      }
    }
    return s.slice(from, to)
  }
}

/** Do two UTF-16 units make one character here? */
const isPair = (s: string, at: number): boolean => (s.charCodeAt(at) & 0xfc00) === 0xd800 && (s.charCodeAt(at + 1) & 0xfc00) === 0xdc00

/** Pays for looking for one text in another: at most some 10 ns for each character of both. */
function paySearch(s: string, part: string, rt: Rt): void {
  if (part.length > 1) rt.charge((s.length + part.length) >> 3)
}

/** Pays for counting characters: some 5 ns each where there are surrogates. */
export function payPoints(s: string, rt: Rt): void {
  rt.charge(s.length >> (s.length > 1024 && hasSurrogates(s) ? 3 : 6))
}

/** Start and end, in UTF-16 units, from code points as given. */
function range(s: string, start: Value, end: Value, rt: Rt): [number, number] {
  if (start !== null || end !== null) payPoints(s, rt)
  const length = start === null && end === null ? 0 : textLength(s)
  const at = (value: Value, fallback: number) => {
    if (value === null) return fallback
    const index = indexOf(value, rt) ?? raise('TypeError', 'slice indices must be integers or None or have an __index__ method')
    return toUnits(s, index < 0 ? Math.max(0, index + length) : index)
  }
  if (start !== null && (indexOf(start, rt) ?? 0) > length) return [s.length + 1, s.length]
  return [at(start, 0), at(end, s.length)]
}

function find(s: string, part: string, start: Value, end: Value, rt: Rt, last = false): number {
  const [from, to] = range(s, start, end, rt)
  if (from > to) return -1
  paySearch(s, part, rt)
  payPoints(s, rt)
  const at = last ? lastIndexOfText(s, part, to - part.length) : indexOfText(s, part, from)
  if (at < from || at + part.length > to || (last && to - part.length < 0)) return -1
  return toPoints(s, at)
}

function count(s: string, part: string, start: Value, end: Value, rt: Rt): number {
  const [from, to] = range(s, start, end, rt)
  if (from > to) return 0
  const within = s.slice(from, to)
  rt.charge(within.length >> 3)
  paySearch(within, part, rt)
  return part === '' ? textLength(within) + 1 : countText(within, part)
}

function affix(
  value: Value,
  affixes: Value,
  start: Value,
  end: Value,
  rt: Rt,
  test: (s: string, a: string) => boolean,
  name: string,
): boolean {
  const s = self(value, rt)
  const [from, to] = range(s, start, end, rt)
  if (from > to) return false
  const part = from === 0 && to === s.length ? s : s.slice(from, to)
  if (affixes instanceof PyTuple) {
    rt.charge(affixes.items.length + (part.length >> 6))
    return affixes.items.some(item => test(part, text(item, `tuple for ${name} must only contain str, `)))
  }
  const inner = unwrap(affixes)
  if (typeof inner !== 'string') raise('TypeError', `${name} first arg must be str or a tuple of str, not ${typeOf(affixes).name}`)
  return test(part, inner)
}

/** Pays for the parts before they are made; they share the characters of the whole. */
function payParts(count: number, rt: Rt): void {
  rt.charge(count)
  rt.alloc(count * 32)
}

function splitSpace(s: string, limit: number, fromRight: boolean, rt: Rt): string[] {
  const parts: string[] = []
  const add = (from: number, to: number) => {
    payParts(1, rt)
    parts.push(s.slice(from, to))
  }
  if (fromRight) {
    let end = s.length
    for (;;) {
      while (end > 0 && isSpace(s[end - 1]!)) end--
      if (end === 0) break
      if (parts.length === limit) {
        add(0, end)
        break
      }
      let start = end
      while (start > 0 && !isSpace(s[start - 1]!)) start--
      add(start, end)
      end = start
    }
    return parts.reverse()
  }
  let at = 0
  for (;;) {
    while (at < s.length && isSpace(s[at]!)) at++
    if (at === s.length) return parts
    if (parts.length === limit) {
      add(at, s.length)
      return parts
    }
    const start = at
    while (at < s.length && !isSpace(s[at]!)) at++
    add(start, at)
  }
}

function split(value: Value, separator: Value, limit: Value, fromRight: boolean, rt: Rt): PyList {
  const s = self(value, rt)
  const max = indexOf(limit, rt) ?? raise('TypeError', `'${typeOf(limit).name}' object cannot be interpreted as an integer`)
  const most = max < 0 ? Infinity : max
  if (separator === null) {
    rt.charge(s.length >> 3)
    // The rest keeps its trailing space only on the far side.
    return new PyList(splitSpace(s, most, fromRight, rt))
  }
  const by = text(separator, 'sep')
  if (by === '') raise('ValueError', 'empty separator')
  rt.charge(s.length >> 3)
  paySearch(s, by, rt)
  const found = countText(s, by)
  payParts(Math.min(found, most) + 1, rt)
  if (!fromRight || found <= most) return new PyList(splitText(s, by, most))
  // All but the last separators stay: cut after the first that goes.
  const parts = splitText(s, by)
  rt.charge(parts.length)
  const cut = parts.length - most
  const head = parts.slice(0, cut).reduce((size, part) => size + part.length + by.length, -by.length)
  return new PyList([s.slice(0, head), ...parts.slice(cut)])
}

/** Is there a character, and none that this pattern finds? */
const free = (pattern: RegExp) => tests(s => s !== '' && !pattern.test(s))

const isLineEnd = (unit: number) =>
  (unit >= 10 && unit <= 13) || (unit >= 0x1c && unit <= 0x1e) || unit === 0x85 || unit === 0x2028 || unit === 0x2029

/** Puts `part` before each of the first characters, and at the end where `times` goes beyond them. */
function spread(s: string, part: string, times: number): string {
  let out = ''
  let at = 0
  for (let i = 0; i < times && at < s.length; i++) {
    const size = at + 1 < s.length && isPair(s, at) ? 2 : 1
    out += part + s.slice(at, at + size)
    at += size
  }
  return out + s.slice(at) + (times > textLength(s) ? part : '')
}

const title = (s: string) => s.replace(/\p{L}[\p{L}\p{M}]*/gu, word => upperFirst(word))
const upperFirst = (word: string) => {
  const size = isPair(word, 0) ? 2 : 1
  return word.slice(0, size).toUpperCase() + word.slice(size).toLowerCase()
}
const isLower = (s: string) => /\p{Ll}/u.test(s) && !/[\p{Lu}\p{Lt}]/u.test(s)
const isUpper = (s: string) => /\p{Lu}/u.test(s) && !/[\p{Ll}\p{Lt}]/u.test(s)

function justify(align: (missing: number) => [number, number]) {
  return ([value, width, fill]: Value[], rt: Rt): string => {
    const s = self(value!, rt)
    payPoints(s, rt)
    const missing = (indexOf(width!, rt) ?? 0) - textLength(s)
    const by = text(fill!, 'The fill character')
    if (textLength(by) !== 1) raise('TypeError', 'The fill character must be exactly one character long')
    if (missing <= 0) return s
    make(s.length + missing * by.length, rt)
    const [left, right] = align(missing)
    return by.repeat(left) + s + by.repeat(right)
  }
}

const casefold = (s: string) =>
  s
    .toLowerCase()
    .replaceAll('ß', 'ss')
    .replaceAll('ς', 'σ')
    .replace(/[ﬀ-ﬆ]/g, c => c.normalize('NFKC'))

methods(str, {
  'upper()': mapped(s => s.toUpperCase()),
  'lower()': mapped(s => s.toLowerCase()),
  'casefold()': ([value], rt) => {
    const s = self(value, rt)
    make(s.length * 2, rt)
    if (!NOT_ASCII.test(s)) return s.toLowerCase()
    rt.charge(2 * s.length)
    return casefold(s)
  },
  'capitalize()': mapped(upperFirst),
  'title()': slow(title, 0),
  'swapcase()': ([value], rt) => {
    const s = self(value, rt)
    make(s.length, rt)
    rt.charge(3 * s.length)
    return Array.from(s, c => (c === c.toUpperCase() ? c.toLowerCase() : c.toUpperCase())).join('')
  },
  'strip(chars=None, /)': stripper(true, true),
  'lstrip(chars=None, /)': stripper(true, false),
  'rstrip(chars=None, /)': stripper(false, true),
  'split(sep=None, maxsplit=-1)': ([s, sep, max], rt) => split(s, sep, max, false, rt),
  'rsplit(sep=None, maxsplit=-1)': ([s, sep, max], rt) => split(s, sep, max, true, rt),
  'splitlines(keepends=False)': ([value, keep], rt) => {
    const s = self(value, rt)
    rt.charge(s.length >> 3)
    const parts: string[] = []
    let from = 0
    for (let at = 0; at < s.length; at++) {
      const unit = s.charCodeAt(at)
      if (!isLineEnd(unit)) continue
      const size = unit === 13 && s.charCodeAt(at + 1) === 10 ? 2 : 1
      payParts(1, rt)
      parts.push(s.slice(from, keep ? at + size : at))
      from = at + size
      at = from - 1
    }
    if (from < s.length) parts.push(s.slice(from))
    return new PyList(parts)
  },
  'partition(sep, /)': ([value, sep], rt) => {
    const s = self(value, rt)
    const by = text(sep)
    if (by === '') raise('ValueError', 'empty separator')
    paySearch(s, by, rt)
    const at = indexOfText(s, by)
    return new PyTuple(at < 0 ? [s, '', ''] : [s.slice(0, at), by, s.slice(at + by.length)])
  },
  'rpartition(sep, /)': ([value, sep], rt) => {
    const s = self(value, rt)
    const by = text(sep)
    if (by === '') raise('ValueError', 'empty separator')
    paySearch(s, by, rt)
    const at = lastIndexOfText(s, by)
    return new PyTuple(at < 0 ? ['', '', s] : [s.slice(0, at), by, s.slice(at + by.length)])
  },
  'replace(old, new, count=-1, /)': ([value, old, by, limit], rt) => {
    const s = self(value, rt)
    const [from, to] = [text(old, 'replace() argument 1'), text(by, 'replace() argument 2')]
    const max = indexOf(limit, rt)!
    if (from === '') {
      payPoints(s, rt)
      const times = Math.min(max < 0 ? Infinity : max, textLength(s) + 1)
      make(s.length + times * to.length, rt)
      rt.charge(2 * times)
      return spread(s, to, times)
    }
    rt.charge(s.length >> 3)
    paySearch(s, from, rt)
    const found = countText(s, from)
    const times = max < 0 ? found : Math.min(max, found)
    make(s.length + times * Math.max(0, to.length - from.length), rt)
    rt.charge(times)
    return splitText(s, from, times).join(to)
  },
  'join(iterable, /)': ([value, iterable], rt) => {
    const s = self(value, rt)
    return bind(rt.collect(iterable), (items: Value[]) => {
      let size = 0
      rt.charge(items.length >> 1)
      const parts = items.map((item, i) => {
        const part = unwrap(item)
        if (typeof part !== 'string') raise('TypeError', `sequence item ${i}: expected str instance, ${typeOf(item).name} found`)
        size += part.length + s.length
        return part
      })
      make(size, rt)
      return parts.join(s)
    })
  },
  'startswith(prefix, start=None, end=None, /)': ([s, prefix, start, end], rt) =>
    affix(s, prefix, start, end, rt, (a, b) => a.startsWith(b), 'startswith'),
  'endswith(suffix, start=None, end=None, /)': ([s, suffix, start, end], rt) =>
    affix(s, suffix, start, end, rt, (a, b) => a.endsWith(b), 'endswith'),
  'removeprefix(prefix, /)': ([value, prefix], rt) => {
    const s = self(value, rt)
    const part = text(prefix)
    return part && s.startsWith(part) ? s.slice(part.length) : s
  },
  'removesuffix(suffix, /)': ([value, suffix], rt) => {
    const s = self(value, rt)
    const part = text(suffix)
    return part && s.endsWith(part) ? s.slice(0, -part.length) : s
  },
  'find(sub, start=None, end=None, /)': ([s, part, start, end], rt) => find(self(s, rt), text(part), start, end, rt),
  'rfind(sub, start=None, end=None, /)': ([s, part, start, end], rt) => find(self(s, rt), text(part), start, end, rt, true),
  'index(sub, start=None, end=None, /)': ([s, part, start, end], rt) => {
    const at = find(self(s, rt), text(part), start, end, rt)
    return at < 0 ? raise('ValueError', 'substring not found') : at
  },
  'rindex(sub, start=None, end=None, /)': ([s, part, start, end], rt) => {
    const at = find(self(s, rt), text(part), start, end, rt, true)
    return at < 0 ? raise('ValueError', 'substring not found') : at
  },
  'count(sub, start=None, end=None, /)': ([s, part, start, end], rt) => count(self(s, rt), text(part), start, end, rt),
  "ljust(width, fillchar=' ', /)": justify(missing => [0, missing]),
  "rjust(width, fillchar=' ', /)": justify(missing => [missing, 0]),
  "center(width, fillchar=' ', /)": ([value, width, fill], rt) => {
    // CPython puts the odd one on the left when the width is odd.
    const odd = (indexOf(width, rt) ?? 0) & 1
    return justify(missing => {
      const left = (missing >> 1) + (missing & odd & 1)
      return [left, missing - left]
    })([value, width, fill], rt)
  },
  'zfill(width, /)': ([value, width], rt) => {
    const s = self(value, rt)
    payPoints(s, rt)
    const missing = (indexOf(width, rt) ?? 0) - textLength(s)
    if (missing <= 0) return s
    make(s.length + missing, rt)
    const sign = /^[+-]/.test(s) ? s[0]! : ''
    return sign + '0'.repeat(missing) + s.slice(sign.length)
  },
  'expandtabs(tabsize=8)': ([value, size], rt) => {
    const s = self(value, rt)
    const width = indexOf(size, rt) ?? 8
    let column = 0
    let out = ''
    rt.charge(s.length >> 1)
    rt.alloc(s.length)
    for (const c of s) {
      if (c === '\t') {
        const fill = width > 0 ? width - (column % width) : 0
        rt.alloc(fill)
        rt.charge(fill >> 6)
        out += ' '.repeat(fill)
        column += fill
      } else {
        out += c
        column = c === '\n' || c === '\r' ? 0 : column + 1
      }
    }
    return out
  },
  "encode(encoding='utf-8', errors='strict')": ([value, encoding, errors], rt) => {
    const s = self(value, rt)
    return new PyBytes(encode(s, text(encoding), text(errors), rt))
  },
  'format(*args, **kwargs)': ([value, args, kwargs], rt) => formatText(self(value, rt), args, kwargs, rt),
  'format_map(mapping, /)': ([value, mapping], rt) => formatText(self(value, rt), new PyTuple([]), mapping, rt),
  'translate(table, /)': ([value, table], rt) => {
    const s = self(value, rt)
    rt.charge(2 * s.length)
    rt.alloc(s.length)
    let out = ''
    for (const c of s) {
      const found = table instanceof PyDict ? dictGet(table, c.codePointAt(0)!, rt) : undefined
      const piece = found === undefined ? c : found === null ? '' : typeof found === 'number' ? String.fromCodePoint(found) : text(found)
      // A table can make much of little.
      if (piece.length > 1) make(piece.length, rt)
      out += piece
    }
    if (out.length > s.length) rt.alloc(out.length)
    return out
  },
  'isdigit()': free(/[^\p{Nd}\u00b2\u00b3\u00b9\u2070\u2074-\u2079\u2080-\u2089]/u),
  'isdecimal()': free(/[^\p{Nd}]/u),
  'isnumeric()': free(/[^\p{N}]/u),
  'isalpha()': free(/[^\p{L}]/u),
  'isalnum()': free(/[^\p{L}\p{N}]/u),
  'isspace()': tests(s => {
    for (let i = 0; i < s.length; i++) if (!isSpace(s[i]!)) return false
    return s !== ''
  }),
  'islower()': tests(isLower),
  'isupper()': tests(isUpper),
  'istitle()': slow(s => /\p{L}/u.test(s) && s === title(s), 0),
  'isascii()': tests(s => !NOT_ASCII.test(s)),
  'isidentifier()': tests(s => /^[\p{L}\p{Nl}_][\p{L}\p{Nl}\p{Nd}\p{Mn}\p{Mc}\p{Pc}_]*$/u.test(s)),
  'isprintable()': tests(s => !/[\p{C}\u2028\u2029]/u.test(s) && !/[\p{Zs}]/u.test(s.replaceAll(' ', ''))),
})

staticMethod(str, 'maketrans', ([from, to, drop], _, rt) => {
  const table = new PyDict()
  const set = (key: Value, value: Value) => {
    rt.charge(2)
    rt.alloc(64)
    const code = typeof key === 'string' ? key.codePointAt(0)! : key
    table.entries.set(rt.keyOf(code), { key: code, value })
  }
  if (from instanceof PyDict) {
    for (const entry of from.entries.values()) set(entry.key, entry.value)
    return table
  }
  for (const given of [from!, to ?? '', drop ?? '']) rt.charge(2 * text(given).length)
  const [a, b] = [points(text(from!)), points(text(to ?? ''))]
  if (a.length !== b.length) raise('ValueError', 'the first two maketrans arguments must have equal length')
  a.forEach((c, i) => set(c, b[i]!.codePointAt(0)!))
  for (const c of points(text(drop ?? ''))) set(c, null)
  return table
})

str.construct = (cls: PyClass, args: Value[], kwargs, rt: Rt) => {
  const value = args[0] ?? kwargs?.get('object') ?? (args.length ? null : '')
  const encoding = args[1] ?? kwargs?.get('encoding')
  const result =
    value instanceof PyBytes && (encoding !== undefined || kwargs?.has('errors'))
      ? decode(value.data, text(encoding ?? 'utf-8'), text(args[2] ?? kwargs?.get('errors') ?? 'strict'), rt)
      : strResult(value, rt)
  return cls === str ? result : bind(result, (s: Value) => subclassed(cls, s))
}

/** An object of a subclass of an immutable built-in type. */
export function subclassed(cls: PyClass, payload: Value): PyInstance {
  const object = new PyInstance(cls)
  object.payload = payload
  return object
}
