import type { Row } from '../api/model.ts'
import type { Ctx } from '../context.ts'
import { evaluatePolicies, type Decision } from '../policies/engine.ts'
import { isSuperuser } from './membership.ts'
import { systemSettings } from './settings.ts'

/**
 * Whether a person may open an application: what every surface asks (OpenID Connect, forward-auth, the library).
 * Superusers pass without a binding unless the setting `superuser_bypass` is off; a listing asks without the bypass.
 * Never cached: a changed binding counts at the next request.
 */
export async function mayOpen(ctx: Ctx, application: Row, user: Row, options: { bypass?: boolean; context?: Row } = {}): Promise<Decision> {
  if (!user.is_active) return { passing: false, messages: ['This account is not active.'], findings: [] }
  const { superuser_bypass: bypass, flags } = await systemSettings(ctx)
  const decision = await evaluatePolicies(ctx, {
    target: application.pbm_uuid as string,
    user,
    context: options.context,
    object: application,
    empty: flags.core_default_app_access,
  })
  if (decision.passing || options.bypass === false) return decision
  return bypass && (await isSuperuser(ctx.db, user.id as number)) ? { ...decision, passing: true } : decision
}
