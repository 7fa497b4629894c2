/**
 * The names and values of a form, or of a query string, as the platform's own parser finds them (URL Standard §5.1). Most hold nothing that is
 * encoded, and that parser's objects cost more than the finding does.
 */
export function formPairs(text: string): [name: string, value: string][] {
  // Halves of surrogate pairs, which no bytes decode to, are its to mend.
  if (!text.isWellFormed()) return [...new URLSearchParams(text)]
  const pairs: [string, string][] = []
  let start = text.startsWith('?') ? 1 : 0
  while (start < text.length) {
    const and = text.indexOf('&', start)
    const end = and < 0 ? text.length : and
    if (end > start) {
      const pair = text.slice(start, end)
      const equals = pair.indexOf('=')
      pairs.push(equals < 0 ? [decoded(pair), ''] : [decoded(pair.slice(0, equals)), decoded(pair.slice(equals + 1))])
    }
    start = end + 1
  }
  return pairs
}

function decoded(text: string): string {
  const spaced = text.includes('+') ? text.replaceAll('+', ' ') : text
  if (!spaced.includes('%')) return spaced
  try {
    return decodeURIComponent(spaced)
  } catch {
    // No percent sign of an escape, or bytes that are no UTF-8. As a value: a name cannot hold what ends it.
    return new URLSearchParams(`v=${text}`).get('v')!
  }
}
