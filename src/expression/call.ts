/** Calling any callable. */
import { raise } from './errors.ts'
import { Pending, bind } from './pending.ts'
import { PyFunction } from './function.ts'
import type { EvaluationRuntime } from './runtime.ts'
import { special } from './special.ts'
import { BoundMethod, HostObject, NativeFunction, PyClass, PyClassMethod, PyInstance, PyStaticMethod, typeOf, types } from './values.ts'
import type { Kwargs, Result, Value } from './values.ts'

type Rt = EvaluationRuntime

export function call(fn: Value, args: Value[], kwargs: Kwargs | null, rt: Rt): Result {
  if (fn instanceof PyFunction) return fn.invoke(args, kwargs, rt)
  if (fn instanceof NativeFunction) {
    if (rt.tickDue) return rt.tick().then(() => call(fn, args, kwargs, rt))
    rt.charge(1)
    const { owner } = fn
    if (owner !== null) {
      const given = args[0]
      if (given === undefined) raise('TypeError', `unbound method ${owner.name}.${fn.name}() needs an argument`)
      if (!typeOf(given).isSubclass(owner) && !(given instanceof PyClass && given.meta?.isSubclass(owner)))
        raise('TypeError', `descriptor '${fn.name}' for '${owner.name}' objects doesn't apply to a '${typeOf(given).name}' object`)
    }
    return fn.code(args, kwargs, rt)
  }
  if (fn instanceof BoundMethod) return call(fn.fn, [fn.self, ...args], kwargs, rt)
  if (fn instanceof PyClass) return instantiate(fn, args, kwargs, rt)
  if (fn instanceof HostObject && fn.call) return fn.call(args, kwargs, rt)
  if (fn instanceof PyStaticMethod) return call(fn.fn, args, kwargs, rt)
  if (fn instanceof PyClassMethod) raise('TypeError', "'classmethod' object is not callable")
  const method = special(fn, '__call__')
  if (method !== undefined) return call(method, [fn, ...args], kwargs, rt)
  return raise('TypeError', `'${typeOf(fn).name}' object is not callable`)
}

/** Makes an object: `__new__` or the built-in constructor, then `__init__`. */
export function instantiate(cls: PyClass, args: Value[], kwargs: Kwargs | null, rt: Rt): Result {
  rt.charge(1)
  rt.alloc(64)
  const onClass = cls.meta?.lookup('__call__')
  if (onClass !== undefined) return call(onClass, [cls, ...args], kwargs, rt)
  if (cls.frozen) {
    if (!cls.construct) raise('TypeError', `cannot create '${cls.name}' instances`)
    return cls.construct(cls, args, kwargs, rt)
  }
  assertConcrete(cls)
  const found = cls.lookup('__new__')
  // `object.__new__` is for `super().__new__(cls)`; without one of its own a class makes its objects as below.
  const make = found === types.object.dict.get('__new__') ? undefined : found
  const init = special(stand(cls), '__init__')
  if (make !== undefined) {
    const fn = make instanceof PyStaticMethod ? make.fn : make
    return bind(call(fn, [cls, ...args], kwargs, rt), (object: Value) =>
      init !== undefined && typeOf(object).isSubclass(cls) ? initialize(init, object, args, kwargs, rt) : object,
    )
  }
  const construct = cls.construct === types.object.construct ? null : cls.construct
  if (init !== undefined) {
    const object = cls.fresh ? cls.fresh(cls) : construct ? construct(cls, args, null, rt) : new PyInstance(cls)
    return bind(object, (value: Value) => initialize(init, value, args, kwargs, rt))
  }
  if (construct) return construct(cls, args, kwargs, rt)
  if (args.length || kwargs?.size) raise('TypeError', `${cls.name}() takes no arguments`)
  return new PyInstance(cls)
}

const stand = (cls: PyClass): Value => ({ cls }) as unknown as Value

function initialize(init: Value, object: Value, args: Value[], kwargs: Kwargs | null, rt: Rt): Result {
  const result = call(init, [object, ...args], kwargs, rt)
  if (result instanceof Pending) return result.then(() => object)
  if (result !== null) raise('TypeError', `__init__() should return None, not '${typeOf(result).name}'`)
  return object
}

function assertConcrete(cls: PyClass): void {
  const missing = cls.facts?.get('abstract') as string[] | undefined
  if (missing?.length)
    raise(
      'TypeError',
      `Can't instantiate abstract class ${cls.name} with abstract method${missing.length > 1 ? 's' : ''} ${missing.join(', ')}`,
    )
}
