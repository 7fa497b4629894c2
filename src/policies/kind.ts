import { crud } from '../api/crud.ts'
import type { Hooks } from '../api/objects.ts'
import { defineModel, type Model, type ModelSpec, type Row } from '../api/model.ts'
import type { Resource } from '../api/mount.ts'
import type { Ctx } from '../context.ts'
import { PolicyBase } from './base.ts'
import type { PolicyAnswer, PolicyKind, PolicyRequest } from './policy.ts'

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

/** What a prepared policy says to one question. `timeout` is the binding's, in ms. @throws PolicyFailure */
type Decide = (ctx: Ctx, request: PolicyRequest, limits: { timeout: number }) => PolicyAnswer | Promise<PolicyAnswer>

export const pass = (...messages: string[]): PolicyAnswer => ({ passing: true, messages })
export const fail = (...messages: string[]): PolicyAnswer => ({ passing: false, messages })

/**
 * A kind of policy that is no expression.
 * @param app how events name the part of the program
 * @param prepare reads a stored policy once and answers how it decides
 */
export const definePolicyKind = (model: Model, app: string, prepare: (policy: Row) => Decide): PolicyKind => ({
  model,
  app,
  prepare: policy => {
    const decide = prepare(policy)
    return {
      async evaluate(ctx, request, limits) {
        try {
          return await decide(ctx, request, limits)
        } catch (error) {
          if (!(error instanceof PolicyFailure)) throw error
          return { passing: false, messages: [error.message], failed: true }
        }
      },
    }
  },
})
