import { crud, type Hooks } from '../api/crud.ts'
import { defineModel, type Model, type ModelSpec, type Row } from '../api/model.ts'
import type { Resource } from '../api/mount.ts'
import type { Ctx } from '../context.ts'
import { PolicyBase } from './base.ts'
import type { PolicyAnswer, PolicyKind, PolicyRequest } from './policy.ts'
import { recordExecution, recordFailure } from './record.ts'

type PolicySpec = Pick<ModelSpec, 'name' | 'verboseName' | 'verboseNamePlural' | 'description' | 'fields' | 'present'> & {
  /** `<app label>.<model>`. */
  label: string
  table: string
  component: string
  /** Columns that lists can be narrowed by, beyond the common ones. */
  filters: readonly string[]
}

/** A kind of policy: shares key, name and logging with the base. */
export const definePolicyModel = ({ filters, ...spec }: PolicySpec): Model =>
  defineModel({ ...spec, base: PolicyBase, pk: 'policy_uuid', filters: ['name', 'execution_logging', 'policy_uuid', ...filters] })

/** The resource of a kind of policy. */
export const policyResource = (path: string, model: Model, hooks: Hooks = {}): Resource => ({
  path,
  model,
  operations: crud(model, hooks),
})

/** A policy that cannot decide says why by throwing this; the binding's failure result counts then. */
export class PolicyFailure extends Error {}

/** What a prepared policy says to one question. @throws PolicyFailure */
export type Decide = (ctx: Ctx, request: PolicyRequest) => PolicyAnswer | Promise<PolicyAnswer>

export const pass = (...messages: string[]): PolicyAnswer => ({ passing: true, messages })
export const fail = (...messages: string[]): PolicyAnswer => ({ passing: false, messages })

/**
 * A kind of policy that is no expression. What it says is written down on demand, and a failure always.
 * @param app how events name the part of the program
 * @param prepare reads a stored policy once and answers how it decides
 */
export function definePolicyKind(model: Model, app: string, prepare: (policy: Row) => Decide): PolicyKind {
  return {
    model,
    prepare: policy => {
      const decide = prepare(policy)
      return {
        async evaluate(ctx, request) {
          const asked = { model, app, policy, request }
          const answer = await answerOf(ctx, decide, asked)
          await recordExecution(ctx, asked, answer)
          return answer
        },
      }
    },
  }
}

async function answerOf(ctx: Ctx, decide: Decide, asked: Parameters<typeof recordFailure>[1]): Promise<PolicyAnswer> {
  try {
    return await decide(ctx, asked.request)
  } catch (error) {
    // Whatever went wrong, a policy without an answer must end as the binding says, never as a broken page.
    if (!(error instanceof PolicyFailure)) ctx.log.error({ err: error, policy: asked.policy.name }, 'a policy could not be asked')
    const message = error instanceof PolicyFailure ? error.message : 'The policy could not be evaluated.'
    await recordFailure(ctx, asked, message)
    return { passing: false, messages: [message], failed: true }
  }
}
