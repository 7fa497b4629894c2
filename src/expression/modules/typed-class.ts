import { raise } from '../errors.ts'
import { nativeClass } from '../module.ts'
import type { NativeClassSpec } from '../module.ts'
import { NativeFunction, typeOf } from '../values.ts'
import type { PyClass, PyObject, Value } from '../values.ts'

type Type = abstract new (...args: never[]) => PyObject

/**
 * A native class whose methods and getters only ever see objects of one TypeScript class. Expressions can take a method from the class
 * and call it with anything, or derive a class whose objects lack our fields: both must end in a TypeError of the language.
 * `type` is a function because the two classes usually refer to each other.
 */
export function typedClass(spec: NativeClassSpec, type: () => Type): PyClass {
  const check = (self: Value | undefined, name: string) => {
    if (self instanceof type()) return
    raise('TypeError', `descriptor '${name}' requires a '${spec.name}' object but received a '${typeOf(self ?? null).name}'`)
  }
  const methods: Record<string, NativeFunction> = {}
  for (const [name, fn] of Object.entries(spec.methods ?? {}))
    methods[name] = new NativeFunction(fn.name, (args, kwargs, rt) => {
      check(args[0], name)
      return fn.code(args, kwargs, rt)
    })
  const getters: NativeClassSpec['getters'] = {}
  for (const [name, get] of Object.entries(spec.getters ?? {}))
    getters[name] = (self, rt) => {
      check(self, name)
      return get(self, rt)
    }
  return nativeClass({ ...spec, methods, getters })
}
