import { Type, type TSchema } from 'typebox'
import { isDuration } from '../lib/duration.ts'
import type { Ctx } from '../context.ts'
import type { Model } from './model.ts'

/** How a field is kept: a column of the model's table, rows of a joining table, or not at all (made when shown). */
export type Storage = 'column' | 'relation' | 'computed'

/** The joining table of a many-to-many field. */
export type Relation = { table: string; ours: string; theirs: string }

/**
 * One field of a model: its shape on the wire and how it is stored. REST, OpenAPI, blueprints,
 * event diffs and admin forms all read this one value.
 */
export type Field = {
  /** JSON Schema of the value on the wire, null included where it is allowed. References get theirs from the model they point to: `wireSchema`. */
  schema: TSchema
  storage: Storage
  /** Must stand in the body of a create and of a full update. */
  required: boolean
  nullable: boolean
  readOnly: boolean
  /** Accepted, never shown (passwords, private keys). */
  writeOnly: boolean
  /** Never written to events, even where it is shown by the API (client secrets). */
  secret: boolean
  /** Its column holds it encrypted under the secret key. */
  sealed?: true
  unique: boolean
  /** What to say when another object holds the value, where that is not the usual sentence. */
  taken?: string
  /** Value of a create that leaves the field out. */
  initial?: (ctx: Ctx) => unknown
  /** Name of the schema that answers show in the key's place. */
  shown?: string
  /** The model that the value is a key of. Lazy, since models refer to each other in circles. */
  references?: () => Model
  relation?: Relation
  /** A rule that JSON Schema cannot say: answers the error text, or undefined. */
  check?: (value: never) => string | undefined
  /** From the value on the wire to the value in the column, and back. */
  store?: (value: never, ctx: Ctx) => unknown
  load?: (stored: never, ctx: Ctx) => unknown
}

const field = (schema: TSchema, rest: Partial<Field> = {}): Field => ({
  schema,
  storage: 'column',
  required: rest.initial === undefined && !rest.readOnly,
  nullable: false,
  readOnly: false,
  writeOnly: false,
  secret: false,
  unique: false,
  ...rest,
})

/** The same schema, also allowing null. */
export const orNull = (schema: TSchema): TSchema => {
  const { type, enum: choices } = schema as { type?: string; enum?: unknown[] }
  return Type.Unsafe({ ...schema, ...(type && { type: [type, 'null'] }), ...(choices && { enum: [...choices, null] }) })
}

const constant = <T>(value: T) => ({ initial: () => structuredClone(value) })

type TextOptions = {
  default?: string
  nullable?: boolean
  /** May be empty although it must be sent. */ blank?: boolean
  maxLength?: number
  unique?: boolean
  taken?: string
  pattern?: string
  format?: string
  check?: Field['check']
}

/** Text. Without a default it is required and may not be blank. */
export function text(options: TextOptions = {}): Field {
  const { default: initial, nullable = false, unique = false, taken, check, blank = initial === '' || nullable, ...schema } = options
  const base = Type.String({ ...(!blank && { minLength: 1 }), ...schema })
  const start = initial !== undefined ? constant(initial) : nullable ? constant(null) : {}
  return field(nullable ? orNull(base) : base, { ...start, nullable, unique, taken, check })
}

/** Letters, digits, `-` and `_`: what stands in URLs. */
export const slug = (options: { unique?: boolean; maxLength?: number } = {}): Field => text({ pattern: '^[-a-zA-Z0-9_]+$', ...options })

/** A whole number. */
export function integer(options: { default?: number; nullable?: boolean; minimum?: number; maximum?: number } = {}): Field {
  const { default: initial, nullable = false, ...range } = options
  const base = Type.Integer({ minimum: -2147483648, maximum: 2147483647, ...range })
  const start = initial !== undefined ? constant(initial) : nullable ? constant(null) : {}
  return field(nullable ? orNull(base) : base, { ...start, nullable })
}

/** A number, whole or not. */
export const decimal = (initial: number): Field => field(Type.Number(), constant(initial))

/** True or false. */
export const flag = (initial?: boolean): Field => field(Type.Boolean(), initial === undefined ? {} : constant(initial))

/** One of a fixed set of words. */
export function choice<const T extends string>(words: readonly T[], initial?: T | null): Field {
  const base = Type.Unsafe<T>({ type: 'string', enum: [...words] })
  return field(initial === null ? orNull(base) : base, { nullable: initial === null, ...(initial !== undefined && constant(initial)) })
}

/** A JSON object with free keys. */
export const jsonObject = (initial: Record<string, unknown> | undefined = {}): Field =>
  field(Type.Unsafe<Record<string, unknown>>({ type: 'object', additionalProperties: {} }), constant(initial))

/** A JSON value kept as it came, with a schema of its own (lists of redirect URIs, footer links …). */
export const structure = (schema: TSchema, options: { default?: unknown; check?: Field['check'] } = {}): Field =>
  field(schema, { ...('default' in options && constant(options.default)), check: options.check })

/** A point in time, RFC 3339 on the wire. */
export function instant(options: { nullable?: boolean; readOnly?: boolean; now?: boolean } = {}): Field {
  const base = Type.String({ format: 'date-time' })
  const { nullable = false, readOnly = false } = options
  return field(nullable ? orNull(base) : base, {
    readOnly,
    nullable,
    ...(options.now ? { initial: (ctx: Ctx) => ctx.now() } : nullable ? constant(null) : {}),
    store: (value: string | Date | null) => (typeof value === 'string' ? parseInstant(value) : value),
  })
}

/** RFC 3339, where a missing zone means UTC. */
export const parseInstant = (value: string): Date => new Date(/(?:[zZ]|[+-]\d\d:?\d\d)$/.test(value) ? value : `${value}Z`)

/** A length of time as `hours=1;minutes=30`. */
export const duration = (initial?: string): Field =>
  field(Type.String(), {
    ...(initial !== undefined && constant(initial)),
    check: (value: string) => (isDuration(value) ? undefined : `${value} is not in the correct format of 'hours=3;minutes=1'.`),
  })

type ReferenceOptions = { nullable?: boolean; unique?: boolean; initial?: (ctx: Ctx) => unknown; readOnly?: boolean }

/** The key of another object; the column is a foreign key. */
export function reference(model: () => Model, options: ReferenceOptions = {}): Field {
  const { nullable = false, unique = false, initial, readOnly = false } = options
  return field(Type.Unknown(), {
    references: model,
    unique,
    readOnly,
    nullable,
    ...(initial ? { initial } : nullable ? constant(null) : {}),
  })
}

/** Keys of other objects, kept in a joining table; sending the list replaces it. */
export const many = (model: () => Model, relation: Relation, options: { required?: boolean } = {}): Field =>
  field(Type.Unknown(), {
    storage: 'relation',
    references: model,
    relation,
    ...(options.required ? {} : constant([])),
  })

/** Shown, never accepted, made by the model's `present`. */
export const computed = (schema: TSchema): Field => field(schema, { storage: 'computed', readOnly: true, required: false })

/** A column that the API shows but never accepts. `initial` fills it on creation. */
export const shown = (inner: Field, initial?: (ctx: Ctx) => unknown): Field => ({
  ...inner,
  readOnly: true,
  required: false,
  ...(initial && { initial }),
})

/** A column that the API neither accepts nor shows. `initial` fills it on creation. */
export const internal = (inner: Field, initial?: (ctx: Ctx) => unknown): Field => ({
  ...shown(inner, initial),
  writeOnly: true,
  secret: true,
})

/** A column that the API neither accepts nor shows, but that is no secret: expressions and events may read it. */
export const unshown = (inner: Field, initial?: (ctx: Ctx) => unknown): Field => ({ ...shown(inner, initial), writeOnly: true })

/** A column that the API accepts but never shows. */
export const hidden = (inner: Field): Field => ({ ...inner, writeOnly: true, secret: true })

/** Text that the API shows again, kept encrypted under the secret key and left out of events. */
export const sealed = (inner: Field): Field => ({
  ...inner,
  secret: true,
  sealed: true,
  store: (value: string | null, ctx: Ctx) => (value === null ? null : ctx.secrets.seal(value)),
  load: (stored: string | null, ctx: Ctx) => (stored === null ? null : ctx.secrets.open(stored)),
})

/** JSON Schema of a field's value on the wire. */
export function wireSchema(field: Field): TSchema {
  if (!field.references) return field.schema
  const key = field.references().keySchema
  if (field.storage === 'relation') return Type.Array(key)
  return field.nullable ? orNull(key) : key
}
