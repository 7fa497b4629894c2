import type { Ctx } from '../context.ts'
import { type Model, type Row, modelLabelled } from '../api/model.ts'
import { findObject } from '../api/store.ts'
import { PlainDate } from '../lib/plain-date.ts'

/**
 * Stored objects inside a plan's context. In memory they are rows that say of which model they are; in the session only their
 * key is kept, and they are read afresh each time, so that a plan never works with what an account was an hour ago.
 */

/** Under which rows carry the label of their model. A symbol, so that JSON and queries pass it over while copies keep it. */
export const MODEL = Symbol.for('signet.model')

type Tagged = Row & { [MODEL]?: string }

/** The row as an object of a model, fit for a plan's context. */
export const asObject = <R extends Row>(model: Model, row: R): R => ({ ...row, [MODEL]: model.label })

/** Label of the model that a value is an object of; undefined for other values. */
export const modelLabel = (value: unknown): string | undefined =>
  typeof value === 'object' && value !== null ? (value as Tagged)[MODEL] : undefined

/** Whether an object of a plan is in the database; an account that was only pretended is not. */
export const isStored = (value: Row | null | undefined, key: string): value is Row => value?.[key] !== undefined && value[key] !== null

/** What a plan adds to an account for its own time: which backend proved the password. */
const TRANSIENT = ['backend'] as const

/** A value of the context that can be kept in no session. */
export class UnkeepableError extends Error {
  constructor(path: string, value: unknown) {
    super(`The plan's context holds a ${typeof value} at ${path}, which cannot be kept in the session.`)
    this.name = 'UnkeepableError'
  }
}

const MAX_DEPTH = 32

/** The JSON form of a context value. Plain objects whose keys could be taken for our marks are written as lists. @throws UnkeepableError */
export function encode(ctx: Ctx, value: unknown, path = 'context', depth = 0): unknown {
  if (depth > MAX_DEPTH) throw new UnkeepableError(path, value)
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value
  if (typeof value === 'number') return Number.isFinite(value) ? value : { $number: String(value) }
  if (typeof value === 'bigint') return { $integer: String(value) }
  if (value instanceof Date) return { $date: value.toISOString() }
  if (value instanceof PlainDate) return { $day: value.text }
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString('base64') }
  if (Array.isArray(value)) return value.map((item, index) => encode(ctx, item, `${path}[${index}]`, depth + 1))
  if (value instanceof Map) return encode(ctx, Object.fromEntries(value), path, depth)
  if (typeof value !== 'object') throw new UnkeepableError(path, value)
  const label = modelLabel(value)
  if (label !== undefined) return encodeObject(ctx, label, value as Row, path, depth)
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) throw new UnkeepableError(path, value)
  const entries = Object.entries(value)
    .filter(([, inner]) => inner !== undefined)
    .map(([key, inner]) => [key, encode(ctx, inner, `${path}.${key}`, depth + 1)] as const)
  return entries.some(([key]) => key.startsWith('$') || key === '__proto__') ? { $entries: entries } : Object.fromEntries(entries)
}

function encodeObject(ctx: Ctx, label: string, row: Row, path: string, depth: number): unknown {
  const model = modelLabelled(ctx, label)
  if (!model) throw new UnkeepableError(path, row)
  const extra = Object.fromEntries(TRANSIENT.filter(name => row[name] !== undefined).map(name => [name, row[name]]))
  const key = row[model.pk]
  if (key !== undefined && key !== null) return { $model: label, pk: key, ...(Object.keys(extra).length > 0 && { extra }) }
  const values = Object.fromEntries(Object.entries(row).filter(([name]) => !model.allFields[name]?.writeOnly))
  const sealed = sealedValues(ctx, model, row)
  return { $unsaved: label, values: encode(ctx, { ...values }, path, depth + 1), ...(Object.keys(sealed).length > 0 && { sealed }) }
}

/** What is stored encrypted stays so in a session. Other things that nobody may read are not kept at all. */
const sealedValues = (ctx: Ctx, { allFields }: Model, row: Row): Row =>
  Object.fromEntries(
    Object.entries(row).flatMap(([name, value]) => {
      if (typeof value !== 'string') return []
      const { writeOnly, store, load } = allFields[name] ?? {}
      return writeOnly && store && load ? [[name, store(value as never, ctx)]] : []
    }),
  )

function openedValues(ctx: Ctx, label: string, sealed: Row): Row {
  const fields = modelLabelled(ctx, label)?.allFields ?? {}
  return Object.fromEntries(Object.entries(sealed).map(([name, value]) => [name, fields[name]?.load?.(value as never, ctx)]))
}

/** The value that `encode` wrote. Objects that are gone since are null. */
export async function decode(ctx: Ctx, value: unknown): Promise<unknown> {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return Promise.all(value.map(item => decode(ctx, item)))
  const marked = value as Record<string, unknown>
  if (typeof marked.$date === 'string') return new Date(marked.$date)
  if (typeof marked.$day === 'string') return PlainDate.parse(marked.$day)
  if (typeof marked.$bytes === 'string') return new Uint8Array(Buffer.from(marked.$bytes, 'base64'))
  if (typeof marked.$number === 'string') return Number(marked.$number)
  if (typeof marked.$integer === 'string') return BigInt(marked.$integer)
  if (Array.isArray(marked.$entries)) return decodeEntries(ctx, marked.$entries as [string, unknown][])
  if (typeof marked.$unsaved === 'string') return loadUnsaved(ctx, marked.$unsaved, marked.values, (marked.sealed ?? {}) as Row)
  if (typeof marked.$model === 'string') return loadObject(ctx, marked.$model, marked.pk, marked.extra as Row | undefined)
  return decodeEntries(ctx, Object.entries(marked))
}

/** Most values are what they are. Waiting for each would cost an account that was only pretended more than it costs to read one. */
async function decodeEntries(ctx: Ctx, entries: [string, unknown][]): Promise<Row> {
  const decoded = Object.fromEntries(entries)
  const marked = entries.filter(([, inner]) => typeof inner === 'object' && inner !== null)
  if (marked.length === 0) return decoded
  const values = await Promise.all(marked.map(([, inner]) => decode(ctx, inner)))
  return Object.fromEntries([...entries, ...marked.map(([key], index) => [key, values[index]] as const)])
}

async function loadObject(ctx: Ctx, label: string, key: unknown, extra: Row = {}): Promise<Row | null> {
  const model = modelLabelled(ctx, label)
  const row = model && (await findObject(ctx, model, key))
  return row ? { ...asObject(model, row), ...extra } : null
}

/** A key that no account has. */
const NOBODY = -1

/** An account that was only pretended is looked for as any other is: that it is not there must take as long to find out. */
async function loadUnsaved(ctx: Ctx, label: string, values: unknown, sealed: Row): Promise<Row> {
  if (label === 'authentik_core.user') await loadObject(ctx, label, NOBODY)
  return { ...((await decode(ctx, values)) as Row), ...openedValues(ctx, label, sealed), [MODEL]: label }
}
