import { raise } from '../../errors.ts'
import { native } from '../../module.ts'
import type { Runtime } from '../../module.ts'
import type { EvaluationRuntime } from '../../runtime.ts'
import { PyBytes, PyDict, PyFloat, PyInstance, PyList, PyTuple, typeOf } from '../../values.ts'
import type { Value } from '../../values.ts'
import { latin1Text, requireText, textOf } from '../arguments.ts'

const ALWAYS_SAFE = new Set(Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~', ch => ch.charCodeAt(0)))

const pay = (length: number, rt: Runtime) => {
  rt.charge(1 + length)
  rt.alloc(16 + 6 * length)
}

/** The bytes of a text in an encoding that percent-escapes are made from. */
function encode(text: string, encoding: Value, rt: Runtime): Uint8Array {
  pay(text.length, rt)
  const name = (textOf(encoding) ?? 'utf-8').toLowerCase().replaceAll('_', '-')
  if (name === 'utf-8' || name === 'utf8') {
    if (!text.isWellFormed()) raise('UnicodeEncodeError', "'utf-8' codec can't encode character: surrogates not allowed")
    return new TextEncoder().encode(text)
  }
  const limit =
    name === 'ascii' || name === 'us-ascii'
      ? 128
      : name === 'latin-1' || name === 'iso-8859-1' || name === 'latin1'
        ? 256
        : raise('LookupError', `unknown encoding: ${name}`)
  return Uint8Array.from(text, ch => {
    const code = ch.codePointAt(0)!
    return code < limit ? code : raise('UnicodeEncodeError', `'${name}' codec can't encode character: ordinal not in range(${limit})`)
  })
}

function escape(bytes: Uint8Array, safe: string, rt: Runtime) {
  rt.charge(bytes.length + (safe.length >> 3))
  const keep = new Set(ALWAYS_SAFE)
  for (let i = 0; i < safe.length; i++) if (safe.charCodeAt(i) < 128) keep.add(safe.charCodeAt(i))
  let out = ''
  for (const byte of bytes) {
    out += keep.has(byte) ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return out
}

const safeText = (safe: Value) => textOf(safe) ?? (safe instanceof PyBytes ? String.fromCharCode(...safe.data.subarray(0, 256)) : '')

/** `quote` of a str or bytes. */
export function quote(value: Value, safe: Value, encoding: Value, rt: Runtime): string {
  const text = textOf(value)
  if (text !== undefined) return escape(encode(text, encoding, rt), safeText(safe), rt)
  if (!(value instanceof PyBytes)) raise('TypeError', 'quote_from_bytes() expected bytes')
  pay(value.data.length, rt)
  return escape(value.data, safeText(safe), rt)
}

/** `quote_plus`: blanks become plus signs. */
export function quotePlus(value: Value, safe: Value, encoding: Value, rt: Runtime): string {
  return quote(value, `${safeText(safe)} `, encoding, rt)
    .replaceAll('+', safeText(safe).includes('+') ? '+' : '%2B')
    .replaceAll(' ', '+')
}

/** Percent-escapes as bytes, other characters as UTF-8. */
export function unquoteToBytes(text: string): Uint8Array {
  const source = new TextEncoder().encode(text)
  const out: number[] = []
  for (let i = 0; i < source.length; i++) {
    const hex = source[i] === 0x25 ? String.fromCharCode(source[i + 1] ?? 0, source[i + 2] ?? 0) : ''
    if (/^[0-9a-fA-F]{2}$/.test(hex)) {
      out.push(parseInt(hex, 16))
      i += 2
    } else out.push(source[i]!)
  }
  return Uint8Array.from(out)
}

/** `unquote`: runs of escapes are decoded together, what is not valid becomes U+FFFD. */
export function unquote(text: string, encoding: Value, errors: Value, rt: Runtime): string {
  rt.charge(1 + (text.length >> 4))
  rt.alloc(text.length)
  if (!text.includes('%')) return text
  rt.charge(6 * text.length)
  const name = (textOf(encoding) ?? 'utf-8').toLowerCase().replaceAll('_', '-')
  const latin1 = ['latin-1', 'latin1', 'iso-8859-1'].includes(name)
  if (!latin1 && !['utf-8', 'utf8', 'ascii'].includes(name)) raise('LookupError', `unknown encoding: ${name}`)
  const how = textOf(errors) ?? 'replace'
  return text.replace(/(?:%[0-9a-fA-F]{2})+/g, run => {
    const bytes = unquoteToBytes(run)
    if (latin1) return Buffer.from(bytes).toString('latin1')
    const decoded = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)
    if (how === 'strict' && decoded.includes('\ufffd')) raise('UnicodeDecodeError', `'${name}' codec can't decode bytes: invalid data`)
    return how === 'ignore' ? decoded.replaceAll('\ufffd', '') : decoded
  })
}

const unquoteArgument = (value: Value) =>
  textOf(value) ??
  (value instanceof PyBytes
    ? new TextDecoder().decode(value.data)
    : raise('TypeError', `argument of type '${typeOf(value).name}' is not iterable`))

function withBlanks(text: string, rt: Runtime): string {
  rt.charge(text.length >> 2)
  rt.alloc(text.length)
  return text.replaceAll('+', ' ')
}

/** `urlencode` of a mapping or of pairs; with `doseq` each item of a sequence gets a pair of its own. */
function* urlencode([query, doseq, safe, encoding, quoteVia]: Value[], rt: EvaluationRuntime): Generator<unknown, Value, Value> {
  const via = (value: Value) =>
    quoteVia === undefined ? quotePlus(value, safe!, encoding!, rt) : rt.call(quoteVia, [value, safe!, encoding!, null])
  const plain = (value: Value): Value => (value instanceof PyBytes || typeof value === 'string' ? value : rt.str(value))
  const pairs: [Value, Value][] = []
  if (query instanceof PyDict) rt.charge(query.entries.size)
  if (query instanceof PyDict) for (const { key, value } of query.entries.values()) pairs.push([key, value])
  else {
    const items = textOf(query) === undefined ? ((yield rt.collect(query!)) as unknown as Value[]) : textOf(query) === '' ? [] : undefined
    for (const item of items ?? raise('TypeError', 'not a valid non-string sequence or mapping object')) {
      const pair =
        item instanceof PyTuple || item instanceof PyList
          ? item.items
          : raise('TypeError', 'not a valid non-string sequence or mapping object')
      if (pair.length !== 2)
        raise(
          'ValueError',
          pair.length < 2 ? `not enough values to unpack (expected 2, got ${pair.length})` : 'too many values to unpack (expected 2)',
        )
      pairs.push([pair[0]!, pair[1]!])
    }
  }
  const every = yield rt.truth(doseq!)
  const out: string[] = []
  for (const [key, value] of pairs) {
    if (rt.tickDue) yield rt.tick()
    const name = requireText(yield via(plain(key)), 'a quoted name')
    const single =
      !every ||
      typeof value !== 'object' ||
      value === null ||
      value instanceof PyBytes ||
      value instanceof PyFloat ||
      (value instanceof PyInstance && value.payload !== undefined)
    const values: Value[] = single ? [value] : ((yield rt.collect(value)) as unknown as Value[])
    for (const each of values) {
      if (rt.tickDue) yield rt.tick()
      rt.charge(2)
      out.push(`${name}=${requireText(yield via(plain(each)), 'a quoted value')}`)
    }
  }
  const size = out.reduce((sum, pair) => sum + pair.length + 1, 0)
  rt.charge(out.length + (size >> 6))
  rt.alloc(size)
  return out.join('&')
}

export const quoting = {
  quote: native('quote', "string, safe='/', encoding=None, errors=None", ([value, safe, encoding], rt) => quote(value, safe, encoding, rt)),
  quote_plus: native('quote_plus', "string, safe='', encoding=None, errors=None", ([value, safe, encoding], rt) =>
    quotePlus(value, safe, encoding, rt),
  ),
  quote_from_bytes: native('quote_from_bytes', "bs, safe='/'", ([value, safe], rt) =>
    value instanceof PyBytes ? quote(value, safe, null, rt) : raise('TypeError', 'quote_from_bytes() expected bytes'),
  ),
  unquote: native('unquote', "string, encoding='utf-8', errors='replace'", ([value, encoding, errors], rt) =>
    unquote(unquoteArgument(value), encoding, errors, rt),
  ),
  unquote_plus: native('unquote_plus', "string, encoding='utf-8', errors='replace'", ([value, encoding, errors], rt) =>
    unquote(withBlanks(unquoteArgument(value), rt), encoding, errors, rt),
  ),
  unquote_to_bytes: native('unquote_to_bytes', 'string', ([value], rt) => {
    const text = textOf(value)
    const length = text?.length ?? (value instanceof PyBytes ? value.data.length : 0)
    rt.charge(2 * length)
    rt.alloc(32 * length)
    if (text !== undefined) return new PyBytes(unquoteToBytes(text))
    return value instanceof PyBytes
      ? new PyBytes(Buffer.from(latin1Text(new PyBytes(unquoteToBytes(latin1Text(value)))), 'latin1'))
      : raise('TypeError', 'a bytes-like object is required')
  }),
  urlencode: native(
    'urlencode',
    "query, doseq=False, safe='', encoding=None, errors=None, quote_via?",
    function* ([query, doseq, safe, encoding, , via], rt) {
      return yield* urlencode([query, doseq, safe, encoding, via], rt)
    },
  ),
}
