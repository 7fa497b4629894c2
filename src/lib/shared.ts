/** Texts that are remembered at once: what is worth sharing is what many have in common. */
const MOST = 64

/** A function that hands out the same value for the same text, for what many hold alike; of values that nobody asked for lately it may make another. */
export function shared<V>(make: (text: string) => V): (text: string) => V {
  const kept = new Map<string, V>()
  return text => {
    const known = kept.get(text)
    if (known !== undefined) return known
    const made = make(text)
    if (kept.size >= MOST) kept.delete(kept.keys().next().value!)
    kept.set(text, made)
    return made
  }
}
