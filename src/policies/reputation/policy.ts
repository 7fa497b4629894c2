import { flag, integer } from '../../api/fields.ts'
import { definePolicyKind, definePolicyModel, policyResource } from '../kind.ts'
import { warnOfBindings } from './lint.ts'
import { reputationOf } from './score.ts'

/** Passes those who have behaved badly: for stages that only they should meet. */
const ReputationPolicy = definePolicyModel({
  name: 'ReputationPolicy',
  label: 'authentik_policies_reputation.reputationpolicy',
  verboseName: 'Reputation Policy',
  verboseNamePlural: 'Reputation Policies',
  description: 'Passes when the score of the address or the name is at or below the threshold, that is, for bad actors.',
  component: 'ak-policy-reputation-form',
  table: 'policy_reputation',
  fields: { check_ip: flag(true), check_username: flag(true), threshold: integer({ default: -5 }) },
  filters: ['check_ip', 'check_username', 'threshold'],
})

export const reputationPolicies = policyResource('/policies/reputation', ReputationPolicy, { saved: warnOfBindings })

export const reputationKind = definePolicyKind(ReputationPolicy, 'authentik.policies.reputation', policy => async (ctx, { user }) => {
  const score = await reputationOf(ctx, {
    ...(policy.check_ip === true && ctx.request !== null && { ip: ctx.request.clientIp }),
    ...(policy.check_username === true && user?.username ? { identifier: user.username as string } : {}),
  })
  return { passing: score <= (policy.threshold as number), messages: [] }
})
