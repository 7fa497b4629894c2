import { permissionDenied } from '../../api/errors.ts'
import type { Row } from '../../api/model.ts'
import { objectAt } from '../../api/objects.ts'
import { requireObject } from '../../api/permissions.ts'
import type { Ctx } from '../../context.ts'
import { isSuperuser } from '../group/membership.ts'
import { User } from '../people.ts'

/**
 * Whoever manages people without being a superuser must not reach a superuser's account: its address, name or password
 * would make them that superuser.
 */
export async function requireReach(ctx: Ctx, user: Row): Promise<void> {
  if (ctx.caller.superuser || user.id === ctx.caller.user?.id) return
  if (await isSuperuser(ctx.db, user.id as number)) throw permissionDenied()
}

/** The account of a URL whose password is to be set, or that is to be let in again: either would make the caller that person. */
export async function accountToReset(ctx: Ctx, params: unknown): Promise<Row> {
  const user = await objectAt(ctx, User, (params as { pk: string }).pk)
  await requireObject(ctx, User, user.id as number, 'authentik_core.reset_user_password')
  await requireReach(ctx, user)
  return user
}
