import { sql, type RawBuilder } from 'kysely'
import type { Model, Row } from '../api/model.ts'
import { warn } from '../api/warnings.ts'
import type { Ctx } from '../context.ts'
import { Group, User } from '../core/people.ts'
import { PolicyBase } from './base.ts'

/** Says which of these applications nothing is bound to any more: that is open to everybody, which nobody means who takes something away. */
async function warnOfOpen(ctx: Ctx, targets: RawBuilder<unknown>, leaving: RawBuilder<boolean>): Promise<void> {
  const { rows } = await sql<{ name: string; slug: string }>`
    select name, slug from application where pbm_uuid in (${targets})
    and not exists (select 1 from policy_binding as b where b.target = application.pbm_uuid and b.enabled and not (${leaving}))
    order by slug`.execute(ctx.db)
  for (const { name, slug } of rows)
    warn(ctx, `Nothing is bound to the application "${name}" any more: whoever can sign in may open it.`, { application: slug })
}

/** The column by which bindings name an object of a kind. */
function columnOf(model: Model): string | undefined {
  if (model === Group) return 'group'
  if (model === User) return 'user'
  return model === PolicyBase || model.base === PolicyBase ? 'policy' : undefined
}

/** Before an object is deleted: its bindings go with it, and may be the last ones. */
export async function warnOfOpening(ctx: Ctx, model: Model, row: Row): Promise<void> {
  const column = columnOf(model)
  if (column === undefined) return
  const key = row[column === 'policy' ? PolicyBase.pk : model.pk]
  const targets = sql`select target from policy_binding where enabled and ${sql.ref(column)} = ${key}`
  await warnOfOpen(ctx, targets, sql<boolean>`b.${sql.ref(column)} is not distinct from ${key}`)
}

/** The same for a binding that is deleted itself. */
export const warnOfUnbinding = (ctx: Ctx, { enabled, target, policy_binding_uuid: key }: Row): Promise<void> =>
  enabled ? warnOfOpen(ctx, sql`${target}`, sql<boolean>`b.policy_binding_uuid = ${key}`) : Promise.resolve()

/** The same for one that was changed, when it is switched off or bound elsewhere now. */
export async function warnOfRebinding(ctx: Ctx, binding: Row, previous?: Row): Promise<void> {
  if (!previous?.enabled || (binding.enabled && binding.target === previous.target)) return
  await warnOfOpen(ctx, sql`${previous.target}`, sql<boolean>`1 = 0`)
}
