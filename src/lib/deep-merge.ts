type Tree = { [key: string]: unknown }

const MAX_DEPTH = 64

const isTree = (value: unknown): value is Tree => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/**
 * Merges JSON objects, later ones over earlier: objects are merged, lists concatenated, everything else is replaced.
 * The arguments stay as they are, and the result shares no object or list with them. The keys `__proto__`, `constructor` and
 * `prototype` are ordinary data.
 * @throws RangeError when objects are nested deeper than 64 levels
 */
export function deepMerge(...trees: readonly Tree[]): Tree {
  const result: Tree = {}
  for (const tree of trees) mergeInto(result, tree, 0)
  return result
}

function mergeInto(target: Tree, source: Tree, depth: number): void {
  for (const [key, value] of Object.entries(source)) {
    const old = Object.hasOwn(target, key) ? target[key] : undefined
    if (isTree(value) && isTree(old)) {
      if (depth >= MAX_DEPTH) throw new RangeError(`Objects are nested deeper than ${MAX_DEPTH} levels.`)
      mergeInto(old, value, depth + 1)
    } else if (Array.isArray(value) && Array.isArray(old)) {
      set(target, key, [...old, ...value.map(item => copy(item, depth + 1))])
    } else {
      set(target, key, copy(value, depth + 1))
    }
  }
}

function copy(value: unknown, depth: number): unknown {
  if (depth > MAX_DEPTH) throw new RangeError(`Objects are nested deeper than ${MAX_DEPTH} levels.`)
  if (Array.isArray(value)) return value.map(item => copy(item, depth + 1))
  if (!isTree(value)) return value
  const result: Tree = {}
  for (const [key, inner] of Object.entries(value)) set(result, key, copy(inner, depth + 1))
  return result
}

// Assignment would call the setter of `__proto__`; a definition, which takes longer, makes an ordinary key of it.
const set = (target: Tree, key: string, value: unknown): void => {
  if (key !== '__proto__') target[key] = value
  else Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true })
}
