/** What may leave an evaluation: results, what is kept in the context, what is handed to the host. */
import { LimitExceeded } from './errors.ts'
import { DictView } from './iterate.ts'
import { MAX_OBJECT } from './limits.ts'
import { PyBytes, PyDict, PyInstance, PyList, PySet, PyTuple, type Value } from './values.ts'

/** In bytes, a part counting as many as below: outside nothing is done in pieces, and a list that holds itself twice doubles with each level. */
export const MAX_OUTSIDE = 2 * MAX_OBJECT
const PART = 32
const MAX_DEPTH = 200

/**
 * The weight that a value has once it is copied out. Objects of the host and what nobody touched in a lazy dict weigh nothing.
 * Throws LimitExceeded beyond `most`.
 */
export function weigh(value: Value, most = MAX_OUTSIDE): number {
  let weight = 0
  const add = (item: Value, depth: number): void => {
    if (typeof item === 'string') weight += item.length
    if ((weight += PART) > most) throw new LimitExceeded('memory', `more than ${most} bytes to be kept`)
    if (item === null || typeof item !== 'object') return
    // Whoever converts it refuses what is deeper.
    if (depth > MAX_DEPTH) return
    if (item instanceof PyList || item instanceof PyTuple) for (const inner of item.items) add(inner, depth + 1)
    else if (item instanceof PyDict || item instanceof DictView) {
      for (const entry of (item instanceof PyDict ? item : item.dict).entries.values()) {
        if (entry.untouched) continue
        add(entry.key, depth + 1)
        add(entry.value, depth + 1)
      }
    } else if (item instanceof PySet) for (const inner of item.items.values()) add(inner, depth + 1)
    else if (item instanceof PyBytes) weight += 2 * item.data.length
    else if (item instanceof PyInstance && item.payload !== undefined) add(item.payload, depth + 1)
  }
  add(value, 0)
  return weight
}
