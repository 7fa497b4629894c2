import type { Ctx } from '../context.ts'
import type { Model, Row } from '../api/model.ts'
import type { Session } from '../core/session/session.ts'
import type { AnswerFields, AnswerValues } from './answer.ts'
import type { Plan, PlannedStage } from './plan.ts'
import type { Visit } from './visit.ts'

/** One thing wrong with an answer, as clients show it. */
export type AnswerError = { string: string; code: string }

/** Keys are the names of answer fields, or `non_field_errors`. */
export type AnswerErrors = Record<string, AnswerError[]>

/** What is shown to the browser; `component` names the view. */
export type Challenge = { component: string; [field: string]: unknown }

/** What a stage decided. Only the executor turns it into an answer. */
export type Outcome =
  /** This stage is done. */
  | { kind: 'next' }
  /** The answer will not do; the binding says whether the same is asked again or the flow begins anew. */
  | { kind: 'retry'; errors: AnswerErrors }
  /** Refused: the flow ends here, unless the binding restarts it. */
  | {
      kind: 'denied'
      message?: string
      /** Id of the explanation, where whoever refused has explained it already. */
      explanation?: string
    }
  /** The browser goes elsewhere. The plan stays, unless `last` says that this was the flow's purpose. */
  | { kind: 'redirect'; to: string; last: boolean }
  /** The flow's last word is a challenge that nobody answers. */
  | { kind: 'finish'; challenge: Challenge }
  /** Another flow goes on from here. */
  | { kind: 'switch'; plan: Plan }

export const next = (): Outcome => ({ kind: 'next' })

/** `{field: text}` or `{field: [{string, code}]}`; the code is `invalid` unless given. */
export const retry = (errors: Record<string, string | AnswerError[]>): Outcome => ({
  kind: 'retry',
  errors: Object.fromEntries(
    Object.entries(errors).map(([name, error]) => [name, typeof error === 'string' ? [{ string: error, code: 'invalid' }] : error]),
  ),
})

export const denied = (message?: string, explanation?: string): Outcome => ({ kind: 'denied', message, explanation })
export const redirect = (to: string, options: { last?: boolean } = {}): Outcome => ({ kind: 'redirect', to, last: options.last ?? false })
export const finish = (challenge: Challenge): Outcome => ({ kind: 'finish', challenge })
export const switchTo = (plan: Plan): Outcome => ({ kind: 'switch', plan })

/** What a stage works with. */
export type Run<S extends Row = Row> = {
  /** `ctx.caller` is who is signed in right now, also after this very flow signed somebody in. */
  ctx: Ctx
  flow: Row
  /** The stored stage with its many-to-many fields, or the data of a stage that lives in the plan alone. */
  stage: S
  /** Where the stage stands in the plan. */
  place: PlannedStage
  plan: Plan
  /** The query string of the browser's page. */
  query: URLSearchParams
  /** The browser: its session and the cookies that the answer will set. */
  visit: Visit
}

/** How a stage behaves. */
export type StageBehaviour = {
  /**
   * The fields of an answer. Undefined: nothing is asked right now, so that an answer to this stage is not even looked at.
   * Without this function the stage never asks.
   */
  answer?: (run: Run) => AnswerFields | undefined | Promise<AnswerFields | undefined>
  /** What to show; or the outcome, where there is nothing to ask. */
  challenge: (run: Run) => Challenge | Outcome | Promise<Challenge | Outcome>
  /** Judges an answer that has the right form. A challenge: nothing was wrong with it, and the stage goes on asking. */
  respond?: (run: Run, answer: AnswerValues) => Challenge | Outcome | Promise<Challenge | Outcome>
  /** Name of the view whose answers are read; an answer that names another was meant for another stage. */
  component?: string
}

/** A kind of stage that administrators store. */
export type StageKind = StageBehaviour & {
  model: Model
  /** Name of the form element by which people configure such a stage for themselves, where it has a `configure_flow`. */
  settings?: string
}

/** A kind of stage that lives in plans alone, put there by providers and the like. Its data must be JSON. */
export type MemoryStageKind = StageBehaviour & {
  kind: string
  /** What follows when the person refuses, somewhere on the way, what this stage stands at the end of a plan for. */
  decline?: (run: Run) => Outcome | Promise<Outcome>
}

/** What is left to do in the browser for those who took part in a session that is about to end. */
export type Farewell = (ctx: Ctx, session: Session) => Promise<PlannedStage[]>

export const defineStage = (stage: StageKind): StageKind => stage
export const defineMemoryStage = (stage: MemoryStageKind): MemoryStageKind => stage

export const isChallenge = (value: Challenge | Outcome): value is Challenge => 'component' in value
