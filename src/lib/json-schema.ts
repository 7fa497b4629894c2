/**
 * JSON Schema as our bodies use it, checked by walking the schema beside the value. A library compiles each schema to a function first,
 * which takes milliseconds for a model: more than all the bodies that most of them ever see.
 */

/** A schema of the keywords below; others are an error when it is first used, so that none is passed over in silence. */
type Schema = {
  readonly type?: string | readonly string[]
  readonly enum?: readonly unknown[]
  readonly format?: string
  readonly pattern?: string
  readonly minLength?: number
  readonly maxLength?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly minItems?: number
  readonly maxItems?: number
  readonly items?: Schema
  readonly required?: readonly string[]
  readonly properties?: Readonly<Record<string, Schema>>
  /** Properties that are not named may be anything. */
  readonly additionalProperties?: true | Record<string, never>
}

/** A rule that a value breaks. */
export type Violation = {
  /** Names and positions from the whole value down to the one at fault. */
  path: readonly string[]
  keyword: Exclude<keyof Schema, 'properties' | 'items' | 'additionalProperties'>
  /** The one that has the keyword. */
  schema: Schema
  value: unknown
}

const LABEL = '[a-z0-9]+(?:-+[a-z0-9]+)*'
const ATOM = "[-a-z0-9!#$%&'*+/=?^_`{|}~]+"

const formats: Readonly<Record<string, (text: string) => boolean>> = {
  uuid: text => /^(?:urn:uuid:)?[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i.test(text),
  // A dot-atom (RFC 5322 §3.2.3) at a host name of at least two labels.
  email: text => (EMAIL ??= new RegExp(`^${ATOM}(?:\\.${ATOM})*@(?:${LABEL}\\.)+${LABEL}$`, 'i')).test(text),
  // RFC 3339, but a missing zone is read as UTC, as clients of the API expect.
  'date-time': text => !Number.isNaN(Date.parse(text)) && /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d/.test(text),
}
let EMAIL: RegExp | undefined

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)

const types: Readonly<Record<string, (value: unknown) => boolean>> = {
  string: value => typeof value === 'string',
  number: Number.isFinite,
  integer: Number.isInteger,
  boolean: value => typeof value === 'boolean',
  null: value => value === null,
  array: Array.isArray,
  object: isObject,
}

/** The rules that a value of JSON breaks, all of them: what is missing first, then field by field in the schema's order. */
export function violations(schema: Schema, value: unknown): Violation[] {
  understand(schema)
  const found: Violation[] = []
  walk(schema, value, [], found)
  return found
}

function walk(schema: Schema, value: unknown, path: readonly string[], found: Violation[]): void {
  const broken = (keyword: Violation['keyword'], at = path) => void found.push({ path: at, keyword, schema, value })
  const { type } = schema
  if (type !== undefined && ![type].flat().some(name => types[name]!(value))) broken('type')
  if (typeof value === 'string') checkText(schema, value, broken)
  if (typeof value === 'number') {
    if (value > (schema.maximum ?? Infinity)) broken('maximum')
    if (value < (schema.minimum ?? -Infinity)) broken('minimum')
  }
  if (schema.enum !== undefined && !schema.enum.includes(value)) broken('enum')
  if (Array.isArray(value)) {
    if (value.length > (schema.maxItems ?? Infinity)) broken('maxItems')
    if (value.length < (schema.minItems ?? 0)) broken('minItems')
    if (schema.items) for (const [index, item] of value.entries()) walk(schema.items, item, [...path, String(index)], found)
  } else if (isObject(value)) {
    for (const name of schema.required ?? []) if (value[name] === undefined) broken('required', [...path, name])
    for (const [name, inner] of Object.entries(schema.properties ?? {}))
      if (value[name] !== undefined) walk(inner, value[name], [...path, name], found)
  }
}

function checkText(schema: Schema, text: string, broken: (keyword: Violation['keyword']) => void): void {
  const { minLength = 0, maxLength = Infinity, pattern, format } = schema
  // Lengths are counted in characters, of which some take two places.
  if (text.length > maxLength && [...text].length > maxLength) broken('maxLength')
  if (text.length < 2 * minLength && [...text].length < minLength) broken('minLength')
  if (pattern !== undefined && !patternOf(pattern).test(text)) broken('pattern')
  if (format !== undefined && !formats[format]!(text)) broken('format')
}

const patterns = new Map<string, RegExp>()

function patternOf(source: string): RegExp {
  const known = patterns.get(source)
  if (known) return known
  const made = new RegExp(source, 'u')
  patterns.set(source, made)
  return made
}

const KEYWORDS = new Set([
  'type',
  'enum',
  'format',
  'pattern',
  'minLength',
  'maxLength',
  'minimum',
  'maximum',
  'minItems',
  'maxItems',
  'items',
  'required',
  'properties',
  'additionalProperties',
  'title',
  'description',
  'default',
  'examples',
  'deprecated',
])
const understood = new WeakSet<Schema>()

/** @throws Error when a schema, or one inside it, says what is not checked here */
function understand(schema: Schema): void {
  if (understood.has(schema)) return
  const unknown = Object.keys(schema).find(keyword => !KEYWORDS.has(keyword))
  if (unknown !== undefined) throw new Error(`JSON Schema: nothing checks "${unknown}"`)
  const { type, format, additionalProperties: rest } = schema
  for (const name of [type ?? []].flat()) if (!types[name]) throw new Error(`JSON Schema: there is no type "${name}"`)
  if (format !== undefined && !formats[format]) throw new Error(`JSON Schema: nothing checks the format "${format}"`)
  if (!['true', '{}', undefined].includes(JSON.stringify(rest))) throw new Error('JSON Schema: nothing checks other properties')
  if (schema.items) understand(schema.items)
  for (const inner of Object.values(schema.properties ?? {})) understand(inner)
  understood.add(schema)
}
