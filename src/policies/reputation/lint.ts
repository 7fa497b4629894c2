import type { Row } from '../../api/model.ts'
import { warn } from '../../api/warnings.ts'
import type { Ctx } from '../../context.ts'

/** Stages that prove who somebody is: without them, a name is enough. */
const PROOFS: Readonly<Record<string, string>> = {
  'authentik_stages_password.passwordstage': 'a password',
  'authentik_stages_identification.identificationstage': 'saying who they are',
  'authentik_stages_authenticator_validate.authenticatorvalidatestage': 'a second factor',
}

const ADVICE = 'A reputation policy passes for bad reputation: bind it to a deny or captcha stage that comes before'

/** What is wrong with binding a policy of reputation there; undefined when nothing is, or when it is no such policy. */
async function problemOf(ctx: Ctx, binding: Row): Promise<string | undefined> {
  if (!binding.enabled || binding.policy === null) return undefined
  const policy = await ctx.db
    .selectFrom('policy_reputation')
    .select('threshold')
    .where('policy_uuid', '=', binding.policy as string)
    .executeTakeFirst()
  if (!policy) return undefined
  /** Whether the binding passes people of whom nothing is known. */
  const passesStrangers = 0 <= policy.threshold !== binding.negate
  const target = binding.target as string
  const stage = await ctx.db
    .selectFrom('flow_stage_binding')
    .innerJoin('stage', 'stage.stage_uuid', 'flow_stage_binding.stage')
    .select('stage.kind')
    .where('flow_stage_binding.policybindingmodel_ptr_id', '=', target)
    .executeTakeFirst()
  if (!stage) return passesStrangers ? undefined : `Everybody without a bad reputation is locked out here. ${ADVICE}, or negate it.`
  const proof = PROOFS[stage.kind]
  if (proof === undefined) return undefined
  return `${passesStrangers ? 'Whoever has a bad reputation' : 'Everybody without a bad reputation'} gets past this stage without ${proof}. ${ADVICE}.`
}

/** Says, to whoever stores a binding, that it would lock everybody out or let them in without a proof. */
export async function warnOfReputation(ctx: Ctx, binding: Row): Promise<void> {
  const problem = await problemOf(ctx, binding)
  if (problem !== undefined) warn(ctx, problem, { binding: binding.policy_binding_uuid, policy: binding.policy, target: binding.target })
}

/** The same for all bindings of a policy that was changed. */
export async function warnOfBindings(ctx: Ctx, policy: Row): Promise<void> {
  const bindings = await ctx.db
    .selectFrom('policy_binding')
    .selectAll()
    .where('policy', '=', policy.policy_uuid as string)
    .execute()
  for (const binding of bindings) await warnOfReputation(ctx, binding)
}
