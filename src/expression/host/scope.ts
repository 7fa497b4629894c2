/** What one evaluation has to do with the outside: who asked, in whose name it writes, and what it may use up. */
import type { Ctx } from '../../context.ts'
import { ApiError } from '../../api/errors.ts'
import type { Row } from '../../api/model.ts'
import type { Db } from '../../db/database.ts'
import { attempt } from '../../lib/attempt.ts'
import type { Value } from '../values.ts'
import type { Classes } from './classes.ts'
import { Conversion } from './conversion.ts'
import { ofApiError } from './exceptions.ts'

/** Whose text runs: named in events and logs. */
export type Source = { kind: 'policy' | 'mapping' | 'prompt'; name: string; pk: string | null }

/** The question that a policy answers; null for mappings. */
export type Question = { user: Row | null; context: Row; object: unknown; debug: boolean; dry?: boolean } | null

type Begun = {
  asked: Ctx
  source: Source
  question: Question
  classes: Classes
  variables: () => Row
}

/** Most evaluations need little of it: what takes work is made when somebody looks. */
export class Scope {
  /** Whoever asked, with what they may. */
  readonly asked: Ctx
  readonly source: Source
  readonly question: Question
  readonly classes: Classes
  /** All variables of the evaluation as plain values, for events and mail. */
  readonly variables: () => Row
  /** Requests to other servers so far. */
  requests = 0
  private authors: Ctx | undefined
  private converting: Conversion | undefined

  constructor({ asked, source, question, classes, variables }: Begun) {
    this.asked = asked
    this.source = source
    this.question = question
    this.classes = classes
    this.variables = variables
  }

  /** The same request in the name of the administrator who wrote the text: it may do what they may, and events name it. */
  get ctx(): Ctx {
    const { asked, source, callers } = this
    return (this.authors ??= {
      ...asked,
      caller: { ...asked.caller, system: true, superuser: true, expression: { ...source, callers } },
    })
  }

  get db(): Db {
    return (this.authors ?? this.asked).db
  }

  /** Policies that called each other to get here. */
  get callers(): readonly string[] {
    const { asked, source } = this
    return [...(asked.caller.expression?.callers ?? []), ...(source.pk === null ? [] : [source.pk])]
  }

  get conversion(): Conversion {
    return (this.converting ??= new Conversion(this.classes))
  }

  /** The values that `finish` writes back. */
  kept(): readonly Value[] {
    return this.converting?.kept() ?? []
  }

  /** Writes what was changed into the objects that came in. Call it after every evaluation, also a failed one. */
  finish(): void {
    this.converting?.finish()
  }

  /** The same evaluation, with a transaction of its author's. */
  inside(ctx: Ctx): Scope {
    const inner = new Scope(this)
    inner.requests = this.requests
    inner.authors = ctx
    inner.converting = this.conversion
    return inner
  }
}

/** Something that expressions ask of the host: `op` of a host call. */
// Each operation names its own arguments; the calls carry them as data.
// oxlint-disable-next-line typescript/no-explicit-any
export type Operation = (scope: Scope, args: any) => Promise<Value> | Value

/** Carries out an operation; what the API refuses becomes an exception of the language. */
export function dispatch(operations: Readonly<Record<string, Operation>>, scope: Scope, op: string, args: unknown): Value | Promise<Value> {
  const operation = Object.hasOwn(operations, op) ? operations[op] : undefined
  if (!operation) throw new Error(`expressions ask for ${op}, which nobody answers`)
  return attempt(
    () => operation(scope, args),
    value => value,
    error => {
      throw error instanceof ApiError ? ofApiError(error) : error
    },
  )
}
