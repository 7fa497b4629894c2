import type { Ctx } from '../context.ts'
import type { Decision, Finding } from '../policies/engine.ts'
import type { Input } from './input.ts'
import type { MatchingFailure } from '../sources/matching.ts'
import { membershipsOf } from './membership-path.ts'
import { sentences, stageSentences } from './sentences.ts'

/** What was asked for. `stage`: a flow that was under way ended at one of its stages; `source`: a sign-in by a login source. */
export type Kind = 'application' | 'flow' | 'stage' | 'source'

/** What settled it. */
export type Reason =
  /** The account is switched off. */
  | 'inactive'
  /** What is bound to the target. */
  | 'policies'
  /** Nothing is bound to it. */
  | 'nothing_bound'
  /** Superusers may everything. */
  | 'superuser'
  /** What the flow demands of whoever runs it (`require_authenticated` …). */
  | 'authentication'
  /** Initial set-up was done before. */
  | 'setup'
  /** A stage of the flow refused. */
  | 'stage'
  /** The flow holds no stage for this person. */
  | 'no_stages'
  /** How a login source finds accounts. */
  | MatchingFailure

/** A question with its answer, as it was when it was given; names of people and ways through groups are looked up afterwards. */
export type Answered = {
  kind: Kind
  /** Key of the application or flow, and its name. */
  target: { application: string | null; flow: string | null; name: string }
  user: { pk: number | null; username: string } | null
  passing: boolean
  reason: Reason
  /** Of the flow, where that settled it. */
  requirement?: string
  /** Of the flow, where that settled it, or the one that was looked at. */
  stage?: { name: string; kind: string; binding: string | null; order: number | null }
  messages: readonly string[]
  decision: Pick<Decision, 'mode' | 'findings' | 'membership' | 'empty' | 'duration'> | null
  input: Input
}

/** One binding as an explanation shows it. */
export type TracedBinding = Finding & {
  /** Groups that led to a bound one, from one that the person is in themselves. */
  path: string[] | null
}

/** An answer with everything that makes it understandable. Plain data. */
export type Trace = Omit<Answered, 'decision'> & {
  /** `any`: one binding that agrees is enough; `all`: every one must. Null where nothing was asked of bindings. */
  mode: 'any' | 'all' | null
  bindings: TracedBinding[]
  /** What all group and user bindings came to as one. */
  membership: boolean | null
  /** Groups that make the person a superuser. */
  superuser_path: string[] | null
  /** ms that the policies took. */
  duration: number
  /** The same to read. */
  sentences: string[]
}

const rounded = (ms: number): number => Math.round(ms * 1000) / 1000

/** Completes what bindings said with names of people and ways through groups. */
async function tracer(ctx: Ctx, user: number | null, all: readonly Finding[]) {
  const memberships = await membershipsOf(ctx, user)
  const people = [...new Set(all.filter(finding => finding.kind === 'user').map(finding => finding.key as number))]
  const named = people.length === 0 ? [] : await ctx.db.selectFrom('user').select(['id', 'username']).where('id', 'in', people).execute()
  const names = new Map(named.map(({ id, username }) => [id, username]))
  const trace = (finding: Finding): TracedBinding => ({
    ...finding,
    name: finding.kind === 'user' ? (names.get(finding.key as number) ?? null) : finding.name,
    path: finding.kind === 'group' ? (memberships.pathTo(finding.key as string) ?? null) : null,
    messages: [...finding.messages],
    duration: rounded(finding.duration),
  })
  return { trace, superuserPath: memberships.superuserPath ?? null }
}

/** A stage of a flow, and what its binding said. */
export type AskedStage = NonNullable<Answered['stage']> & { runs: boolean; decision: Decision }

/** The same for whoever asked. */
export type TracedStage = NonNullable<Answered['stage']> & {
  runs: boolean
  mode: 'any' | 'all'
  bindings: TracedBinding[]
  sentences: string[]
}

/**
 * Completes an answer: names, ways through groups, sentences. Asks the database, so refusals are completed after the person has been
 * answered.
 */
export async function traceOf(
  ctx: Ctx,
  answered: Answered,
  stages: readonly AskedStage[] = [],
): Promise<Trace & { stages: TracedStage[] }> {
  const { decision, ...rest } = answered
  const findings = decision?.findings ?? []
  const user = answered.user?.pk ?? null
  const { trace, superuserPath } = await tracer(ctx, user, [...findings, ...stages.flatMap(stage => stage.decision.findings)])
  const whole = {
    ...rest,
    messages: [...answered.messages],
    mode: decision === null || findings.length === 0 ? null : decision.mode,
    bindings: findings.map(trace),
    membership: decision?.membership ?? null,
    superuser_path: superuserPath,
    duration: rounded(decision?.duration ?? 0),
  }
  const who = answered.user?.username ?? 'A visitor'
  return {
    ...whole,
    sentences: sentences(whole),
    stages: stages.map(({ decision: { mode, findings }, ...stage }) => {
      const bindings = findings.map(trace)
      return { ...stage, mode, bindings, sentences: stageSentences(stage, bindings, who) }
    }),
  }
}
