type Fields = Record<string, unknown>

/** A copy of a row or of JSON that has nothing in common with it but its dates, which nobody changes. */
export function copyOf<T>(value: T): T {
  if (typeof value !== 'object' || value === null || value instanceof Date) return value
  if (Array.isArray(value)) return value.map(copyOf) as T
  const copy: Fields = { ...(value as Fields) }
  for (const key of Object.keys(copy)) {
    const inner = copy[key]
    if (typeof inner === 'object' && inner !== null) copy[key] = copyOf(inner)
  }
  return copy as T
}
