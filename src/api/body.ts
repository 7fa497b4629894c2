import { sql } from 'kysely'
import { Type, type TSchema } from 'typebox'
import type { Ctx } from '../context.ts'
import { invalid, type FieldErrors } from './errors.ts'
import { wireSchema, type Field } from './fields.ts'
import { MAX_KEY, parseUuid, type Condition } from './filters.ts'
import { permission, type Model, type Row } from './model.ts'
import { holds, visibility } from './permissions.ts'
import { existingKeys, relatedKeys, uniquenessErrors } from './store.ts'
import { fieldErrors } from './validate.ts'

const writable = (model: Model): [string, Field][] => Object.entries(model.allFields).filter(([, field]) => !field.readOnly)

const schemas = new WeakMap<Model, { full: TSchema; partial: TSchema }>()

/** JSON Schema of a create and of a partial update. No defaults in them: they would overwrite stored values. */
export function requestSchemas(model: Model): { full: TSchema; partial: TSchema } {
  const known = schemas.get(model)
  if (known) return known
  const properties = Object.fromEntries(writable(model).map(([name, field]) => [name, wireSchema(field)]))
  const required = writable(model)
    .filter(([, field]) => field.required)
    .map(([name]) => name)
  const made = {
    full: Type.Unsafe({ type: 'object', properties, required }),
    partial: Type.Unsafe({ type: 'object', properties }),
  }
  schemas.set(model, made)
  return made
}

/**
 * Rows that a body may point at: those that the caller may see, as if nothing else existed. A right on the object that the URL
 * names says nothing of those that the body names. Undefined means no restriction.
 */
function reachable(ctx: Ctx, target: Model): Condition | undefined {
  const { models } = ctx.registry
  if (ctx.caller.system || [target, ...models.filter(model => model.base === target)].some(model => holds(ctx, permission(model, 'view'))))
    return undefined
  const granted = visibility(ctx, target)
  // Everybody may name themselves.
  return target.label === 'authentik_core.user' ? sql`(${granted} or "user".id = ${ctx.caller.user!.id})` : granted
}

/** The one spelling of a key, by which rows are found; undefined for what can be no key. */
function referenceKey(key: unknown): unknown {
  if (typeof key === 'number') return key > 0 && key <= MAX_KEY ? key : undefined
  return typeof key === 'string' ? parseUuid(key) : undefined
}

async function referenceErrors(ctx: Ctx, model: Model, values: Row, current?: Row): Promise<FieldErrors> {
  const errors: FieldErrors = {}
  for (const [name, field] of writable(model)) {
    const value = values[name]
    if (!field.references || value === undefined || value === null) continue
    const target = field.references()
    const wanted = [value].flat()
    const keys = wanted.map(referenceKey)
    const held =
      current === undefined
        ? []
        : field.storage === 'relation'
          ? (await relatedKeys(ctx, field, [current[model.pk]])).get(current[model.pk])!
          : [current[name]]
    const asked = keys.filter(key => key !== undefined && !held.includes(key))
    const present = await existingKeys(ctx, target, asked, reachable(ctx, target))
    const missing = wanted.filter((_, index) => !held.includes(keys[index]) && !present.has(keys[index]))
    values[name] = Array.isArray(value) ? keys : keys[0]
    if (missing.length) errors[name] = missing.map(key => `Invalid pk "${String(key)}" - object does not exist.`)
  }
  return errors
}

/** Wrong kinds of keys have a sentence of their own. */
function keyTypeErrors(model: Model, body: Row): FieldErrors {
  const errors: FieldErrors = {}
  for (const [name, field] of writable(model)) {
    if (!field.references || body[name] === undefined || body[name] === null) continue
    if ((field.references().keySchema as { type?: string }).type !== 'integer') continue
    const wrong = [body[name]].flat().filter(key => !Number.isInteger(key))
    if (wrong.length) errors[name] = ['Incorrect type. Expected pk value, received str.']
  }
  return errors
}

/**
 * The writable values of a body, checked: shape, single-field rules, references, uniqueness.
 * Unknown and read-only keys are passed over, as clients expect.
 */
export async function readBody(ctx: Ctx, model: Model, body: unknown, options: { partial?: boolean; current?: Row } = {}): Promise<Row> {
  const schema = requestSchemas(model)[options.partial ? 'partial' : 'full']
  const errors = fieldErrors(schema, body)
  const sent = body as Row
  if (Object.keys(errors).length > 0)
    throw invalid({ ...errors, ...(typeof body === 'object' && body !== null ? keyTypeErrors(model, sent) : {}) })
  const values: Row = {}
  for (const [name, field] of writable(model)) {
    if (!(name in sent)) continue
    values[name] = sent[name]
    const text = sent[name] === null ? undefined : field.check?.(sent[name] as never)
    if (text !== undefined) errors[name] = [text]
  }
  Object.assign(errors, await referenceErrors(ctx, model, values, options.current))
  Object.assign(errors, await uniquenessErrors(ctx, model, values, options.current?.[model.pk]))
  if (Object.keys(errors).length > 0) throw invalid(errors)
  return values
}
