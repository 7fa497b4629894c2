/**
 * How a module that expressions can import is written in TypeScript.
 *
 * ```ts
 * export const base64 = defineModule('base64', {
 *   b64encode: native('b64encode', 's, altchars=None', ([s], rt) => { rt.charge(…); return new PyBytes(…) }),
 *   lookup: native('lookup', 'name', function* ([name], rt) { return yield rt.hostCall('lookup', name) }),
 * })
 * ```
 */
import { Pending, type Answer } from './pending.ts'
import { NativeFunction, PyClass, PyClassMethod, PyModule, PyProperty, PyStaticMethod, own, types } from './values.ts'
import type { Key, Kwargs, PyIterator, Result, Value } from './values.ts'
import type { EvaluationRuntime } from './runtime.ts'
import { bindParameters, parseSignature } from './signature.ts'

/** The interpreter as native code sees it. Functions that can meet code of the expression may answer Pending. */
export interface Runtime {
  /** Pays for work: one step is about 100 ns. Throws (uncatchable by expressions) beyond the limit. */
  charge(steps: number): void
  /** Pays for memory, in bytes. */
  alloc(bytes: number): void
  /** Asks the host; the result is whatever value the host answers. */
  hostCall(op: string, args: unknown): Pending
  call(fn: Value, args: Value[], kwargs?: Kwargs | null): Result
  getAttribute(object: Value, name: string): Result
  /** An iterator over any iterable; TypeError otherwise. */
  iterator(value: Value): PyIterator | Pending
  /** All items of an iterable. The array is fresh. */
  collect(value: Value): Value[] | Pending
  /** Calls `each` for every item; `each` may answer a Pending, or false to stop. */
  forEach(value: Value, each: (item: Value) => Pending | false | void): undefined | Pending
  truth(value: Value): boolean | Pending
  /** `str()` and `repr()`; methods of the expression's own classes are run without pause. */
  str(value: Value): string
  repr(value: Value): string
  equals(a: Value, b: Value): boolean
  /** `a < b`, TypeError when the two have no order. */
  less(a: Value, b: Value): boolean
  keyOf(value: Value): Key
  /** Wall clock in milliseconds since 1970 and monotonic milliseconds; both given by the host. */
  now(): number
  monotonic(): number
  /** A float in [0, 1). */
  random(): number
  /** A message for the user (`ak_message`). */
  message(text: string): void
  log(level: string, event: string, fields: ReadonlyMap<string, Value>): void
}

/** Positional and keyword arguments as they arrive; for methods args[0] is the receiver. */
export type NativeCode = (args: Value[], kwargs: Kwargs | null, rt: EvaluationRuntime) => Result

/** What a parameter holds: the signature, a text, says how many there are and what is optional, and the body knows what it asked for. */
// oxlint-disable-next-line typescript/no-explicit-any -- the type of a parameter that is only named in a text
export type Argument = any

/** A native generator: yields whatever it awaits and gets the value back. */
export type Steps<Returned> = Generator<unknown, Returned, Answer>

/** What a body written with a signature gets: the parameters in order of the signature. Rest parameters are PyTuple and PyDict. */
export type Body = (args: Argument[], rt: EvaluationRuntime) => Result | Steps<Value>

const GeneratorFunction = function* () {}.constructor

/**
 * Drives a native generator: it may `yield` any `Result` (or a promise-like Pending of the runtime) and gets the value back.
 * Errors of the awaited operation are thrown at the `yield`.
 */
export function drive(generator: Steps<Value>): Result {
  const step = (method: 'next' | 'throw', input: unknown): Result => {
    for (;;) {
      const { done, value } = method === 'next' ? generator.next(input) : generator.throw(input)
      if (done) return value
      if (value instanceof Pending)
        return value.then(
          answer => step('next', answer),
          error => step('throw', error),
        )
      method = 'next'
      input = value
    }
  }
  return step('next', undefined)
}

/**
 * A native function. `signature` lists parameters as in Python: `'self, pattern, flags=0, *, key=None, **rest'`. Defaults are None, True,
 * False, numbers and quoted text; a trailing `?` makes a parameter optional without default (undefined). `/` is accepted.
 */
export function native(name: string, signature: string, body: Body): NativeFunction {
  const parameters = parseSignature(name, signature)
  if (body instanceof GeneratorFunction)
    return new NativeFunction(name, (args, kwargs, rt) => drive(body(bindParameters(parameters, args, kwargs), rt) as Steps<Value>))
  return new NativeFunction(name, (args, kwargs, rt) => body(bindParameters(parameters, args, kwargs), rt) as Result)
}

/** A native function that looks at its raw arguments. */
export const nativeRaw = (name: string, code: NativeCode): NativeFunction => new NativeFunction(name, code)

export interface NativeClassSpec {
  name: string
  bases?: PyClass[]
  module?: string
  /** Makes the object when the class is called: `cls` may be a subclass. Absent: not callable (TypeError). */
  construct?: (cls: PyClass, args: Value[], kwargs: Kwargs | null, rt: EvaluationRuntime) => Result
  /** Methods, dunder methods included (`__add__`, `__eq__`, `__repr__` …); the receiver comes first. */
  methods?: Record<string, NativeFunction>
  getters?: Record<string, (self: Argument, rt: EvaluationRuntime) => Result>
  classMethods?: Record<string, NativeFunction>
  staticMethods?: Record<string, NativeFunction>
  constants?: Record<string, Value>
}

/** A class written in TypeScript; frozen for expressions. Its objects extend PyInstance. */
export function nativeClass(spec: NativeClassSpec): PyClass {
  const dict = new Map<string, Value>()
  const owned: [string, NativeFunction][] = []
  const getters: [string, NativeFunction][] = []
  for (const [name, fn] of Object.entries(spec.methods ?? {})) owned.push([name, fn])
  for (const [name, get] of Object.entries(spec.getters ?? {}))
    getters.push([name, new NativeFunction(name, ([self], _, rt) => get(self, rt))])
  for (const [name, fn] of Object.entries(spec.classMethods ?? {})) dict.set(name, new PyClassMethod(fn))
  for (const [name, fn] of Object.entries(spec.staticMethods ?? {})) dict.set(name, new PyStaticMethod(fn))
  for (const [name, value] of Object.entries(spec.constants ?? {})) dict.set(name, value)
  const cls = new PyClass(spec.name, spec.bases ?? [types.object], dict)
  for (const [name, fn] of owned) dict.set(name, own(cls, fn))
  for (const [name, get] of getters) dict.set(name, new PyProperty(own(cls, get)))
  cls.cls = types.type
  cls.module = spec.module ?? 'builtins'
  if (spec.construct) cls.construct = spec.construct
  cls.frozen = true
  return cls
}

/** A module: name as imported (`urllib.parse`), members by name. Frozen; shared by all evaluations, so it must hold no state. */
export const defineModule = (name: string, members: Record<string, Value>): PyModule => new PyModule(name, new Map(Object.entries(members)))
