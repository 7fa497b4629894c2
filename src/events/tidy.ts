/** What an entry may hold: enough to understand what happened, never enough to fill the disk by talking to us. */
const MAX_TEXT = 8_192 // characters
const MAX_ITEMS = 200
const MAX_DEPTH = 12
const MAX_TOTAL = 65_536 // characters of JSON

/** Text that every database stores: no NUL, no half of a surrogate pair, bounded. */
const tidyText = (text: string): string => {
  const cut = text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text
  return cut.toWellFormed().replaceAll('\0', '\uFFFD')
}

function tidy(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return tidyText(value)
  if (typeof value === 'bigint') return value.toString()
  if (typeof value !== 'object' || value === null || value instanceof Date) return value
  if (depth >= MAX_DEPTH) return '…'
  if (Array.isArray(value)) return value.slice(0, MAX_ITEMS).map(item => tidy(item, depth + 1))
  return Object.fromEntries(
    Object.entries(value)
      .slice(0, MAX_ITEMS)
      .map(([key, inner]) => [tidyText(key), tidy(inner, depth + 1)]),
  )
}

/** A bounded copy of an event's context as JSON text. What is too large as a whole keeps its model and says so. */
export function contextText(context: Record<string, unknown>): string {
  const text = JSON.stringify(tidy(context, 0))
  if (text.length <= MAX_TOTAL) return text
  const { model, http_request: request } = context
  const rest = JSON.stringify(tidy({ model, http_request: request, truncated: true }, 0))
  return rest.length <= MAX_TOTAL ? rest : '{"truncated":true}'
}
