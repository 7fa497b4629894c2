/** `json`: texts byte for byte as CPython writes them. */
import { decode } from '../builtins/codecs.ts'
import { unwrap } from '../compare.ts'
import { exceptionClass, raise } from '../errors.ts'
import { dictSet } from '../keys.ts'
import { defineModule, native } from '../module.ts'
import { floatRepr, intText } from '../numbers.ts'
import { toPoints } from '../unicode.ts'
import { PyBytes, PyDict, PyFloat, PyInstance, PyList, PyTuple, isInt, normalizeInt, typeOf } from '../values.ts'
import type { Value } from '../values.ts'
import type { EvaluationRuntime } from '../runtime.ts'

const decodeError = exceptionClass('JSONDecodeError', 'ValueError', 'json.decoder')

const MAX_DEPTH = 200
const NUMBER = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?/y

const WORDS: [string, Value][] = [
  ['null', null],
  ['true', true],
  ['false', false],
  ['NaN', new PyFloat(NaN)],
  ['Infinity', new PyFloat(Infinity)],
  ['-Infinity', new PyFloat(-Infinity)],
]

/** A parser of our own: keeps int and float apart, keeps big ints, and pays as it goes. */
class Reader {
  private readonly text: string
  private readonly rt: EvaluationRuntime
  private at = 0
  constructor(text: string, rt: EvaluationRuntime) {
    this.text = text
    this.rt = rt
  }

  fail(message: string, at = this.at): never {
    this.rt.charge(at >> 3)
    const before = this.text.slice(0, at)
    let line = 1
    for (let i = before.indexOf('\n'); i >= 0; i = before.indexOf('\n', i + 1)) line++
    const column = at - before.lastIndexOf('\n')
    raise(decodeError, `${message}: line ${line} column ${column} (char ${toPoints(this.text, at)})`)
  }

  document(): Value {
    this.space()
    const value = this.value(0)
    this.space()
    if (this.at < this.text.length) this.fail('Extra data')
    return value
  }

  private space(): void {
    const from = this.at
    for (let unit = this.text.charCodeAt(this.at); unit === 32 || unit === 10 || unit === 13 || unit === 9;)
      unit = this.text.charCodeAt(++this.at)
    if (this.at - from > 8) this.rt.charge((this.at - from) >> 3)
  }

  private value(depth: number): Value {
    if (depth > MAX_DEPTH) raise('RecursionError', 'maximum recursion depth exceeded while decoding a JSON object')
    this.rt.charge(2)
    this.rt.alloc(16)
    const c = this.text[this.at]
    if (c === '"') return this.string()
    if (c === '{') return this.object(depth)
    if (c === '[') return this.array(depth)
    for (const [word, value] of WORDS) {
      if (this.text.startsWith(word, this.at)) {
        this.at += word.length
        return value
      }
    }
    NUMBER.lastIndex = this.at
    const m = NUMBER.exec(this.text)
    if (!m) this.fail('Expecting value')
    this.at += m[0].length
    this.rt.charge(m[0].length >> 3)
    if (m[1] !== undefined || m[2] !== undefined) return new PyFloat(Number(m[0]))
    if (m[0].length > 4300) raise('ValueError', 'Exceeds the limit (4300 digits) for integer string conversion')
    return m[0].length < 16 ? Number(m[0]) + 0 : normalizeInt(BigInt(m[0]))
  }

  private string(): string {
    const start = this.at++
    let out = ''
    for (;;) {
      const from = this.at
      for (; this.at < this.text.length; this.at++) {
        const unit = this.text.charCodeAt(this.at)
        if (unit === 34 || unit === 92 || unit < 32) break
      }
      this.rt.charge(1 + ((this.at - from) >> 4))
      out += this.text.slice(from, this.at)
      const c = this.text[this.at]
      if (c === undefined) this.fail('Unterminated string starting at', start)
      if (c === '"') break
      if (c !== '\\') this.fail('Invalid control character at')
      const e = this.text[this.at + 1]
      if (e === 'u') {
        const digits = this.text.slice(this.at + 2, this.at + 6)
        if (!/^[0-9a-fA-F]{4}$/.test(digits)) this.fail('Invalid \\uXXXX escape', this.at + 1)
        out += String.fromCharCode(parseInt(digits, 16))
        this.at += 6
      } else {
        const plain =
          e === undefined
            ? undefined
            : ({ '"': '"', '\\': '\\', '/': '/', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' } as Record<string, string | undefined>)[e]
        if (plain === undefined) this.fail('Invalid \\escape', this.at)
        out += plain
        this.at += 2
      }
    }
    this.at++
    this.rt.alloc(this.at - start)
    return out
  }

  private object(depth: number): Value {
    const dict = new PyDict()
    this.at++
    this.space()
    if (this.text[this.at] === '}') {
      this.at++
      return dict
    }
    for (;;) {
      if (this.text[this.at] !== '"') this.fail('Expecting property name enclosed in double quotes')
      const key = this.string()
      this.space()
      if (this.text[this.at] !== ':') this.fail("Expecting ':' delimiter")
      this.at++
      this.space()
      dictSet(dict, key, this.value(depth + 1), this.rt)
      this.space()
      const c = this.text[this.at]
      this.at++
      if (c === '}') return dict
      if (c !== ',') this.fail("Expecting ',' delimiter", this.at - 1)
      this.space()
    }
  }

  private array(depth: number): Value {
    const items: Value[] = []
    this.at++
    this.space()
    if (this.text[this.at] === ']') {
      this.at++
      return new PyList(items)
    }
    for (;;) {
      items.push(this.value(depth + 1))
      this.space()
      const c = this.text[this.at]
      this.at++
      if (c === ']') return new PyList(items)
      if (c !== ',') this.fail("Expecting ',' delimiter", this.at - 1)
      this.space()
    }
  }
}

interface Options {
  ascii: boolean
  sortKeys: boolean
  indent: string | null
  comma: string
  colon: string
  fallback: Value
}

function quote(text: string, ascii: boolean, rt: EvaluationRuntime): string {
  rt.charge(1 + (text.length >> 5))
  rt.alloc(text.length + 2)
  if (/[^ -~]/.test(text)) {
    rt.charge(3 * text.length)
    rt.alloc(5 * text.length)
  }
  const quoted = JSON.stringify(text).replace(/\\u([0-9a-f]{4})/g, (_, digits: string) => `\\u${digits}`)
  return ascii ? quoted.replace(/[\x7f-\uffff]/g, c => (c === '\x7f' ? c : `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)) : quoted
}

function write(given: Value, options: Options, rt: EvaluationRuntime, depth: number, newline: string): string {
  if (depth > MAX_DEPTH) raise('RecursionError', 'maximum recursion depth exceeded while encoding a JSON object')
  rt.charge(2)
  const value = given instanceof PyInstance && given.payload !== undefined ? unwrap(given) : given
  if (value === null) return 'null'
  if (typeof value === 'string') {
    return quote(value, options.ascii, rt)
  }
  if (typeof value === 'boolean') return value ? 'true' : 'false'
  if (isInt(value)) return intText(value, rt)
  if (value instanceof PyFloat)
    return Number.isNaN(value.value)
      ? 'NaN'
      : Number.isFinite(value.value)
        ? floatRepr(value.value)
        : value.value > 0
          ? 'Infinity'
          : '-Infinity'
  const inner = options.indent === null ? '' : newline + options.indent
  const wrap = (open: string, parts: string[], close: string) => {
    if (!parts.length) return open + close
    const between = options.indent === null ? options.comma.length : options.comma.length + inner.length
    const size = parts.reduce((sum, part) => sum + part.length + between, 2 + inner.length + newline.length)
    rt.charge(size >> 6)
    rt.alloc(size)
    const body = parts.join(options.indent === null ? options.comma : options.comma + inner)
    return options.indent === null ? open + body + close : open + inner + body + newline + close
  }
  if (value instanceof PyList || value instanceof PyTuple)
    return wrap(
      '[',
      value.items.map(item => write(item, options, rt, depth + 1, inner)),
      ']',
    )
  if (value instanceof PyDict) {
    rt.charge(value.entries.size)
    const entries = [...value.entries.values()]
    if (options.sortKeys) rt.charge(2 * entries.length * Math.ceil(Math.log2(entries.length + 1)))
    if (options.sortKeys) entries.sort((a, b) => (rt.less(a.key, b.key) ? -1 : rt.less(b.key, a.key) ? 1 : 0))
    return wrap(
      '{',
      entries.map(
        entry => `${quote(keyOf(entry.key), options.ascii, rt)}${options.colon}${write(entry.value, options, rt, depth + 1, inner)}`,
      ),
      '}',
    )
  }
  if (options.fallback !== null) {
    const replaced = rt.callNow(options.fallback, [value])
    return write(replaced, options, rt, depth + 1, newline)
  }
  return raise('TypeError', `Object of type ${typeOf(value).name} is not JSON serializable`)
}

function keyOf(key: Value): string {
  const inner = unwrap(key)
  if (typeof inner === 'string') return inner
  if (inner === null) return 'null'
  if (typeof inner === 'boolean') return inner ? 'true' : 'false'
  if (isInt(inner)) return String(inner)
  if (inner instanceof PyFloat) return floatRepr(inner.value)
  return raise('TypeError', `keys must be str, int, float, bool or None, not ${typeOf(key).name}`)
}

/** Applies `object_hook` from the inside out. */
function hooked(value: Value, hook: Value, rt: EvaluationRuntime): Value {
  rt.charge(1)
  if (value instanceof PyList) return new PyList(value.items.map(item => hooked(item, hook, rt)))
  if (!(value instanceof PyDict)) return value
  for (const entry of value.entries.values()) entry.value = hooked(entry.value, hook, rt)
  return rt.callNow(hook, [value])
}

export const json = defineModule('json', {
  JSONDecodeError: decodeError,
  loads: native('loads', 's, *, cls=None, object_hook=None, parse_float=None, parse_int=None, strict=True', ([source, , hook], rt) => {
    const inner = unwrap(source)
    const text = inner instanceof PyBytes ? decode(inner.data, 'utf-8', 'replace', rt) : inner
    if (typeof text !== 'string') raise('TypeError', `the JSON object must be str, bytes or bytearray, not ${typeOf(source).name}`)
    rt.charge(text.length >> 5)
    const value = new Reader(text.replace(/^\ufeff/, ''), rt).document()
    return hook === null ? value : hooked(value, hook, rt)
  }),
  dumps: native(
    'dumps',
    'obj, *, skipkeys=False, ensure_ascii=True, check_circular=True, allow_nan=True, cls=None, indent=None, separators=None, default=None, sort_keys=False',
    ([value, , ascii, , , , indent, separators, fallback, sortKeys], rt) => {
      const pad = indent === null ? null : typeof indent === 'string' ? indent : ' '.repeat(Math.max(0, Math.min(100, Number(indent))))
      const pair =
        separators instanceof PyTuple || separators instanceof PyList ? separators.items.map(String) : [pad === null ? ', ' : ',', ': ']
      return write(value, { ascii, sortKeys, indent: pad, comma: pair[0]!, colon: pair[1]!, fallback }, rt, 0, '\n')
    },
  ),
})
