/** Looking up special methods (`__add__`, `__eq__` …) of classes that have their own. */
import { IntrinsicFunction, PyClass } from './values.ts'
import type { Value } from './values.ts'

/** The special method of an object's class, undefined when the class has none or only the built-in behaviour. */
export function special(value: Value, name: string): Value | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const cls = value instanceof PyClass ? value.meta : value.cls
  if (!cls || cls.plain) return undefined
  const found = cls.lookup(name)
  return found instanceof IntrinsicFunction ? undefined : found
}
