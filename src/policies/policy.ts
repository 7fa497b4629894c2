import type { Ctx } from '../context.ts'
import { writtenTables, type Model, type Row } from '../api/model.ts'

/** What a policy is asked about. */
export type PolicyRequest = {
  /** The person who is checked; null for a visitor. */
  user: Row | null
  /** Facts of the place where the question arises; nested objects are live. */
  context: Row
  /** The target itself: flow, stage binding, application … */
  object: unknown
  /** Asked by the test endpoint. */
  debug: boolean
  /**
   * Only to tell what the answer would be: nothing may come of it. What is written to the database is refused or rolled back by the
   * engine; whatever else a kind does (requests to other servers) it must leave out itself.
   */
  dry?: boolean
}

/** What a policy says. `failed` means that it could not decide: the binding's failure result counts then. */
export type PolicyAnswer = {
  passing: boolean
  messages: string[]
  failed?: boolean
  /** Why it could not decide, at more length than a message; for the event alone. */
  traceback?: string
  /** What an expression returned, as JSON has it. */
  raw?: unknown
  /** What the policy wrote to the log, for whoever tests it. */
  logs?: PolicyLog[]
}

/** A line as the API shows it. */
export type PolicyLog = { timestamp: string; log_level: string; logger: string; event: string; attributes: Row }

/**
 * A stored policy, ready to be asked. Order, negation, any/all and the time limit belong to the engine, and so do the events about what
 * failed and what is to be logged: a policy that throws, or answers `failed`, counts as the binding's failure result.
 */
export type Policy = {
  /** `timeout`: ms after which the engine gives up. */
  evaluate: (ctx: Ctx, request: PolicyRequest, limits: { timeout: number }) => Promise<PolicyAnswer>
}

/** A kind of policy: its model, what events call this part of the program, and how a stored one becomes a question that can be asked. */
export type PolicyKind = { model: Model; app: string; prepare: (row: Row) => Policy }

/** Tables that hold what policies say, those of every kind that the program has. */
export const policyTables = ({ policyKinds }: { policyKinds: readonly PolicyKind[] }): string[] => [
  ...new Set(policyKinds.flatMap(({ model }) => writtenTables(model))),
]
