/** Attribute access: only Maps of the value's class and of the value itself are ever asked, never a JavaScript property. */
import { call } from './call.ts'
import { exceptions, raise } from './errors.ts'
import { PyFunction } from './function.ts'
import { dictOf } from './keys.ts'
import type { Pending } from './pending.ts'
import { bind } from './pending.ts'
import type { EvaluationRuntime } from './runtime.ts'
import { special } from './special.ts'
import { PySuper } from './super.ts'
import {
  BoundMethod,
  HostObject,
  NativeFunction,
  PyClass,
  PyClassMethod,
  PyException,
  PyInstance,
  PyModule,
  PyProperty,
  PyStaticMethod,
  PyTuple,
  typeOf,
} from './values.ts'
import type { Result, Value, PyObject } from './values.ts'

type Rt = EvaluationRuntime

/** Names that would lead out of the sandbox in CPython; nothing answers to them here. */
const HIDDEN = new Set(
  (
    '__class__ __globals__ __subclasses__ __builtins__ __proto__ __bases__ __base__ __mro__ __code__ __closure__ __func__ __self__ __dict__ __getattribute__ ' +
    '__import__ __loader__ __spec__ __reduce__ __reduce_ex__ __init_subclass__ __subclasshook__ gi_frame gi_code f_globals f_locals f_builtins tb_frame mro constructor prototype'
  ).split(' '),
)

export function getAttribute(object: Value, name: string, rt: Rt): Result {
  const found = findAttribute(object, name, rt)
  return found === undefined ? noAttribute(object, name) : found
}

/** Reads an attribute whose name is known beforehand. */
export function attributeReader(name: string): (object: Value, rt: Rt) => Result {
  if (HIDDEN.has(name)) return object => noAttribute(object, name)
  return (object, rt) => {
    const found = object instanceof HostObject ? object.getAttribute(name, rt) : visibleAttribute(object, name, rt)
    return found === undefined ? noAttribute(object, name) : found
  }
}

export function noAttribute(object: Value, name: string): never {
  if (object instanceof PyModule) raise('AttributeError', `module '${object.name}' has no attribute '${name}'`)
  if (object instanceof PyClass) raise('AttributeError', `type object '${object.name}' has no attribute '${name}'`)
  return raise('AttributeError', `'${typeOf(object).name}' object has no attribute '${name}'`)
}

/** The attribute, or undefined where there is none. */
export function findAttribute(object: Value, name: string, rt: Rt): Result | undefined {
  return HIDDEN.has(name) ? undefined : visibleAttribute(object, name, rt)
}

function visibleAttribute(object: Value, name: string, rt: Rt): Result | undefined {
  if (typeof object === 'object' && object !== null) {
    if (object instanceof HostObject) return object.getAttribute(name, rt)
    if (object instanceof PyModule) return name === '__name__' ? object.name : object.members.get(name)
    if (object instanceof PyClass) return classAttribute(object, name, rt)
    if (object instanceof PySuper) return superAttribute(object, name, rt)
    return objectAttribute(object, name, rt)
  }
  const found = typeOf(object).lookup(name)
  return found === undefined ? undefined : bound(found, object, typeOf(object), rt)
}

function objectAttribute(object: PyObject & Value, name: string, rt: Rt): Result | undefined {
  const { cls, attrs } = object
  const found = cls.lookup(name)
  if (found instanceof PyProperty) return bound(found, object, cls, rt)
  const getter = found instanceof PyInstance ? special(found, '__get__') : undefined
  if (getter !== undefined && special(found!, '__set__') !== undefined) return call(getter, [found!, object, cls], null, rt)
  const own = attrs?.get(name)
  if (own !== undefined) return own
  if (getter !== undefined) return call(getter, [found!, object, cls], null, rt)
  if (found !== undefined) return bound(found, object, cls, rt)
  const given = fixedAttribute(object, name)
  if (given !== undefined) return given
  if (cls.plain) return undefined
  const hook = cls.lookup('__getattr__')
  return hook === undefined ? undefined : call(hook, [object, name], null, rt)
}

/** Attributes that some kinds of objects have without a class attribute. */
function fixedAttribute(object: PyObject, name: string): Value | undefined {
  if (object instanceof PyFunction || object instanceof NativeFunction) {
    if (name === '__name__' || name === '__qualname__') return object.name
    if (name === '__doc__') return null
  }
  if (object instanceof BoundMethod && (name === '__name__' || name === '__qualname__')) return fixedAttribute(object.fn as PyObject, name)
  if (object instanceof PyException) {
    if (name === 'args') return new PyTuple(object.args)
    if (name === '__cause__') return object.cause
    if (name === '__context__') return object.context
    if (name === '__traceback__') return null
    if (name === 'value' && object.cls.name === 'StopIteration') return object.args[0] ?? null
    if (name === 'code' && object.cls.name === 'SystemExit') return object.args[0] ?? null
    if (name === 'name' && object.cls.isSubclass(exceptions.get('ImportError')!)) return null
  }
  if (object instanceof PyProperty && name === 'fget') return object.get
  return undefined
}

/** Makes a class attribute an attribute of an object: functions become methods, properties are read. */
export function bound(found: Value, object: Value, cls: PyClass, rt: Rt): Result {
  if (found instanceof PyFunction || found instanceof NativeFunction) return new BoundMethod(object, found)
  if (found instanceof PyProperty) {
    if (found.get === null) raise('AttributeError', `property of '${cls.name}' object has no getter`)
    return call(found.get, [object], null, rt)
  }
  if (found instanceof PyStaticMethod) return found.fn
  if (found instanceof PyClassMethod) return new BoundMethod(cls, found.fn)
  return found
}

function classAttribute(cls: PyClass, name: string, rt: Rt): Result | undefined {
  const found = cls.lookup(name)
  if (found !== undefined && !(name === '__doc__' && found === null)) {
    if (found instanceof PyStaticMethod) return found.fn
    if (found instanceof PyClassMethod) return new BoundMethod(cls, found.fn)
    const getter = found instanceof PyInstance ? special(found, '__get__') : undefined
    if (getter !== undefined) return call(getter, [found, null, cls], null, rt)
    return found
  }
  if (name === '__name__' || name === '__qualname__') return cls.name
  if (name === '__module__') return cls.module
  if (name === '__doc__') return null
  if (name === '__annotations__') return dictOf((cls.facts?.get('annotations') as [string, Value][] | undefined) ?? [])
  if (cls.meta) {
    const onMeta = cls.meta.lookup(name)
    if (onMeta !== undefined) return bound(onMeta, cls, cls.meta, rt)
  }
  return undefined
}

function superAttribute(object: PySuper, name: string, rt: Rt): Result | undefined {
  const mro = object.start.mro
  for (let i = mro.indexOf(object.after) + 1; i < mro.length; i++) {
    const found = mro[i]!.dict.get(name)
    if (found === undefined) continue
    if (name === '__new__' && found instanceof PyStaticMethod) return found.fn
    if (object.self instanceof PyClass && object.self === object.start) {
      if (found instanceof PyClassMethod) return new BoundMethod(object.self, found.fn)
      return found instanceof PyStaticMethod ? found.fn : found
    }
    return bound(found, object.self, object.start, rt)
  }
  return undefined
}

/** `object.name = value`. */
export function setAttribute(object: Value, name: string, value: Value, rt: Rt): undefined | Pending {
  if (HIDDEN.has(name)) raise('AttributeError', `'${typeOf(object).name}' object has no attribute '${name}'`)
  if (object instanceof HostObject) {
    const done = object.setAttribute?.(name, value, rt) ?? false
    return bind(done, (ok: boolean) =>
      ok ? undefined : raise('AttributeError', `can't set attribute '${name}' of '${object.cls.name}' object`),
    )
  }
  if (object instanceof PyClass) {
    if (object.frozen) raise('TypeError', `cannot set '${name}' attribute of immutable type '${object.name}'`)
    rt.alloc(64)
    object.dict.set(name, value)
    return undefined
  }
  const hook = special(object, '__setattr__')
  if (hook !== undefined) return bind(call(hook, [object, name, value], null, rt), () => undefined)
  return storeAttribute(object, name, value, rt)
}

/** As `object.__setattr__`: without asking the class's own hook. */
export function storeAttribute(object: Value, name: string, value: Value, rt: Rt): undefined | Pending {
  if (object === null || typeof object !== 'object') return noAttribute(object, name)
  const found = object.cls.lookup(name)
  if (found instanceof PyProperty) {
    if (found.set === null) raise('AttributeError', `property '${name}' of '${object.cls.name}' object has no setter`)
    return bind(call(found.set, [object, value], null, rt), () => undefined)
  }
  const setter = found instanceof PyInstance ? special(found, '__set__') : undefined
  if (setter !== undefined) return bind(call(setter, [found!, object, value], null, rt), () => undefined)
  if (object instanceof PyFunction && name === '__name__' && typeof value === 'string') {
    object.name = value
    return undefined
  }
  const attrs = writableAttributes(object)
  if (!attrs)
    return object instanceof PyModule || HIDDEN.has(name) || found === undefined
      ? noAttribute(object, name)
      : raise('AttributeError', `'${object.cls.name}' object attribute '${name}' is read-only`)
  const allowed = object.cls.fact('slots') as string[] | undefined
  if (allowed && !allowed.includes(name)) return noAttribute(object, name)
  rt.alloc(64)
  attrs.set(name, value)
  return undefined
}

function writableAttributes(object: PyObject): Map<string, Value> | null {
  if (object.attrs) return object.attrs
  // Exceptions and objects of subclasses of built-in types get attributes when they are first set.
  if (object instanceof PyException || (!object.cls.frozen && !object.cls.plain)) return (object.attrs = new Map())
  return null
}

export function deleteAttribute(object: Value, name: string, rt: Rt): undefined | Pending {
  const hook = special(object, '__delattr__')
  if (hook !== undefined) return bind(call(hook, [object, name], null, rt), () => undefined)
  if (object instanceof PyClass) {
    if (object.frozen || !object.dict.delete(name)) noAttribute(object, name)
    return undefined
  }
  const found = typeOf(object).lookup(name)
  if (found instanceof PyProperty && found.del !== null) return bind(call(found.del, [object], null, rt), () => undefined)
  if (object === null || typeof object !== 'object' || object instanceof HostObject || !object.attrs?.delete(name))
    noAttribute(object, name)
  return undefined
}
