/**
 * A function of texts that remembers what it said of the last `most` of them: for what every request asks again, and for values that many hold
 * alike, who then hold the same one. It must depend on nothing else.
 * @param longest of longer texts nothing is remembered: they are not worth the memory, and whoever sends them would choose what is kept
 */
export function remember<V>(most: number, find: (text: string) => V, { longest = 300 } = {}): (text: string) => V {
  const known = new Map<string, V>()
  return text => {
    if (text.length > longest) return find(text)
    const remembered = known.get(text)
    if (remembered !== undefined || known.has(text)) return remembered as V
    const found = find(text)
    if (known.size >= most) known.delete(known.keys().next().value!)
    known.set(text, found)
    return found
  }
}
