/** Set algebra over canonical keys. */
import type { Runtime } from './module.ts'
import type { Value } from './values.ts'

/** The union, intersection, difference or symmetric difference; values of `a` win. */
export function setOperation(
  op: string,
  a: Map<unknown, Value>,
  b: Map<unknown, Value>,
  rt: Pick<Runtime, 'charge' | 'alloc'>,
): Map<unknown, Value> {
  rt.charge(2 * (a.size + b.size))
  rt.alloc((a.size + b.size) * 48)
  const out = new Map<unknown, Value>()
  for (const [key, value] of a) {
    if (op === '|' || (op === '&' ? b.has(key) : !b.has(key))) out.set(key, value)
  }
  if (op === '|' || op === '^') for (const [key, value] of b) if (op === '|' ? !out.has(key) : !a.has(key)) out.set(key, value)
  return out
}
