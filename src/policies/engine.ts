import type { Ctx } from '../context.ts'
import type { Row } from '../api/model.ts'
import { groupsOf } from '../core/membership.ts'
import { cached } from '../core/cache.ts'
import { findObject } from '../api/store.ts'
import { policyTables, type Policy, type PolicyRequest } from './policy.ts'

/** One binding as the engine needs it. */
type Binding = {
  policy_binding_uuid: string
  policy: string | null
  group: string | null
  user: number | null
  negate: boolean
  timeout: number
  failure_result: boolean
}

type Target = { mode: 'any' | 'all'; bindings: Binding[] }

/** What one part of a decision said, for whoever asks why. */
export type Finding = { binding: string | null; kind: 'membership' | 'policy'; passing: boolean; messages: string[] }

export type Decision = { passing: boolean; messages: string[]; findings: Finding[] }

/** Bindings in force on a target, by order. */
const targetOf = cached(['policy_target', 'policy_binding', 'policy'], async (ctx, key): Promise<Target | undefined> => {
  const target = await ctx.db.selectFrom('policy_target').select('policy_engine_mode').where('pbm_uuid', '=', key).executeTakeFirst()
  if (!target) return undefined
  const bindings = await ctx.db
    .selectFrom('policy_binding')
    .select(['policy_binding_uuid', 'policy', 'group', 'user', 'negate', 'timeout', 'failure_result'])
    .where('target', '=', key)
    .where('enabled', '=', true)
    .orderBy('order')
    .orderBy('policy_binding_uuid')
    .execute()
  return { mode: target.policy_engine_mode as Target['mode'], bindings }
})

/**
 * The policy behind a key, ready to be asked; undefined when no part of the program knows its kind. A change in what policies say is
 * noticed at the next question.
 */
const policyOf = cached(
  ({ registry }) => policyTables(registry),
  async (ctx, key): Promise<Policy | undefined> => {
    const base = await ctx.db.selectFrom('policy').select('kind').where('policy_uuid', '=', key).executeTakeFirst()
    const kind = ctx.registry.policyKinds.find(({ model }) => model.label === base?.kind)
    const row = kind && (await findObject(ctx, kind.model, key))
    return row && kind.prepare(row)
  },
)

/**
 * All group and user bindings together are one finding: in mode `any` one match is enough, in mode `all` every one must match.
 * Membership is inherited: a member of a child group counts for its parents. Visitors match nothing, not even negated bindings.
 */
async function membershipFinding(ctx: Ctx, mode: Target['mode'], bindings: Binding[], user: Row | null): Promise<Finding | undefined> {
  if (bindings.length === 0) return undefined
  const finding = (passing: boolean): Finding => ({ binding: null, kind: 'membership', passing, messages: [] })
  if (user === null || user.id === null || user.id === undefined) return finding(false)
  const groups = new Set((await groupsOf(ctx.db, user.id as number)).map(group => group.group_uuid))
  const matches = bindings.map(({ group, user: bound, negate }) => (group === null ? bound === user.id : groups.has(group)) !== negate)
  return finding(mode === 'all' ? matches.every(Boolean) : matches.some(Boolean))
}

/** A policy that throws or takes too long counts as the binding's failure result, which `negate` does not invert. */
async function policyFinding(ctx: Ctx, binding: Binding, request: PolicyRequest): Promise<Finding> {
  const { policy_binding_uuid: key, failure_result: failure } = binding
  const policy = await policyOf(ctx, binding.policy!)
  if (!policy)
    return { binding: key, kind: 'policy', passing: failure, messages: ['The bound policy is of a kind that this server does not know.'] }
  const { passing, messages, failed } = await policy.evaluate(ctx, request, { timeout: binding.timeout * 1000 })
  return { binding: key, kind: 'policy', passing: failed ? failure : passing !== binding.negate, messages }
}

/**
 * Whether a user passes what is bound to a target. Every policy is asked, also when the result is clear already, since policies
 * may have effects. A target without bindings passes (`empty` says otherwise).
 * @param request.context what policies see as `request.context`; changes to nested objects are the caller's to keep
 */
export async function evaluatePolicies(
  ctx: Ctx,
  request: { target: string; user: Row | null; context?: Row; object?: unknown; mode?: 'any' | 'all'; empty?: boolean },
): Promise<Decision> {
  const target = await targetOf(ctx, request.target)
  const bindings = target?.bindings ?? []
  const mode = request.mode ?? target?.mode ?? 'any'
  const findings: Finding[] = []
  const asked: PolicyRequest = { user: request.user, context: request.context ?? {}, object: request.object ?? null, debug: false }
  for (const binding of bindings) {
    if (binding.policy !== null) findings.push(await policyFinding(ctx, binding, asked))
  }
  const membership = await membershipFinding(
    ctx,
    mode,
    bindings.filter(binding => binding.policy === null),
    request.user,
  )
  if (membership) findings.push(membership)
  const messages = findings.flatMap(finding => finding.messages)
  if (findings.length === 0) return { passing: request.empty ?? true, messages, findings }
  const passing = mode === 'all' ? findings.every(finding => finding.passing) : findings.some(finding => finding.passing)
  return { passing, messages, findings }
}

/**
 * Whether all of these policies pass, asked in the given order without bindings: no negation, and one that cannot decide fails.
 * For places that name policies themselves (validation of forms).
 */
export async function evaluateEach(
  ctx: Ctx,
  policies: readonly string[],
  request: { user: Row | null; context: Row; object?: unknown },
): Promise<Decision> {
  const asked: PolicyRequest = { user: request.user, context: request.context, object: request.object ?? null, debug: false }
  const findings: Finding[] = []
  for (const policy of policies) {
    const unbound: Binding = {
      policy_binding_uuid: policy,
      policy,
      group: null,
      user: null,
      negate: false,
      timeout: 30,
      failure_result: false,
    }
    findings.push(await policyFinding(ctx, unbound, asked))
  }
  return { passing: findings.every(finding => finding.passing), messages: findings.flatMap(finding => finding.messages), findings }
}

/** How many policies stand in memory, ready to be asked. Their answers are never remembered. */
export const rememberedPolicies = (ctx: Ctx): number => policyOf.keys(ctx).length

/** Forgets what is remembered of policies and their bindings. */
export function forgetPolicies(ctx: Ctx): void {
  policyOf.clear(ctx)
  targetOf.clear(ctx)
}
