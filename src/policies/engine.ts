import type { Ctx } from '../context.ts'
import type { Row } from '../api/model.ts'
import { groupsOf } from '../core/group/membership.ts'
import { cached } from '../core/cache.ts'
import { placeContext } from '../geoip/place.ts'
import { findObject } from '../api/store.ts'
import { stopwatch } from '../lib/stopwatch.ts'
import { askPolicy, type Asked, type StoredPolicy } from './ask.ts'
import { policyTables, type PolicyRequest } from './policy.ts'

/** One binding as the engine needs it. */
type Binding = {
  policy_binding_uuid: string
  policy: string | null
  group: string | null
  user: number | null
  /** Of the policy or group. People are named when somebody asks, since names of accounts change all the time. */
  name: string | null
  enabled: boolean
  negate: boolean
  order: number
  timeout: number
  failure_result: boolean
}

type Mode = 'any' | 'all'
type Target = { kind: string; mode: Mode; bindings: Binding[] }

/** What one binding had to say, for whoever asks why. */
export type Finding = {
  /** Key of the binding; null for policies that are asked without one. */
  binding: string | null
  kind: 'policy' | 'group' | 'user'
  /** Key of the policy, group or user. */
  key: string | number
  name: string | null
  /** Label of the policy's kind. */
  policy_kind?: string
  order: number
  negate: boolean
  enabled: boolean
  /** seconds */
  timeout: number
  failure_result: boolean
  /**
   * What it came to before `negate`: `passed`, `denied`; `failed` or `timeout` when the policy could not decide, so that the failure
   * result counts, which `negate` does not invert; `disabled` when it was not asked.
   */
  result: 'passed' | 'denied' | 'failed' | 'timeout' | 'disabled'
  /** What it counts as. Group and user bindings count together, see `Decision.membership`. */
  passing: boolean
  messages: string[]
  /** ms; 0 for groups and users, which are looked up together. */
  duration: number
}

export type Decision = {
  passing: boolean
  messages: string[]
  mode: Mode
  /** Binding key of the target and label of what it is; null where policies are asked without one. */
  target: string | null
  target_kind: string | null
  /** One for each binding by order, also those that are switched off. */
  findings: Finding[]
  /** What all group and user bindings came to as one; null when there are none. */
  membership: boolean | null
  /** Nothing is bound, so that the place's own rule for that decided. */
  empty: boolean
  /** ms */
  duration: number
  /** What the policies were asked about, for a digest; the context is as the last of them left it. */
  request: PolicyRequest
}

/** Bindings on a target, by order. */
const targetOf = cached(
  ['policy_target', 'policy_binding', 'policy', 'group'],
  async (ctx, key): Promise<Target | undefined> => {
    const target = await ctx.db
      .selectFrom('policy_target')
      .select(['kind', 'policy_engine_mode'])
      .where('pbm_uuid', '=', key)
      .executeTakeFirst()
    if (!target) return undefined
    const bindings = await ctx.db
      .selectFrom('policy_binding')
      .leftJoin('policy', 'policy.policy_uuid', 'policy_binding.policy')
      .leftJoin('group', 'group.group_uuid', 'policy_binding.group')
      .select(['policy_binding_uuid', 'policy_binding.policy', 'policy_binding.group', 'policy_binding.user', 'enabled', 'negate', 'order'])
      .select(['timeout', 'failure_result'])
      .select(eb => eb.fn.coalesce('policy.name', 'group.name').as('name'))
      .where('target', '=', key)
      .orderBy('order')
      .orderBy('policy_binding_uuid')
      .execute()
    return { kind: target.kind, mode: target.policy_engine_mode as Mode, bindings }
  },
  { concerns: (_, table, keys, key) => table !== 'policy_target' || keys.has(key) },
)

/**
 * The policy behind a key, ready to be asked; undefined when no part of the program knows its kind. A change in what policies say is
 * noticed at the next question.
 */
const policyOf = cached(
  ({ registry }) => policyTables(registry),
  async (ctx, key): Promise<StoredPolicy | undefined> => {
    const base = await ctx.db.selectFrom('policy').select('kind').where('policy_uuid', '=', key).executeTakeFirst()
    const kind = ctx.registry.policyKinds.find(({ model }) => model.label === base?.kind)
    const row = kind && (await findObject(ctx, kind.model, key))
    return row && { kind, row, policy: kind.prepare(row) }
  },
)

const factsOf = (binding: Binding) => ({
  binding: binding.policy_binding_uuid,
  name: binding.name,
  order: binding.order,
  negate: binding.negate,
  enabled: binding.enabled,
  timeout: binding.timeout,
  failure_result: binding.failure_result,
})

/**
 * What each group or user binding says. Membership is inherited: a member of a child group counts for its parents. Visitors match
 * nothing, not even negated bindings.
 */
async function memberFindings(ctx: Ctx, bindings: Binding[], user: Row | null): Promise<Map<Binding, Finding>> {
  const known = user !== null && user.id !== null && user.id !== undefined
  const asksGroups = bindings.some(binding => binding.group !== null && binding.enabled)
  const groups = new Set(known && asksGroups ? (await groupsOf(ctx.db, user.id as number)).map(group => group.group_uuid) : [])
  return new Map(
    bindings.map((binding): [Binding, Finding] => {
      const { group, user: bound, negate, enabled } = binding
      const matches = known && (group === null ? bound === user.id : groups.has(group))
      return [
        binding,
        {
          ...factsOf(binding),
          kind: group === null ? 'user' : 'group',
          key: group ?? bound!,
          result: !enabled ? 'disabled' : matches ? 'passed' : 'denied',
          passing: enabled && known && matches !== negate,
          messages: [],
          duration: 0,
        },
      ]
    }),
  )
}

const resultOf = (answer: Asked): Finding['result'] =>
  answer.late ? 'timeout' : answer.failed ? 'failed' : answer.passing ? 'passed' : 'denied'

/** A policy that throws or takes too long counts as the binding's failure result, which `negate` does not invert. */
async function policyFinding(ctx: Ctx, binding: Binding, request: PolicyRequest): Promise<Finding> {
  const facts = { ...factsOf(binding), kind: 'policy' as const, key: binding.policy! }
  if (!binding.enabled) return { ...facts, result: 'disabled', passing: false, messages: [], duration: 0 }
  const policy = await policyOf(ctx, binding.policy!)
  if (!policy) {
    const messages = ['The bound policy is of a kind that this server does not know.']
    return { ...facts, result: 'failed', passing: binding.failure_result, messages, duration: 0 }
  }
  const answer = await askPolicy(ctx, policy, request, binding.timeout)
  return {
    ...facts,
    name: policy.row.name as string,
    policy_kind: policy.kind.model.label,
    result: resultOf(answer),
    passing: answer.failed ? binding.failure_result : answer.passing !== binding.negate,
    messages: answer.messages,
    duration: answer.ms,
  }
}

/** What is asked of a target. */
export type Question = {
  /** Binding key. */
  target: string
  user: Row | null
  /** What policies see as `request.context`; changes to nested objects are the caller's to keep. */
  context?: Row
  object?: unknown
  mode?: Mode
  /** The answer where nothing is bound; true unless given. */
  empty?: boolean
  /** Nothing may come of the question: no events, no writes. */
  dry?: boolean
}

/** A refusal for which no policy had to be asked. */
export const unasked = ({ target, user, context = {}, object = null }: Question): Decision => ({
  passing: false,
  messages: [],
  mode: 'any',
  target,
  target_kind: null,
  findings: [],
  membership: null,
  empty: false,
  duration: 0,
  request: { user, context, object, debug: false },
})

/** What each binding says, in their order. */
async function findingsOf(ctx: Ctx, bindings: readonly Binding[], request: PolicyRequest): Promise<Finding[]> {
  if (bindings.some(binding => binding.policy !== null && binding.enabled)) Object.assign(request.context, await placeContext(ctx))
  const found = new Map<Binding, Finding>()
  for (const binding of bindings) if (binding.policy !== null) found.set(binding, await policyFinding(ctx, binding, request))
  const members = bindings.filter(binding => binding.policy === null)
  if (members.length > 0) for (const [binding, finding] of await memberFindings(ctx, members, request.user)) found.set(binding, finding)
  return bindings.map(binding => found.get(binding)!)
}

/**
 * Whether a user passes what is bound to a target. Every policy is asked, by order, also when the result is clear already, since policies
 * may have effects, and each sees what the ones before it left in the context. All group and user bindings together are one result: in
 * mode `any` one match is enough, in mode `all` every one must match. A target without (enabled) bindings passes unless `empty` says
 * otherwise. Answers are never remembered; see docs/decisions/0009-policy-answers-are-not-cached.md.
 */
export async function evaluatePolicies(ctx: Ctx, question: Question): Promise<Decision> {
  const elapsed = stopwatch()
  const target = await targetOf(ctx, question.target)
  const bindings = target?.bindings ?? []
  const mode = question.mode ?? target?.mode ?? 'any'
  const { user, context = {}, object = null, dry } = question
  const request: PolicyRequest = { user, context, object, debug: false, ...(dry && { dry }) }
  const findings = bindings.length === 0 ? [] : await findingsOf(ctx, bindings, request)
  const asked = findings.filter(finding => finding.enabled)
  const policies = asked.filter(finding => finding.kind === 'policy')
  const memberships = asked.filter(finding => finding.kind !== 'policy').map(finding => finding.passing)
  const combine = (results: boolean[]) => (mode === 'all' ? results.every(Boolean) : results.some(Boolean))
  const membership = memberships.length === 0 ? null : combine(memberships)
  const results = [...policies.map(finding => finding.passing), ...(membership === null ? [] : [membership])]
  const duration = elapsed()
  ctx.metrics?.policiesEvaluated(target?.kind ?? 'none', duration / 1000)
  return {
    passing: results.length === 0 ? (question.empty ?? true) : combine(results),
    messages: policies.flatMap(finding => finding.messages),
    mode,
    target: question.target,
    target_kind: target?.kind ?? null,
    findings,
    membership,
    empty: results.length === 0,
    duration,
    request,
  }
}

/**
 * Whether all of these policies pass, asked in the given order without bindings: no negation, and one that cannot decide fails.
 * For places that name policies themselves (validation of forms).
 */
export async function evaluateEach(
  ctx: Ctx,
  policies: readonly string[],
  question: { user: Row | null; context: Row; object?: unknown; dry?: boolean },
): Promise<Decision> {
  const elapsed = stopwatch()
  const { user, context, object = null, dry } = question
  const request: PolicyRequest = { user, context, object, debug: false, ...(dry && { dry }) }
  if (policies.length > 0) Object.assign(context, await placeContext(ctx))
  const findings: Finding[] = []
  for (const [order, policy] of policies.entries()) {
    const unbound: Binding = {
      policy_binding_uuid: policy,
      policy,
      group: null,
      user: null,
      name: null,
      enabled: true,
      negate: false,
      order,
      timeout: 30,
      failure_result: false,
    }
    findings.push({ ...(await policyFinding(ctx, unbound, request)), binding: null })
  }
  return {
    passing: findings.every(finding => finding.passing),
    messages: findings.flatMap(finding => finding.messages),
    mode: 'all',
    target: null,
    target_kind: null,
    findings,
    membership: null,
    empty: findings.length === 0,
    duration: elapsed(),
    request,
  }
}

/** How many policies stand in memory, ready to be asked. Their answers are never remembered. */
export const rememberedPolicies = (ctx: Ctx): number => policyOf.keys(ctx).length

/** Forgets what is remembered of policies and their bindings. */
export function forgetPolicies(ctx: Ctx): void {
  policyOf.clear(ctx)
  targetOf.clear(ctx)
}
