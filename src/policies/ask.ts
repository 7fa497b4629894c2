import type { Row } from '../api/model.ts'
import type { Ctx } from '../context.ts'
import { stopwatch } from '../lib/stopwatch.ts'
import { dryly } from './dry.ts'
import type { Policy, PolicyAnswer, PolicyKind, PolicyRequest } from './policy.ts'
import { recordExecution, recordFailure } from './record.ts'

/** A stored policy with all that is needed to ask it and to say which it was. */
export type StoredPolicy = { kind: PolicyKind; row: Row; policy: Policy }

/** An answer, how long it took, and whether time ran out. */
export type Asked = PolicyAnswer & { ms: number; late: boolean }

/** Longest time that a binding may give: beyond it timers of this platform fire at once. */
const LONGEST = 86_400_000 // ms
/** What a binding without a time of its own gets. */
const USUAL = 30_000 // ms

class LateError extends Error {}

/** The answer, or LateError when `ms` pass first. What still runs then is not waited for, and whatever it says is too late. */
async function within(answer: Promise<PolicyAnswer>, ms: number): Promise<PolicyAnswer> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new LateError(`The policy took longer than ${ms / 1000} s.`)), ms)
  })
  try {
    return await Promise.race([answer, late])
  } finally {
    clearTimeout(timer)
  }
}

/**
 * Asks one policy. Never throws for what goes wrong inside: then the answer is `failed`, an event tells of it (`policy_exception`), and a
 * policy whose execution is logged leaves another one (`policy_execution`). The test endpoint and dry runs leave none.
 * @param seconds time limit; 0 means the usual one
 */
export async function askPolicy(ctx: Ctx, { kind, row, policy }: StoredPolicy, request: PolicyRequest, seconds: number): Promise<Asked> {
  const timeout = seconds <= 0 ? USUAL : Math.min(seconds * 1000, LONGEST)
  const elapsed = stopwatch()
  let answer: PolicyAnswer
  let late = false
  try {
    const evaluate = (ctx: Ctx, limit = timeout) => within(policy.evaluate(ctx, request, { timeout: limit }), limit)
    answer = await (request.dry ? dryly(ctx, evaluate) : evaluate(ctx))
  } catch (error) {
    late = error instanceof LateError
    if (!late) ctx.log.error({ err: error, policy: row.name, kind: kind.model.label }, 'a policy could not be asked')
    // What broke inside is for the log: it may quote what visitors must not read.
    const message = late ? (error as LateError).message : 'The policy could not be evaluated.'
    answer = { passing: false, messages: [message], failed: true }
  }
  const ms = elapsed()
  ctx.metrics?.policyExecuted(kind.model.modelName, late ? 'timeout' : 'execute', ms / 1000)
  const asked = { kind, policy: row, request }
  if (answer.failed) await recordFailure(ctx, asked, answer.messages.at(-1) ?? 'no reason given', answer.traceback)
  await recordExecution(ctx, asked, answer)
  return { ...answer, ms, late }
}
