import { changed } from '../lib/changed.ts'

/** What an entry may hold: enough to understand what happened, never enough to fill the disk by talking to us. */
const MAX_TEXT = 8_192 // characters
const MAX_ITEMS = 200
const MAX_DEPTH = 12
const MAX_TOTAL = 65_536 // characters of JSON

/** Text that every database stores: no NUL, no half of a surrogate pair, bounded. */
function tidyText(text: string): string {
  const cut = text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text
  const whole = cut.isWellFormed() ? cut : cut.toWellFormed()
  return whole.includes('\0') ? whole.replaceAll('\0', '\uFFFD') : whole
}

const isTidyKey = (key: string): boolean => tidyText(key) === key

function tidy(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return tidyText(value)
  if (typeof value === 'bigint') return value.toString()
  if (typeof value !== 'object' || value === null || value instanceof Date) return value
  if (depth >= MAX_DEPTH) return '…'
  const inner = (item: unknown) => tidy(item, depth + 1)
  if (Array.isArray(value)) return changed(value.length > MAX_ITEMS ? value.slice(0, MAX_ITEMS) : value, inner)
  const keys = Object.keys(value)
  if (keys.length <= MAX_ITEMS && keys.every(isTidyKey)) return changed(value, inner)
  const entries = Object.entries(value).slice(0, MAX_ITEMS)
  return Object.fromEntries(entries.map(([key, item]) => [tidyText(key), inner(item)]))
}

/** An event's context as JSON text, bounded. What is too large as a whole keeps its model and says so. */
export function contextText(context: Record<string, unknown>): string {
  const text = JSON.stringify(tidy(context, 0))
  if (text.length <= MAX_TOTAL) return text
  const { model, http_request: request } = context
  const rest = JSON.stringify(tidy({ model, http_request: request, truncated: true }, 0))
  return rest.length <= MAX_TOTAL ? rest : '{"truncated":true}'
}
