import type { Row } from '../../api/model.ts'
import type { Ctx } from '../../context.ts'
import { evaluatePolicies, unasked, type Decision } from '../../policies/engine.ts'
import { explainRefusal } from '../../explain/record.ts'
import { isSuperuser } from '../group/membership.ts'
import { systemSettings } from '../settings.ts'

/** Keeps why somebody may not open an application; answers the id that they are shown. */
export const explainAccess = (ctx: Ctx, application: Row, user: Row, access: Access, surface: string): string =>
  explainRefusal(ctx, {
    kind: 'application',
    surface,
    target: { application: application.pbm_uuid as string, flow: null, name: application.name as string },
    user,
    reason: access.reason,
    messages: access.messages,
    decision: access,
  })

/** What decided: the account itself, the bindings, that there are none, or that superusers may everything. */
export type Access = Decision & { reason: 'inactive' | 'policies' | 'nothing_bound' | 'superuser' }

/**
 * Whether a person may open an application: what every surface asks (OpenID Connect, forward-auth, the library).
 * Superusers pass without a binding unless the setting `superuser_bypass` is off; a listing asks without the bypass.
 * Never cached: a changed binding counts at the next request.
 * @param options.unbound false: where nothing is bound, nobody passes, whatever the setting for that says
 */
export async function mayOpen(
  ctx: Ctx,
  application: Row,
  user: Row,
  options: { bypass?: boolean; context?: Row; dry?: boolean; unbound?: boolean } = {},
): Promise<Access> {
  const target = application.pbm_uuid as string
  if (!user.is_active)
    return { ...unasked({ target, user, context: options.context }), messages: ['This account is not active.'], reason: 'inactive' }
  const { superuser_bypass: bypass, flags } = await systemSettings(ctx)
  const decision = await evaluatePolicies(ctx, {
    target,
    user,
    context: options.context,
    object: application,
    empty: flags.core_default_app_access && options.unbound !== false,
    dry: options.dry,
  })
  const reason = decision.empty ? 'nothing_bound' : 'policies'
  if (decision.passing || options.bypass === false) return { ...decision, reason }
  return bypass && (await isSuperuser(ctx.db, user.id as number))
    ? { ...decision, passing: true, reason: 'superuser' }
    : { ...decision, reason }
}
