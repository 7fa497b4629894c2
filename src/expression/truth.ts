/** `bool()` of any value. */
import { call } from './call.ts'
import { raise } from './errors.ts'
import { bind, type Pending } from './pending.ts'
import type { EvaluationRuntime } from './runtime.ts'
import { special } from './special.ts'
import { HostObject, PyBytes, PyDict, PyFloat, PyInstance, PyList, PyRange, PySet, PyTuple } from './values.ts'
import type { Value } from './values.ts'

export function truth(value: Value, rt: EvaluationRuntime): boolean | Pending {
  if (typeof value !== 'object') return Boolean(value)
  if (value === null) return false
  if (value instanceof HostObject) {
    if (value.truth) return value.truth(rt)
    if (value.length) return bind(value.length(rt), (length: number) => length > 0)
    return true
  }
  if (!value.cls.plain) {
    const method = special(value, '__bool__')
    if (method !== undefined) return bind(call(method, [value], null, rt), answerOf)
    const length = special(value, '__len__')
    if (length !== undefined) return bind(call(length, [value], null, rt), (n: Value) => Boolean(n))
  }
  if (value instanceof PyList || value instanceof PyTuple) return value.items.length > 0
  if (value instanceof PyDict) return value.entries.size > 0
  if (value instanceof PyFloat) return value.value !== 0
  if (value instanceof PySet) return value.items.size > 0
  if (value instanceof PyBytes) return value.data.length > 0
  if (value instanceof PyRange) return value.length > 0
  if (value instanceof PyInstance && value.payload !== undefined) return truth(value.payload, rt)
  return true
}

function answerOf(answer: Value): boolean {
  if (typeof answer !== 'boolean') raise('TypeError', '__bool__ should return bool')
  return answer
}
