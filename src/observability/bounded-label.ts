/** A function that passes the first `max` different values and calls all later ones `other`, so that a label cannot grow for ever. */
export function boundedLabel(max: number): (value: string) => string {
  const seen = new Set<string>()
  return value => {
    if (seen.has(value)) return value
    if (seen.size >= max) return 'other'
    seen.add(value)
    return value
  }
}
