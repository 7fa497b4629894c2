/** The built-in functions. */
import { deleteAttribute, findAttribute, setAttribute, noAttribute } from '../attributes.ts'
import { numberOf, unwrap } from '../compare.ts'
import { exceptions, raise } from '../errors.ts'
import { PyFunction } from '../function.ts'
import { format } from '../format.ts'
import { DictView } from '../iterate.ts'
import { dictOf } from '../keys.ts'
import { native, nativeRaw } from '../module.ts'
import { fixed, floatFloorDivide, floatModulo, floatToInt, floorDivide, modulo, powerModulo, roundHalfEven, subtract } from '../numbers.ts'
import { binary } from '../operators.ts'
import { Pending, bind } from '../pending.ts'
import type { EvaluationRuntime } from '../runtime.ts'
import { special } from '../special.ts'
import { indexOf } from '../subscript.ts'
import { asciiOnly, reprResult } from '../text.ts'
import { truth } from '../truth.ts'
import { textLength } from '../unicode.ts'
import {
  BoundMethod,
  HostObject,
  NativeFunction,
  PyBytes,
  PyClass,
  PyDict,
  PyException,
  PyFloat,
  PyInstance,
  PyList,
  PyModule,
  PyObject,
  PyRange,
  PySet,
  PyTuple,
  isInt,
  normalizeInt,
  typeOf,
} from '../values.ts'
import type { Result, Value } from '../values.ts'
import { iteration } from './iteration.ts'
import { hashNumber } from './objects.ts'
import { sorted } from './sequences.ts'
import { payPoints } from './str.ts'

type Rt = EvaluationRuntime

export function length(value: Value, rt: Rt): Result {
  if (typeof value === 'string') {
    payPoints(value, rt)
    return textLength(value)
  }
  if (value instanceof HostObject && value.length) return value.length(rt)
  const method = special(value, '__len__')
  if (method !== undefined) return rt.call(method, [value])
  if (value instanceof PyList || value instanceof PyTuple) return value.items.length
  if (value instanceof PyDict) return value.entries.size
  if (value instanceof PySet) return value.items.size
  if (value instanceof PyBytes) return value.data.length
  if (value instanceof PyRange) return value.length
  if (value instanceof DictView) return value.dict.entries.size
  if (value instanceof PyInstance && value.payload !== undefined) return length(value.payload, rt)
  return raise('TypeError', `object of type '${typeOf(value).name}' has no len()`)
}

function extreme(name: 'min' | 'max') {
  return nativeRaw(name, (args, kwargs, runtime) => {
    const rt = runtime
    const key = kwargs?.get('key') ?? null
    const source = args.length === 1 ? rt.collect(args[0]!) : args
    if (!args.length) raise('TypeError', `${name} expected at least 1 argument, got 0`)
    return bind(source, (items: Value[]) => {
      if (!items.length)
        return kwargs?.has('default') && args.length === 1
          ? kwargs.get('default')!
          : raise('ValueError', `${name}() arg is an empty sequence`)
      let best: Value
      let bestKey: Value | undefined
      const consider = (item: Value, k: Value) => {
        rt.charge(1)
        if (bestKey === undefined || (name === 'min' ? rt.less(k, bestKey) : rt.less(bestKey, k))) {
          best = item
          bestKey = k
        }
      }
      const run = (i: number): Result => {
        for (; i < items.length; i++) {
          if (rt.tickDue) return rt.tick().then(() => run(i))
          const item = items[i]!
          const k = key === null ? item : rt.call(key, [item])
          if (k instanceof Pending) {
            return k.then(value => {
              consider(item, value)
              return run(i + 1)
            })
          }
          consider(item, k)
        }
        return best
      }
      return run(0)
    })
  })
}

/** Is the type of a value one of these? */
export function isInstance(value: Value, cls: Value, rt: Pick<Rt, 'charge'>): boolean {
  if (cls instanceof PyTuple) {
    rt.charge(cls.items.length)
    return cls.items.some(item => isInstance(value, item, rt))
  }
  if (cls instanceof PyClass) {
    const check = cls.facts?.get('instancecheck') as ((value: Value) => boolean) | undefined
    return check ? check(value) : typeOf(value).isSubclass(cls)
  }
  if (cls instanceof HostObject) return value instanceof HostObject && cls.isClassOf?.(value) === true
  return raise('TypeError', 'isinstance() arg 2 must be a type, a tuple of types, or a union')
}

function isSubclassOf(value: Value, cls: Value, rt: Rt): boolean {
  if (cls instanceof PyTuple) {
    rt.charge(cls.items.length)
    return cls.items.some(item => isSubclassOf(value, item, rt))
  }
  if (!(value instanceof PyClass)) raise('TypeError', 'issubclass() arg 1 must be a class')
  if (!(cls instanceof PyClass)) raise('TypeError', 'issubclass() arg 2 must be a class, a tuple of classes, or a union')
  return value.isSubclass(cls)
}

function quantify(stopAt: boolean) {
  return ([iterable]: Value[], runtime: Rt) => {
    const rt = runtime
    let answer = !stopAt
    return bind(
      rt.forEach(iterable!, item =>
        bind(truth(item, rt), (yes: boolean) => {
          if (yes !== stopAt) return undefined
          answer = stopAt
          return false
        }),
      ),
      () => answer,
    )
  }
}

function roundNumber(value: Value, digits: Value, rt: Rt): Result {
  const method = special(value, '__round__')
  if (method !== undefined) return rt.call(method, digits === null ? [value] : [value, digits])
  const inner = unwrap(value)
  if (inner instanceof PyFloat) {
    if (digits === null) {
      const whole = floatToInt(inner.value)
      return typeof whole === 'number' ? floatToInt(roundHalfEven(inner.value)) : whole
    }
    const places = indexOf(digits, rt)!
    if (!Number.isFinite(inner.value) || places > 323) return inner
    return new PyFloat(places < -308 ? 0 : Number(fixed(inner.value, places)))
  }
  const number = numberOf(inner)
  if (number === undefined) raise('TypeError', `type ${typeOf(value).name} doesn't define __round__ method`)
  if (digits === null) return number
  const places = indexOf(digits, rt)!
  if (places >= 0) return number
  const unit = 10n ** BigInt(Math.min(-places, 5000))
  const n = BigInt(number)
  const rest = ((n % unit) + unit) % unit
  const down = n - rest
  const up = rest * 2n > unit || (rest * 2n === unit && (down / unit) % 2n !== 0n)
  return normalizeInt(up ? down + unit : down)
}

const attributeError = exceptions.get('AttributeError')!
const isAttributeError = (error: unknown) => error instanceof PyException && error.cls.isSubclass(attributeError)

/** The attribute, or what `otherwise` gives when there is none. */
function attributeOr(object: Value, name: Value, rt: Rt, present: (value: Value) => Result, otherwise: () => Result): Result {
  if (typeof name !== 'string') raise('TypeError', `attribute name must be string, not '${typeOf(name).name}'`)
  const missing = (error: unknown): Result => {
    if (isAttributeError(error)) return otherwise()
    throw error
  }
  let found: Result | undefined
  try {
    found = findAttribute(object, name, rt)
  } catch (error) {
    return missing(error)
  }
  if (found === undefined) return otherwise()
  return found instanceof Pending ? found.then(present, missing) : present(found)
}

function attributeNames(value: Value): string[] {
  const names = new Set<string>()
  const cls = value instanceof PyClass ? value : typeOf(value)
  for (const base of cls.mro) for (const name of base.dict.keys()) names.add(name)
  if (value instanceof PyModule) for (const name of value.members.keys()) names.add(name)
  if (value instanceof HostObject) for (const name of value.attributeNames?.() ?? []) names.add(name)
  if (value instanceof PyObject && value.attrs) for (const name of value.attrs.keys()) names.add(name)
  return [...names].sort()
}

const asInt = (value: Value, rt: Rt): number | bigint => {
  const inner = unwrap(value)
  if (isInt(inner)) return inner
  return indexOf(inner, rt) ?? raise('TypeError', `'${typeOf(value).name}' object cannot be interpreted as an integer`)
}
const based =
  (prefix: string, base: number) =>
  ([value]: Value[], rt: Rt) => {
    const n = asInt(value!, rt)
    if (typeof n === 'bigint') rt.charge(200)
    const text = (n < 0 ? -n : n).toString(base)
    rt.alloc(text.length)
    return (n < 0 ? '-' : '') + prefix + text
  }

export const functions: Record<string, Value> = {
  len: native('len', 'obj, /', ([value], rt) => length(value, rt)),
  min: extreme('min'),
  max: extreme('max'),
  any: native('any', 'iterable, /', quantify(true)),
  all: native('all', 'iterable, /', quantify(false)),
  sum: native('sum', 'iterable, /, start=0', ([iterable, start], rt) => {
    let total: Value = start
    if (typeof start === 'string') raise('TypeError', "sum() can't sum strings [use ''.join(seq) instead]")
    return bind(
      rt.forEach(iterable, (item: Value) => {
        const next = binary('+', total, item, rt)
        if (next instanceof Pending) {
          return next.then(value => {
            total = value
          })
        }
        total = next
        return undefined
      }),
      () => total,
    )
  }),
  sorted: native('sorted', 'iterable, /, *, key=None, reverse=False', ([iterable, key, backwards], rt) =>
    bind(truth(backwards, rt), (down: boolean) =>
      bind(rt.collect(iterable), (items: Value[]) => bind(sorted(items, key, down, rt), (list: Value[]) => new PyList(list))),
    ),
  ),
  ...iteration,
  isinstance: native('isinstance', 'obj, class_or_tuple, /', ([value, cls], rt) => isInstance(value, cls, rt)),
  issubclass: native('issubclass', 'cls, class_or_tuple, /', ([value, cls], rt) => isSubclassOf(value, cls, rt)),
  hasattr: native('hasattr', 'obj, name, /', ([object, name], rt) =>
    attributeOr(
      object,
      name,
      rt,
      () => true,
      () => false,
    ),
  ),
  getattr: native('getattr', 'obj, name, default?, /', ([object, name, fallback], rt) =>
    attributeOr(
      object,
      name,
      rt,
      value => value,
      () => (fallback === undefined ? rt.getAttribute(object, name) : fallback),
    ),
  ),
  setattr: native('setattr', 'obj, name, value, /', ([object, name, value], rt) => {
    if (typeof name !== 'string') raise('TypeError', 'attribute name must be string')
    return bind(setAttribute(object, name, value, rt), () => null)
  }),
  delattr: native('delattr', 'obj, name, /', ([object, name], rt) =>
    typeof name === 'string' ? bind(deleteAttribute(object, name, rt), () => null) : noAttribute(object, String(name)),
  ),
  callable: native(
    'callable',
    'obj, /',
    ([value]) =>
      value instanceof PyFunction ||
      value instanceof NativeFunction ||
      value instanceof BoundMethod ||
      value instanceof PyClass ||
      (value instanceof HostObject ? value.call !== undefined : special(value, '__call__') !== undefined),
  ),
  repr: native('repr', 'obj, /', ([value], rt) => reprResult(value, rt)),
  ascii: native('ascii', 'obj, /', ([value], rt) => bind(reprResult(value, rt), (text: string) => asciiOnly(text, rt))),
  format: native('format', "value, spec='', /", ([value, spec], rt) => format(value, String(spec), rt)),
  abs: native('abs', 'x, /', ([value], rt) => {
    const method = special(value, '__abs__')
    if (method !== undefined) return rt.call(method, [value])
    const inner = unwrap(value)
    if (inner instanceof PyFloat) return new PyFloat(Math.abs(inner.value))
    const number = numberOf(inner)
    if (number === undefined) raise('TypeError', `bad operand type for abs(): '${typeOf(value).name}'`)
    return number < 0 ? subtract(0, number, rt) : number
  }),
  round: native('round', 'number, ndigits=None', ([value, digits], rt) => roundNumber(value, digits, rt)),
  divmod: native('divmod', 'a, b, /', ([a, b], rt) => {
    const [x, y] = [unwrap(a), unwrap(b)]
    const [p, q] = [numberOf(x), numberOf(y)]
    if (p === undefined || q === undefined)
      raise('TypeError', `unsupported operand type(s) for divmod(): '${typeOf(a).name}' and '${typeOf(b).name}'`)
    if (x instanceof PyFloat || y instanceof PyFloat) {
      if (Number(q) === 0) raise('ZeroDivisionError', 'float divmod()')
      return new PyTuple([new PyFloat(floatFloorDivide(Number(p), Number(q))), new PyFloat(floatModulo(Number(p), Number(q)))])
    }
    return new PyTuple([floorDivide(p, q, rt), modulo(p, q, rt)])
  }),
  pow: native('pow', 'base, exp, mod=None', ([a, b, m], rt) =>
    m === null ? binary('**', a, b, rt) : powerModulo(asInt(a, rt), asInt(b, rt), asInt(m, rt), rt),
  ),
  chr: native('chr', 'i, /', ([code], rt) => {
    const n = asInt(code, rt)
    if (n < 0 || n > 0x10ffff) raise('ValueError', 'chr() arg not in range(0x110000)')
    return String.fromCodePoint(Number(n))
  }),
  ord: native('ord', 'c, /', ([value], rt) => {
    const inner = unwrap(value)
    if (inner instanceof PyBytes && inner.data.length === 1) return inner.data[0]!
    if (typeof inner !== 'string') raise('TypeError', `ord() expected string of length 1, but ${typeOf(value).name} found`)
    payPoints(inner, rt)
    if (textLength(inner) !== 1) raise('TypeError', `ord() expected a character, but string of length ${textLength(inner)} found`)
    return inner.codePointAt(0)!
  }),
  hex: native('hex', 'number, /', based('0x', 16)),
  oct: native('oct', 'number, /', based('0o', 8)),
  bin: native('bin', 'number, /', based('0b', 2)),
  hash: native('hash', 'obj, /', ([value], rt) => {
    const method = special(value, '__hash__')
    return method ? rt.call(method, [value]) : hashNumber(value, rt)
  }),
  id: native('id', 'obj, /', ([value], rt) => (value instanceof PyObject ? value.id : hashNumber(value, rt))),
  dir: native('dir', 'obj, /', ([value], rt) => {
    const names = attributeNames(value)
    rt.charge(names.length)
    rt.alloc(names.length * 16)
    return new PyList(names)
  }),
  vars: native('vars', 'obj, /', ([value], rt) => {
    const attrs = value instanceof PyObject && !(value instanceof PyClass) ? value.attrs : null
    if (!attrs) raise('TypeError', 'vars() argument must have __dict__ attribute')
    rt.charge(attrs.size)
    rt.alloc(attrs.size * 64)
    return dictOf(attrs)
  }),
  print: nativeRaw('print', (args, kwargs, rt) => {
    const separator = kwargs?.get('sep')
    const between = typeof separator === 'string' ? separator : ' '
    const parts = args.map(arg => rt.str(arg))
    const size = parts.reduce((sum, part) => sum + part.length + between.length, 0)
    rt.charge(parts.length + (size >> 6))
    rt.alloc(size)
    const text = parts.join(between)
    rt.log('info', text, new Map())
    return null
  }),
}
