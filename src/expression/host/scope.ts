/** What one evaluation has to do with the outside: who asked, in whose name it writes, and what it may use up. */
import type { Ctx } from '../../context.ts'
import { ApiError } from '../../api/errors.ts'
import type { Row } from '../../api/model.ts'
import type { Value } from '../values.ts'
import type { Classes } from './classes.ts'
import type { Conversion } from './conversion.ts'
import { ofApiError } from './exceptions.ts'

/** Whose text runs: named in events and logs. */
export type Source = { kind: 'policy' | 'mapping' | 'prompt'; name: string; pk: string | null }

export type Scope = {
  /** Whoever asked, with what they may. */
  asked: Ctx
  /** The same, with the rights of the administrator who wrote the text. */
  ctx: Ctx
  source: Source
  classes: Classes
  conversion: Conversion
  /** The question that a policy answers; null for mappings and prompts. */
  question: { user: Row | null; context: Row; object: unknown; debug: boolean; dry?: boolean } | null
  /** All variables of the evaluation as plain values, for events and mail. */
  variables: () => Row
  /** Requests to other servers so far. */
  requests: number
  /** Policies that called each other to get here. */
  callers: readonly string[]
}

/** Something that expressions ask of the host: `op` of a host call. */
// Each operation names its own arguments; the calls carry them as data.
// oxlint-disable-next-line typescript/no-explicit-any
export type Operation = (scope: Scope, args: any) => Promise<Value> | Value

/** Carries out an operation; what the API refuses becomes an exception of the language. */
export async function dispatch(operations: Readonly<Record<string, Operation>>, scope: Scope, op: string, args: unknown): Promise<Value> {
  const operation = Object.hasOwn(operations, op) ? operations[op] : undefined
  if (!operation) throw new Error(`expressions ask for ${op}, which nobody answers`)
  try {
    return await operation(scope, args)
  } catch (error) {
    throw error instanceof ApiError ? ofApiError(error) : error
  }
}
