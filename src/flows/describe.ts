import type { Row } from '../api/model.ts'
import { modelLabel } from './objects.ts'
import { Plan } from './plan.ts'

export const isPlain = (value: object): value is Record<string, unknown> => {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** A plain copy for events and mail: objects become what events call them, what JSON cannot hold becomes its name. */
export function describe(value: unknown, depth = 0): unknown {
  if (depth > 8) return '…'
  if (typeof value === 'bigint') return String(value)
  if (typeof value !== 'object' || value === null) return typeof value === 'function' || typeof value === 'symbol' ? null : value
  if (value instanceof Date) return value.toISOString()
  const label = modelLabel(value)
  if (label !== undefined) {
    const [app, name] = label.split('.')
    const row = value as Row
    return { app, model_name: name, pk: String(row.id ?? Object.values(row)[0] ?? ''), name: String(row.username ?? row.name ?? '') }
  }
  if (value instanceof Plan) return { flow: value.flow.slug }
  if (Array.isArray(value)) return value.slice(0, 100).map(item => describe(item, depth + 1))
  if (value instanceof Set) return describe([...value], depth)
  if (!isPlain(value)) return null
  return Object.fromEntries(
    Object.entries(value)
      .slice(0, 100)
      .map(([key, item]) => [key, describe(item, depth + 1)]),
  )
}
