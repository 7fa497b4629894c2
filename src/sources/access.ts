import type { Model, Row } from '../api/model.ts'
import type { Ctx } from '../context.ts'
import { asObject } from '../flows/objects.ts'
import { evaluatePolicies, type Decision } from '../policies/engine.ts'

/** Groups and people that are bound say nothing of visitors: they are asked again once it is known who is coming. */
const mayBeSaidLater = ({ membership, mode, findings }: Decision, user: Row | null): boolean =>
  user === null &&
  membership !== null &&
  (mode === 'any' || findings.every(finding => finding.kind !== 'policy' || !finding.enabled || finding.passing))

/** Why a source's policies keep the caller from even going there; undefined when they do not. */
export async function refusalBeforehand(ctx: Ctx, model: Model, source: Row): Promise<Decision | undefined> {
  const { user } = ctx.caller
  const decision = await evaluatePolicies(ctx, {
    target: source.pbm_uuid as string,
    user,
    context: { is_sso: true, source: asObject(model, source) },
    object: source,
  })
  return decision.passing || mayBeSaidLater(decision, user) ? undefined : decision
}
