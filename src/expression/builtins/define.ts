/** Putting methods into the built-in types. */
import { native, nativeRaw, type Argument, type Body, type NativeCode } from '../module.ts'
import { IntrinsicFunction, PyClassMethod, PyProperty, PyStaticMethod, NativeFunction, own } from '../values.ts'
import type { PyClass, Result } from '../values.ts'
import type { EvaluationRuntime } from '../runtime.ts'

/** Methods by `'name(signature)'`, the receiver first and not in the signature. */
export function methods(cls: PyClass, table: Record<string, Body>): void {
  for (const [head, body] of Object.entries(table)) {
    const [, name, signature] = /^(\w+)\((.*)\)$/s.exec(head)!
    cls.dict.set(name!, own(cls, native(name!, signature ? `self, /, ${signature}` : 'self', body)))
  }
}

/** Special methods that only `super()` and explicit calls reach. */
export function intrinsics(cls: PyClass, table: Record<string, NativeCode>): void {
  for (const [name, code] of Object.entries(table)) cls.dict.set(name, own(cls, new IntrinsicFunction(name, code)))
}

export function getter(cls: PyClass, name: string, get: (self: Argument, rt: EvaluationRuntime) => Result): void {
  cls.dict.set(name, new PyProperty(own(cls, new NativeFunction(name, ([self], _, rt) => get(self, rt)))))
}

export const classMethod = (cls: PyClass, name: string, code: NativeCode): void =>
  void cls.dict.set(name, new PyClassMethod(nativeRaw(name, code)))
export const staticMethod = (cls: PyClass, name: string, code: NativeCode): void =>
  void cls.dict.set(name, new PyStaticMethod(nativeRaw(name, code)))
