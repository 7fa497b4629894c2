import { setTimeout as delay } from 'node:timers/promises'
import { flag, integer } from '../../api/fields.ts'
import type { Ctx } from '../../context.ts'
import { definePolicyKind, definePolicyModel, policyResource } from '../kind.ts'

/** Answers what it is told to after some time: for trying out what hangs on policies. */
const DummyPolicy = definePolicyModel({
  name: 'DummyPolicy',
  label: 'authentik_policies_dummy.dummypolicy',
  verboseName: 'Dummy Policy',
  verboseNamePlural: 'Dummy Policies',
  description: 'Waits a random time and answers with a fixed result. For tests.',
  component: 'ak-policy-dummy-form',
  table: 'policy_dummy',
  fields: { result: flag(false), wait_min: integer({ default: 5 }), wait_max: integer({ default: 30 }) },
  filters: ['result', 'wait_min', 'wait_max'],
})

export const dummyPolicies = policyResource('/policies/dummy', DummyPolicy)

/** Somewhere between the two, in seconds; never less than none. */
function seconds(ctx: Ctx, min: number, max: number): number {
  const [low, high] = [Math.max(0, Math.min(min, max)), Math.max(0, min, max)]
  const part = Buffer.from(ctx.randomBytes(4)).readUInt32BE() / 2 ** 32
  return low + part * (high - low)
}

export const dummyKind = definePolicyKind(DummyPolicy, 'authentik.policies.dummy', policy => async (ctx, _, { timeout }) => {
  const wait = seconds(ctx, policy.wait_min as number, policy.wait_max as number) * 1000
  // Beyond its time nobody waits for it.
  await delay(Math.min(wait, timeout))
  return { passing: policy.result as boolean, messages: ['dummy'] }
})
