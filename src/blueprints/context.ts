/** The values behind !Context: the product's own, overlaid by the file's, overlaid by the instance's. */
import { isMapping, isSequence } from './document.ts'
import type { Mapping, Unresolved, Value } from './document.ts'
import { budget, MAX_NODES } from './limits.ts'
import { fromJson } from './tags.ts'

const asMapping = (values: { [key: string]: Value }): Mapping =>
  fromJson(values, { line: null, depth: 0, nodes: budget(MAX_NODES, 'context values') }) as Mapping

/** Deep: mappings are merged, lists joined, everything else is replaced. Tags count as single values. */
export function mergeContext(base: Mapping, over: Mapping): Mapping {
  const merged = new Map(base)
  for (const [key, value] of over) merged.set(key, mergeValue(merged.get(key), value))
  return merged
}

function mergeValue(base: Unresolved | undefined, over: Unresolved): Unresolved {
  if (isMapping(base) && isMapping(over)) return mergeContext(base, over)
  if (isSequence(base) && isSequence(over)) return [...base, ...over]
  return over
}

/** @throws BlueprintError when a context given as JSON is beyond the bounds of limits.ts. */
export function buildContext(defaults: { [key: string]: Value }, file: Mapping, instance: { [key: string]: Value }): Mapping {
  return mergeContext(mergeContext(asMapping(defaults), file), asMapping(instance))
}
