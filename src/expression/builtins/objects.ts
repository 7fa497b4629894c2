/** object, type, property, staticmethod, classmethod, super, slice, exceptions, generators. */
import { findAttribute, storeAttribute } from '../attributes.ts'
import { compare, equals } from '../compare.ts'
import { exceptions, raise } from '../errors.ts'
import type { PyGenerator } from '../function.ts'
import { getIterator } from '../iterate.ts'
import { keyOf, keyText } from '../keys.ts'
import { native } from '../module.ts'
import type { Pending } from '../pending.ts'
import { bind } from '../pending.ts'
import type { EvaluationRuntime } from '../runtime.ts'
import { builtinDeleteItem, builtinItem, builtinSetItem } from '../subscript.ts'
import { PySuper } from '../super.ts'
import { builtinRepr, exceptionText } from '../text.ts'
import {
  DONE,
  NotImplemented,
  PyClass,
  PyClassMethod,
  PyDict,
  PyException,
  PyInstance,
  PyList,
  PyObject,
  PyProperty,
  PySet,
  PySlice,
  PyStaticMethod,
  PyTuple,
  typeOf,
  types,
} from '../values.ts'
import type { Done, Kwargs, Result, Value } from '../values.ts'
import { intrinsics, methods } from './define.ts'

type Rt = EvaluationRuntime

/** A number for `hash()`: equal values have equal numbers. */
export function hashNumber(value: Value, rt: Rt): number {
  const key = keyOf(value, rt)
  if (typeof key === 'number' && Number.isInteger(key)) return key === -1 ? -2 : key
  const text = typeof key === 'string' ? key : keyText(key)
  rt.charge(text.length >> 4)
  let hash = 0xcbf29ce484222325n
  for (let i = 0; i < Math.min(text.length, 4096); i++) hash = BigInt.asUintN(52, (hash ^ BigInt(text.charCodeAt(i))) * 0x100000001b3n)
  return Number(hash)
}

types.object.construct = (cls: PyClass, args: Value[], kwargs: Kwargs | null) => {
  if (args.length || kwargs?.size) raise('TypeError', `${cls.name}() takes no arguments`)
  return new PyInstance(cls)
}
intrinsics(types.object, {
  __init__: () => null,
  __repr__: ([self], _, rt) => (typeof self === 'object' && self !== null ? builtinRepr(self, rt) : rt.repr(self!)),
  __str__: ([self], _, rt) => (self instanceof PyException ? exceptionText(self, rt) : rt.repr(self!)),
  __eq__: ([a, b], _, rt) => (a === b || (!(a instanceof PyInstance) && equals(a!, b!, rt)) ? true : NotImplemented),
  __ne__: ([a, b], _, rt) => bind(compare('==', a!, b!, rt), (same: Value) => same !== true),
  __hash__: ([self], _, rt) => (self instanceof PyInstance ? self.id : hashNumber(self!, rt)),
  __setattr__: ([self, name, value], _, rt) => bind(storeAttribute(self!, String(name), value!, rt), () => null),
  __getattribute__: ([self, name], _, rt) =>
    findAttribute(self!, String(name), rt) ?? raise('AttributeError', `'${typeOf(self!).name}' object has no attribute '${String(name)}'`),
  __delattr__: ([self, name]) => {
    if (!(self instanceof PyObject) || !self.attrs?.delete(String(name))) raise('AttributeError', String(name))
    return null
  },
})
types.object.dict.set(
  '__new__',
  new PyStaticMethod(
    native('__new__', 'cls, *args, **kwargs', ([cls, args], rt) => {
      if (!(cls instanceof PyClass)) raise('TypeError', 'object.__new__(X): X is not a type object')
      if (cls.fresh) return cls.fresh(cls)
      if (cls.construct && cls.construct !== types.object.construct) return cls.construct(cls, [...args.items], null, rt)
      if (cls.frozen && cls !== types.object) raise('TypeError', `object.__new__(${cls.name}) is not safe`)
      return new PyInstance(cls)
    }),
  ),
)

for (const cls of [types.dict, types.list, types.tuple, types.str, types.bytes]) {
  intrinsics(cls, { __getitem__: ([self, key], _, rt) => builtinItem(unwrapped(self!), key!, rt) })
}
for (const cls of [types.dict, types.list]) {
  intrinsics(cls, {
    __setitem__: ([self, key, value], _, rt) => bind(builtinSetItem(self!, key!, value!, rt), () => null),
    __delitem__: ([self, key], _, rt) => {
      builtinDeleteItem(self!, key!, rt)
      return null
    },
  })
}
const size = (value: Value): number =>
  value instanceof PyDict
    ? value.entries.size
    : value instanceof PySet
      ? value.items.size
      : value instanceof PyList || value instanceof PyTuple
        ? value.items.length
        : 0
for (const cls of [types.dict, types.list, types.tuple, types.set, types.frozenset]) {
  intrinsics(cls, {
    __len__: ([self]) => size(self!),
    __contains__: ([self, value], _, rt) =>
      self instanceof PyDict
        ? self.entries.has(keyOf(value!, rt))
        : self instanceof PySet
          ? self.items.has(keyOf(value!, rt))
          : (self as PyList).items.some(item => equals(item, value!, rt)),
    __iter__: ([self], _, rt) => {
      const plain =
        self instanceof PyDict
          ? new PyDict(self.entries)
          : self instanceof PySet
            ? new PySet(self.items)
            : self instanceof PyList
              ? new PyTuple(self.items)
              : self!
      return getIterator(plain, rt)
    },
  })
}
const unwrapped = (value: Value): Value => (value instanceof PyInstance && value.payload !== undefined ? value.payload : value)

types.type.construct = (_: PyClass, args: Value[]) => {
  if (args.length !== 1) raise('TypeError', 'type() with three arguments is not supported in expressions')
  return typeOf(args[0]!)
}

types.property.construct = (_: PyClass, args: Value[], kwargs: Kwargs | null) =>
  new PyProperty(args[0] ?? kwargs?.get('fget') ?? null, args[1] ?? kwargs?.get('fset') ?? null, args[2] ?? kwargs?.get('fdel') ?? null)
methods(types.property, {
  'getter(fn, /)': ([self, fn]) => new PyProperty(fn, self.set, self.del),
  'setter(fn, /)': ([self, fn]) => new PyProperty(self.get, fn, self.del),
  'deleter(fn, /)': ([self, fn]) => new PyProperty(self.get, self.set, fn),
})
types.staticmethod.construct = (_: PyClass, [fn]: Value[]) => new PyStaticMethod(fn ?? null)
types.classmethod.construct = (_: PyClass, [fn]: Value[]) => new PyClassMethod(fn ?? null)
types.super.construct = (_: PyClass, [cls, self]: Value[]) => {
  if (!(cls instanceof PyClass) || self === undefined) raise('TypeError', 'super(): expected a class and an object')
  const start = self instanceof PyClass && self.isSubclass(cls) ? self : typeOf(self)
  if (!start.isSubclass(cls)) raise('TypeError', 'super(type, obj): obj must be an instance or subtype of type')
  return new PySuper(cls, start, self)
}
types.slice.construct = (_: PyClass, args: Value[]) =>
  args.length === 1 ? new PySlice(null, args[0]!, null) : new PySlice(args[0] ?? null, args[1] ?? null, args[2] ?? null)
types.NoneType.construct = () => null

types.BaseException.construct = (cls: PyClass, args: Value[], kwargs: Kwargs | null, rt: Rt) => {
  rt.charge(5)
  if (kwargs?.size && !cls.isSubclass(exceptions.get('ImportError')!)) raise('TypeError', `${cls.name}() takes no keyword arguments`)
  return new PyException(cls, args)
}
types.BaseException.fresh = cls => new PyException(cls, [])
intrinsics(types.BaseException, {
  __init__: ([self, ...args]) => {
    ;(self as PyException).args = args
    return null
  },
})
methods(types.BaseException, {
  'with_traceback(tb, /)': ([self]) => self,
  'add_note(note, /)': ([self, note], rt) => {
    self.attrs ??= new Map()
    const notes = self.attrs.get('__notes__') ?? new PyList([])
    rt.alloc(16)
    notes.items.push(note)
    self.attrs.set('__notes__', notes)
    return null
  },
})

/** What `next`, `send` and `throw` give to the expression: StopIteration at the end. */
function answered(generator: PyGenerator, result: Value | Done | Pending): Result {
  const last = (item: Value | Done): Value =>
    item === DONE ? raise('StopIteration', ...(generator.returned === null ? [] : [generator.returned])) : item
  return bind(result, last)
}
methods(types.generator, {
  'send(value, /)': ([self, value], rt) => answered(self, self.resume(value, false, rt)),
  'throw(type, value=None, traceback=None, /)': ([self, type, value], rt) => {
    const make = type instanceof PyException ? type : rt.call(type, value === null ? [] : [value])
    return bind(make, (error: Value) => {
      if (!(error instanceof PyException))
        raise('TypeError', `exceptions must be classes or instances deriving from BaseException, not ${typeOf(error).name}`)
      return answered(self, self.resume(error, true, rt))
    })
  },
  'close()': ([self], rt) => self.close(rt),
})
