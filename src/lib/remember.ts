/** A function of short texts that remembers what it said of the last `most` of them: for what every request asks again. It must depend on nothing else. */
export function remember<V>(most: number, find: (text: string) => V): (text: string) => V {
  const known = new Map<string, V>()
  return text => {
    if (text.length > LONGEST) return find(text)
    const remembered = known.get(text)
    if (remembered !== undefined || known.has(text)) return remembered as V
    const found = find(text)
    if (known.size >= most) known.delete(known.keys().next().value!)
    known.set(text, found)
    return found
  }
}

/** Longer ones are not worth the memory; whoever sends them would choose what is remembered. */
const LONGEST = 300
