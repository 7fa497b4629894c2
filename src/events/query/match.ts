import type { Row } from '../../api/model.ts'
import { parseQuery, QuerySyntaxError, type Literal, type Query } from './parse.ts'

/** What can be asked about an entry; the last three hold whatever was recorded, by keys joined with dots. */
const FIELDS = new Set(['action', 'app', 'client_ip', 'created', 'event_uuid', 'user', 'brand', 'context'])
const NESTED = new Set(['user', 'brand', 'context'])

/** Whether an entry of the audit log is one that is looked for. */
export type EventMatcher = (event: Row) => boolean

/**
 * Prepares a query over entries of the audit log. A text that is no query is looked for as it stands, as searches do;
 * `problem` says why it was none.
 */
export function eventQuery(source: string): { matches: EventMatcher; problem?: string } {
  try {
    const query = parseQuery(source)
    checkFields(query)
    return { matches: event => holds(query, event) }
  } catch (error) {
    if (!(error instanceof QuerySyntaxError)) throw error
    const wanted = source.trim().toLowerCase()
    return { matches: event => plainText(event).includes(wanted), problem: error.message }
  }
}

function checkFields(query: Query): void {
  if (query.kind !== 'comparison') {
    checkFields(query.left)
    checkFields(query.right)
    return
  }
  const [first = '', ...rest] = query.path
  if (!FIELDS.has(first)) throw new QuerySyntaxError(`Unknown field: ${first}.`)
  if (NESTED.has(first) !== rest.length > 0) throw new QuerySyntaxError(`${query.path.join('.')} is no value.`)
}

/** What searches look through. */
const plainText = (event: Row): string =>
  ['event_uuid', 'user', 'action', 'app', 'context', 'client_ip']
    .map(name => event[name])
    .map(value => (typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value ?? '')))
    .join('\n')
    .toLowerCase()

function holds(query: Query, event: Row): boolean {
  if (query.kind !== 'comparison') {
    const left = holds(query.left, event)
    return (query.kind === 'and') === left ? holds(query.right, event) : left
  }
  const actual = valueAt(event, query.path)
  const { operator, value } = query
  const opposite = operator.startsWith('!') ? operator.slice(1) : operator.startsWith('not ') ? operator.slice(4) : undefined
  return opposite === undefined ? compare(actual, operator, value) : !compare(actual, opposite, value)
}

function valueAt(event: Row, path: readonly string[]): unknown {
  let value: unknown = event
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return null
    value = (value as Row)[key]
  }
  return value ?? null
}

function compare(actual: unknown, operator: string, wanted: Literal | Literal[]): boolean {
  if (Array.isArray(wanted)) return wanted.some(one => compare(actual, '=', one))
  if (wanted === null) return operator === '=' && actual === null
  if (actual === null) return false
  if (actual instanceof Date) return ordered(actual.getTime(), operator, new Date(String(wanted)).getTime())
  if (operator === '~' || operator === 'startswith' || operator === 'endswith') {
    const [text, part] = [textOf(actual), String(wanted).toLowerCase()]
    return operator === '~' ? text.includes(part) : operator === 'startswith' ? text.startsWith(part) : text.endsWith(part)
  }
  if (typeof actual === 'number' && typeof wanted === 'number') return ordered(actual, operator, wanted)
  if (typeof actual === 'string' && typeof wanted === 'string') return ordered(actual, operator, wanted)
  return operator === '=' && (actual === wanted || (typeof actual !== 'object' && String(actual) === String(wanted)))
}

const textOf = (value: unknown): string => (typeof value === 'object' ? JSON.stringify(value) : String(value)).toLowerCase()

function ordered<T extends string | number>(left: T, operator: string, right: T): boolean {
  switch (operator) {
    case '=':
      return left === right
    case '>':
      return left > right
    case '>=':
      return left >= right
    case '<':
      return left < right
    default:
      return operator === '<=' && left <= right
  }
}
