/** bytes. */
import { raise } from '../errors.ts'
import { latin1 } from '../keys.ts'
import { bind } from '../pending.ts'
import type { EvaluationRuntime } from '../runtime.ts'
import { PyBytes, PyList, PyTuple, isInt, typeOf, types } from '../values.ts'
import type { Kwargs, Value, PyClass } from '../values.ts'
import { decode, encode } from './codecs.ts'
import { classMethod, methods } from './define.ts'

type Rt = EvaluationRuntime
const { bytes } = types

bytes.construct = (_: PyClass, args: Value[], kwargs: Kwargs | null, rt: Rt) => {
  const [source, encoding = kwargs?.get('encoding'), errors = kwargs?.get('errors')] = args
  if (source === undefined) return new PyBytes(new Uint8Array())
  if (typeof source === 'string') {
    if (encoding === undefined) raise('TypeError', 'string argument without an encoding')
    return new PyBytes(encode(source, String(encoding), String(errors ?? 'strict'), rt))
  }
  if (source instanceof PyBytes) return source
  if (typeof source === 'number') {
    if (source < 0) raise('ValueError', 'negative count')
    rt.alloc(source)
    rt.charge(source >> 7)
    return new PyBytes(new Uint8Array(source))
  }
  return bind(rt.collect(source), (items: Value[]) => {
    rt.charge(items.length >> 2)
    for (const item of items)
      if (!isInt(item) || item < 0 || item > 255)
        raise(
          isInt(item) ? 'ValueError' : 'TypeError',
          isInt(item) ? 'bytes must be in range(0, 256)' : `'${typeOf(item).name}' object cannot be interpreted as an integer`,
        )
    return new PyBytes(Uint8Array.from(items as number[]))
  })
}

/** Bytes as Latin-1 text, on which the text methods work. */
const raw = (value: Value, rt: { charge(steps: number): void; alloc(bytes: number): void }): string => {
  if (!(value instanceof PyBytes)) raise('TypeError', `a bytes-like object is required, not '${typeOf(value).name}'`)
  rt.charge(1 + (value.data.length >> 5))
  rt.alloc(value.data.length)
  return latin1(value.data)
}
const back = (text: string): PyBytes => new PyBytes(Buffer.from(text, 'latin1'))
const viaText =
  (name: string) =>
  ([self, ...args]: Value[], rt: Rt) => {
    rt.charge(args.reduce((sum: number, arg) => sum + (arg instanceof PyTuple ? arg.items.length : 0), 0))
    const method = types.str.dict.get(name)!
    const inner = args.map(arg =>
      arg instanceof PyBytes
        ? raw(arg, rt)
        : arg instanceof PyTuple
          ? new PyTuple(arg.items.map(item => (item instanceof PyBytes ? raw(item, rt) : item)))
          : arg,
    )
    return bind(rt.call(method, [raw(self!, rt), ...inner]), value => wrap(value, rt))
  }
/** What a method of str answered, with bytes for its texts. */
function wrap(value: Value, rt: Rt): Value {
  if (typeof value === 'string') {
    rt.charge(value.length >> 6)
    rt.alloc(value.length)
    return back(value)
  }
  if (!(value instanceof PyList || value instanceof PyTuple)) return value
  rt.charge(4 * value.items.length)
  rt.alloc(64 * value.items.length)
  const items = value.items.map(item => wrap(item, rt))
  return value instanceof PyList ? new PyList(items) : new PyTuple(items)
}
/** Adds `by` to the letters from `first` on. */
const shifted =
  (first: number, by: number) =>
  ([self]: Value[], rt: Rt) => {
    const { data } = self as PyBytes
    rt.charge(1 + (data.length >> 4))
    rt.alloc(data.length)
    return new PyBytes(data.map(byte => (byte >= first && byte < first + 26 ? byte + by : byte)))
  }

methods(bytes, {
  "decode(encoding='utf-8', errors='strict')": ([self, encoding, errors], rt) => {
    return decode(self.data, encoding, errors, rt)
  },
  'hex(sep=None)': ([self, sep], rt) => {
    rt.charge(1 + (self.data.length >> 5))
    rt.alloc(self.data.length * 2)
    const text = Buffer.from(self.data).toString('hex')
    if (typeof sep === 'string') {
      rt.charge(self.data.length)
      rt.alloc(self.data.length * (16 + sep.length))
    }
    return typeof sep === 'string' ? (text.match(/../g) ?? []).join(sep) : text
  },
  'upper()': shifted(97, -32),
  'lower()': shifted(65, 32),
  'startswith(prefix, start=None, end=None, /)': viaText('startswith'),
  'endswith(suffix, start=None, end=None, /)': viaText('endswith'),
  'find(sub, start=None, end=None, /)': viaText('find'),
  'rfind(sub, start=None, end=None, /)': viaText('rfind'),
  'index(sub, start=None, end=None, /)': viaText('index'),
  'count(sub, start=None, end=None, /)': viaText('count'),
  'replace(old, new, count=-1, /)': viaText('replace'),
  'split(sep=None, maxsplit=-1)': viaText('split'),
  'rsplit(sep=None, maxsplit=-1)': viaText('rsplit'),
  'splitlines(keepends=False)': viaText('splitlines'),
  'partition(sep, /)': viaText('partition'),
  'rpartition(sep, /)': viaText('rpartition'),
  'strip(chars=None, /)': viaText('strip'),
  'lstrip(chars=None, /)': viaText('lstrip'),
  'rstrip(chars=None, /)': viaText('rstrip'),
  'removeprefix(prefix, /)': viaText('removeprefix'),
  'removesuffix(suffix, /)': viaText('removesuffix'),
  'isdigit()': ([self], rt) => /^[0-9]+$/.test(raw(self, rt)),
  'isalpha()': ([self], rt) => /^[a-zA-Z]+$/.test(raw(self, rt)),
  'isalnum()': ([self], rt) => /^[a-zA-Z0-9]+$/.test(raw(self, rt)),
  'zfill(width, /)': viaText('zfill'),
  'join(iterable, /)': ([self, iterable], rt) =>
    bind(rt.collect(iterable), (items: Value[]) => {
      const parts = items.map((item, i) =>
        item instanceof PyBytes
          ? item.data
          : raise('TypeError', `sequence item ${i}: expected a bytes-like object, ${typeOf(item).name} found`),
      )
      const between = self.data
      const out: Uint8Array[] = []
      rt.charge(2 * parts.length)
      for (const part of parts) {
        if (out.length) out.push(between)
        rt.charge((part.length + between.length) >> 6)
        rt.alloc(part.length + between.length)
        out.push(part)
      }
      return new PyBytes(Buffer.concat(out))
    }),
})
classMethod(bytes, 'fromhex', ([_, text], __, rt) => {
  if (typeof text !== 'string') raise('TypeError', `fromhex() argument must be str, not ${typeOf(text!).name}`)
  rt.charge(text.length >> 1)
  rt.alloc(text.length)
  const digits = text.replace(/\s+/g, '')
  if (digits.length % 2 || /[^0-9a-fA-F]/.test(digits)) raise('ValueError', 'non-hexadecimal number found in fromhex() arg at position 0')
  return new PyBytes(Buffer.from(digits, 'hex'))
})
