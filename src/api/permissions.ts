import { sql } from 'kysely'
import type { Ctx } from '../context.ts'
import { notAuthenticated, notFound, permissionDenied } from './errors.ts'
import { columnOf, type Condition } from './filters.ts'
import { permission, type Model, type Row } from './model.ts'

/** Whether the caller holds a permission for all objects of a kind, e.g. `authentik_core.view_user`. */
export const holds = (ctx: Ctx, name: string): boolean => ctx.caller.superuser || ctx.caller.permissions.has(name)

/** Refuses visitors. */
export function requireCaller(ctx: Ctx): void {
  if (!ctx.caller.system && ctx.caller.user === null) throw notAuthenticated()
}

/** Refuses callers without a global permission. */
export function requirePermission(ctx: Ctx, name: string): void {
  requireCaller(ctx)
  if (!holds(ctx, name)) throw permissionDenied()
}

/** Keys of the objects of one model on which the caller's roles hold a permission. */
const grantedKeys = (ctx: Ctx, name: string) => sql`
  select object_pk from role_object_permission
  where permission = ${name} and role in (${ctx.caller.roles.length ? sql.join([...ctx.caller.roles]) : sql`null`})`

/**
 * Rows of a model that the caller may see: all with the global permission, else those granted one by one
 * and, where the model has an owner, one's own. Undefined means no restriction.
 */
export function visibility(ctx: Ctx, model: Model): Condition | undefined {
  requireCaller(ctx)
  const name = permission(model, 'view')
  if (holds(ctx, name)) return undefined
  const key = sql`cast(${sql.ref(`${model.table}.${model.pk}`)} as text)`
  const granted = sql<boolean>`${key} in (${grantedKeys(ctx, name)})`
  if (!model.owner) return granted
  return sql`(${columnOf(model, model.owner)} = ${ctx.caller.user!.id} or ${granted})`
}

/** Whether the caller may do `verb` with one object: global permission, or grant on the object. */
export async function mayTouch(ctx: Ctx, model: Model, key: string | number, verb: string): Promise<boolean> {
  const name = verb.includes('.') ? verb : permission(model, verb)
  if (holds(ctx, name)) return true
  if (ctx.caller.user === null) return false
  const { rows } = await sql<{ object_pk: string }>`${grantedKeys(ctx, name)} and object_pk = ${String(key)}`.execute(ctx.db)
  return rows.length > 0
}

/** Refuses with 403 when the object may be seen but not touched so; with 404 when it may not even be seen. */
export async function requireObject(ctx: Ctx, model: Model, key: string | number, verb: string): Promise<void> {
  requireCaller(ctx)
  if (await mayTouch(ctx, model, key, verb)) return
  if (verb !== 'view' && (await mayTouch(ctx, model, key, 'view'))) throw permissionDenied()
  throw notFound(model.name)
}

/** The same for a row, which its owner may touch in every way. */
export async function requireRow(ctx: Ctx, model: Model, row: Row, verb: string): Promise<void> {
  const { user } = ctx.caller
  if (model.owner && user !== null && row[model.owner] === user.id) return
  await requireObject(ctx, model, row[model.pk] as string | number, verb)
}
