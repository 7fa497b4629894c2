/** Methods of str. Offsets are code points. */
import { unwrap } from '../compare.ts'
import { decode, encode } from './codecs.ts'
import { raise } from '../errors.ts'
import { formatText } from './formatting.ts'
import { indexOf } from '../subscript.ts'
import { bind } from '../pending.ts'
import { dictGet } from '../keys.ts'
import type { EvaluationRuntime } from '../runtime.ts'
import { strResult } from '../text.ts'
import { hasSurrogates, points, textLength, toPoints, toUnits } from '../unicode.ts'
import { PyBytes, PyDict, PyInstance, PyList, PyTuple, typeOf, types } from '../values.ts'
import type { Value, PyClass } from '../values.ts'
import { methods, staticMethod } from './define.ts'

type Rt = EvaluationRuntime
const { str } = types

const SPACE = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/
const isSpace = (c: string) => SPACE.test(c)

/** The text in an argument, which may be of a subclass of str. */
export function text(value: Value, what = 'argument'): string {
  const inner = unwrap(value)
  if (typeof inner !== 'string') raise('TypeError', `${what} must be str, not ${typeOf(value).name}`)
  return inner
}

function pay(value: string, rt: Rt): void {
  rt.charge(1 + (value.length >> 6))
  rt.alloc(32 + value.length)
}

/** A receiver of any str method. */
const self = (value: Value, rt: Rt): string => {
  const inner = unwrap(value)
  if (typeof inner !== 'string') raise('TypeError', `descriptor requires a 'str' object but received a '${typeOf(value).name}'`)
  pay(inner, rt)
  return inner
}

const mapped =
  (fn: (s: string) => string) =>
  ([value]: Value[], rt: Rt) =>
    fn(self(value!, rt))
const tests = (fn: (s: string) => boolean) => slow(fn)
/** For work that goes character by character in our own code. */
const slow =
  <T extends Value>(fn: (s: string) => T) =>
  ([value]: Value[], rt: Rt): T => {
    const s = self(value!, rt)
    rt.charge(s.length >> 2)
    return fn(s)
  }

function stripper(left: boolean, right: boolean) {
  return ([value, chars]: Value[], rt: Rt): string => {
    const s = self(value!, rt)
    rt.charge(s.length > 1024 ? s.length >> 3 : 0)
    const drop =
      chars === null
        ? isSpace
        : (
            set => (c: string) =>
              set.has(c)
          )(new Set(points(text(chars!, 'strip arg'))))
    const all = hasSurrogates(s) ? points(s) : s
    let from = 0
    let to = all.length
    if (left) while (from < to && drop(all[from]!)) from++
    if (right) while (to > from && drop(all[to - 1]!)) to--
    return typeof all === 'string' ? all.slice(from, to) : all.slice(from, to).join('')
  }
}

/** Start and end, in UTF-16 units, from code points as given. */
function range(s: string, start: Value, end: Value, rt: Rt): [number, number] {
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
  const at = last ? s.lastIndexOf(part, to - part.length) : s.indexOf(part, from)
  if (at < from || at + part.length > to || (last && to - part.length < 0)) return -1
  return toPoints(s, at)
}

function count(s: string, part: string, start: Value, end: Value, rt: Rt): number {
  const [from, to] = range(s, start, end, rt)
  if (from > to) return 0
  const within = s.slice(from, to)
  rt.charge(within.length >> 4)
  return part === '' ? textLength(within) + 1 : within.split(part).length - 1
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
    rt.charge(affixes.items.length)
    return affixes.items.some(item => test(part, text(item, `tuple for ${name} must only contain str, `)))
  }
  const inner = unwrap(affixes)
  if (typeof inner !== 'string') raise('TypeError', `${name} first arg must be str or a tuple of str, not ${typeOf(affixes).name}`)
  return test(part, inner)
}

function list(parts: string[], rt: Rt): PyList {
  rt.charge(parts.length >> 2)
  rt.alloc(parts.length * 32)
  return new PyList(parts)
}

function splitSpace(s: string, limit: number, fromRight: boolean): string[] {
  const parts: string[] = []
  if (fromRight) {
    let end = s.length
    for (;;) {
      while (end > 0 && isSpace(s[end - 1]!)) end--
      if (end === 0) break
      if (parts.length === limit) {
        parts.push(s.slice(0, end))
        break
      }
      let start = end
      while (start > 0 && !isSpace(s[start - 1]!)) start--
      parts.push(s.slice(start, end))
      end = start
    }
    return parts.reverse()
  }
  let at = 0
  for (;;) {
    while (at < s.length && isSpace(s[at]!)) at++
    if (at === s.length) return parts
    if (parts.length === limit) {
      parts.push(s.slice(at))
      return parts
    }
    const start = at
    while (at < s.length && !isSpace(s[at]!)) at++
    parts.push(s.slice(start, at))
  }
}

function split(value: Value, separator: Value, limit: Value, fromRight: boolean, rt: Rt): PyList {
  const s = self(value, rt)
  const max = indexOf(limit, rt) ?? raise('TypeError', `'${typeOf(limit).name}' object cannot be interpreted as an integer`)
  const most = max < 0 ? Infinity : max
  rt.charge(s.length >> 4)
  if (separator === null) {
    const parts = splitSpace(s, most, fromRight)
    // The rest keeps its trailing space only on the far side.
    return list(parts, rt)
  }
  const by = text(separator, 'sep')
  if (by === '') raise('ValueError', 'empty separator')
  const parts = s.split(by)
  if (parts.length - 1 <= most) return list(parts, rt)
  if (fromRight) {
    const cut = parts.length - most
    return list([parts.slice(0, cut).join(by), ...parts.slice(cut)], rt)
  }
  return list([...parts.slice(0, most), parts.slice(most).join(by)], rt)
}

/** Does a pattern hold for every character (and is there one)? */
const every = (pattern: RegExp) => tests(s => s !== '' && !Array.from(s).some(c => !pattern.test(c)))

const title = (s: string) => s.replace(/\p{L}[\p{L}\p{M}]*/gu, word => upperFirst(word))
const upperFirst = (word: string) => {
  const [first = '', ...rest] = points(word)
  return first.toUpperCase() + rest.join('').toLowerCase()
}
const isLower = (s: string) => /\p{Ll}/u.test(s) && !/[\p{Lu}\p{Lt}]/u.test(s)
const isUpper = (s: string) => /\p{Lu}/u.test(s) && !/[\p{Ll}\p{Lt}]/u.test(s)

function justify(align: (missing: number) => [number, number]) {
  return ([value, width, fill]: Value[], rt: Rt): string => {
    const s = self(value!, rt)
    const missing = (indexOf(width!, rt) ?? 0) - textLength(s)
    const by = text(fill!, 'The fill character')
    if (textLength(by) !== 1) raise('TypeError', 'The fill character must be exactly one character long')
    if (missing <= 0) return s
    rt.alloc(missing)
    rt.charge(missing >> 6)
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
  'casefold()': slow(casefold),
  'capitalize()': slow(upperFirst),
  'title()': slow(title),
  'swapcase()': slow(s => Array.from(s, c => (c === c.toUpperCase() ? c.toLowerCase() : c.toUpperCase())).join('')),
  'strip(chars=None, /)': stripper(true, true),
  'lstrip(chars=None, /)': stripper(true, false),
  'rstrip(chars=None, /)': stripper(false, true),
  'split(sep=None, maxsplit=-1)': ([s, sep, max], rt) => split(s, sep, max, false, rt),
  'rsplit(sep=None, maxsplit=-1)': ([s, sep, max], rt) => split(s, sep, max, true, rt),
  'splitlines(keepends=False)': ([value, keep], rt) => {
    const s = self(value, rt)
    rt.charge(s.length >> 4)
    const parts =
      s.match(
        /[^\n\r\v\f\x1c-\x1e\x85\u2028\u2029]*(?:\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029])|[^\n\r\v\f\x1c-\x1e\x85\u2028\u2029]+$/g,
      ) ?? []
    return list(keep ? parts : parts.map(part => part.replace(/(?:\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029])$/, '')), rt)
  },
  'partition(sep, /)': ([value, sep], rt) => {
    const s = self(value, rt)
    const by = text(sep)
    if (by === '') raise('ValueError', 'empty separator')
    const at = s.indexOf(by)
    return new PyTuple(at < 0 ? [s, '', ''] : [s.slice(0, at), by, s.slice(at + by.length)])
  },
  'rpartition(sep, /)': ([value, sep], rt) => {
    const s = self(value, rt)
    const by = text(sep)
    if (by === '') raise('ValueError', 'empty separator')
    const at = s.lastIndexOf(by)
    return new PyTuple(at < 0 ? ['', '', s] : [s.slice(0, at), by, s.slice(at + by.length)])
  },
  'replace(old, new, count=-1, /)': ([value, old, by, limit], rt) => {
    const s = self(value, rt)
    const [from, to] = [text(old, 'replace() argument 1'), text(by, 'replace() argument 2')]
    const max = indexOf(limit, rt)!
    rt.charge(s.length >> 4)
    const parts = from === '' ? ['', ...points(s), ''] : s.split(from)
    const times = max < 0 ? parts.length - 1 : Math.min(max, parts.length - 1)
    rt.alloc(s.length + times * to.length + parts.length * 16)
    rt.charge(parts.length >> 3)
    if (from === '') {
      let out = ''
      parts.forEach((part, i) => {
        out += part
        if (i < times && i < parts.length - 1) out += to
      })
      return out
    }
    if (times === parts.length - 1) return parts.join(to)
    return [parts.slice(0, times).join(to), ...(times ? [to] : []), parts.slice(times).join(from)].join('')
  },
  'join(iterable, /)': ([value, iterable], rt) => {
    const s = self(value, rt)
    return bind(rt.collect(iterable), (items: Value[]) => {
      let size = 0
      const parts = items.map((item, i) => {
        const part = unwrap(item)
        if (typeof part !== 'string') raise('TypeError', `sequence item ${i}: expected str instance, ${typeOf(item).name} found`)
        size += part.length + s.length
        return part
      })
      rt.charge(1 + (items.length >> 2) + (size >> 6))
      rt.alloc(size)
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
    const missing = (indexOf(width, rt) ?? 0) - textLength(s)
    if (missing <= 0) return s
    rt.alloc(missing)
    const sign = /^[+-]/.test(s) ? s[0]! : ''
    return sign + '0'.repeat(missing) + s.slice(sign.length)
  },
  'expandtabs(tabsize=8)': ([value, size], rt) => {
    const s = self(value, rt)
    const width = indexOf(size, rt) ?? 8
    let column = 0
    let out = ''
    rt.charge(s.length >> 2)
    for (const c of s) {
      if (c === '\t') {
        const fill = width > 0 ? width - (column % width) : 0
        rt.alloc(fill)
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
    if (!/^utf-?8$/i.test(encoding)) rt.charge(s.length >> 2)
    return new PyBytes(encode(s, text(encoding), text(errors)))
  },
  'format(*args, **kwargs)': ([value, args, kwargs], rt) => formatText(self(value, rt), args, kwargs, rt),
  'format_map(mapping, /)': ([value, mapping], rt) => formatText(self(value, rt), new PyTuple([]), mapping, rt),
  'translate(table, /)': ([value, table], rt) => {
    const s = self(value, rt)
    rt.charge(s.length >> 1)
    const out = points(s)
      .map(c => {
        const found = table instanceof PyDict ? dictGet(table, c.codePointAt(0)!, rt) : undefined
        if (found === undefined) return c
        return found === null ? '' : typeof found === 'number' ? String.fromCodePoint(found) : text(found)
      })
      .join('')
    rt.alloc(out.length)
    return out
  },
  'isdigit()': every(/[\p{Nd}\u00b2\u00b3\u00b9\u2070\u2074-\u2079\u2080-\u2089]/u),
  'isdecimal()': every(/\p{Nd}/u),
  'isnumeric()': every(/\p{N}/u),
  'isalpha()': every(/\p{L}/u),
  'isalnum()': every(/[\p{L}\p{N}]/u),
  'isspace()': tests(s => s !== '' && !Array.from(s).some(c => !isSpace(c))),
  'islower()': tests(isLower),
  'isupper()': tests(isUpper),
  'istitle()': tests(s => /\p{L}/u.test(s) && s === title(s)),
  'isascii()': tests(s => !/[^\x00-\x7f]/.test(s)),
  'isidentifier()': tests(s => /^[\p{L}\p{Nl}_][\p{L}\p{Nl}\p{Nd}\p{Mn}\p{Mc}\p{Pc}_]*$/u.test(s)),
  'isprintable()': tests(s => !/[\p{C}\u2028\u2029]/u.test(s) && !/[\p{Zs}]/u.test(s.replaceAll(' ', ''))),
})

staticMethod(str, 'maketrans', ([from, to, drop], _, rt) => {
  const table = new PyDict()
  const set = (key: Value, value: Value) => {
    const code = typeof key === 'string' ? key.codePointAt(0)! : key
    table.entries.set(rt.keyOf(code), { key: code, value })
  }
  if (from instanceof PyDict) {
    for (const entry of from.entries.values()) set(entry.key, entry.value)
    return table
  }
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
      ? decode(value.data, text(encoding ?? 'utf-8'), text(args[2] ?? kwargs?.get('errors') ?? 'strict'))
      : strResult(value, rt)
  return cls === str ? result : bind(result, (s: Value) => subclassed(cls, s))
}

/** An object of a subclass of an immutable built-in type. */
export function subclassed(cls: PyClass, payload: Value): PyInstance {
  const object = new PyInstance(cls)
  object.payload = payload
  return object
}
