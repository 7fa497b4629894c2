import type { Ctx } from '../context.ts'
import type { Row } from '../api/model.ts'
import { flowByKey, stageByKey, type StageRow } from './definition.ts'
import { decode, encode } from './objects.ts'

/** What all stages of a run share, under the keys that expressions know (`pending_user`, `prompt_data` …). */
export type PlanContext = Record<string, unknown>

/** One stage of a plan. */
export type PlannedStage =
  /** A stage that the flow binds. */
  | { kind: 'bound'; binding: Row; stage: StageRow; reevaluate: boolean }
  /** A stored stage that an earlier stage put in, without a place in the flow. */
  | { kind: 'added'; stage: StageRow }
  /** A stage that lives in the plan alone: `name` is its kind, `data` is JSON. */
  | { kind: 'memory'; name: string; data: Row }

/** A stage for `insertStage` and `appendStage` that is stored nowhere; `name` must be a kind of the registry. */
export const inMemoryStage = (name: string, data: Row = {}): PlannedStage => ({ kind: 'memory', name, data })

/** A stored stage for `insertStage` and `appendStage`; undefined when it is gone or this server cannot run it. */
export async function addedStage(ctx: Ctx, key: string): Promise<PlannedStage | undefined> {
  const stage = await stageByKey(ctx, key)
  return stage && { kind: 'added', stage }
}

/** The way through a flow that still lies ahead of one browser, and what was gathered so far. Mutable; kept in the session. */
export class Plan {
  readonly flow: Row
  /** The current stage first. */
  readonly stages: PlannedStage[]
  readonly context: PlanContext

  constructor(flow: Row, stages: PlannedStage[] = [], context: PlanContext = {}) {
    this.flow = flow
    this.stages = stages
    this.context = context
  }

  /** Puts a stage directly after the current one, or at `index`. */
  insertStage(stage: PlannedStage, index = 1): void {
    this.stages.splice(index, 0, stage)
  }

  appendStage(stage: PlannedStage): void {
    this.stages.push(stage)
  }

  /** Sends the browser elsewhere once the current stage is done. */
  redirect(url: string): void {
    this.insertStage(inMemoryStage('redirect', { to: url }))
  }

  get hasStages(): boolean {
    return this.stages.length > 0
  }
}

type StoredStage = { b: string; s: string; r: boolean } | { a: string } | { m: string; d: Row }

function storedStage(stage: PlannedStage): StoredStage {
  switch (stage.kind) {
    case 'memory':
      return { m: stage.name, d: stage.data }
    case 'added':
      return { a: stage.stage.stage_uuid }
    case 'bound':
      return { b: stage.binding.fsb_uuid as string, s: stage.stage.stage_uuid, r: stage.reevaluate }
  }
}

/** The plan as the session keeps it. @throws UnkeepableError for a context that cannot be kept */
export const savePlan = (ctx: Ctx, plan: Plan): Row => ({
  flow: plan.flow.flow_uuid,
  stages: plan.stages.map(storedStage),
  context: encode(ctx, plan.context),
})

/**
 * Reads a plan back. Undefined when it no longer fits what is configured (its flow, a binding or a stage is gone) or when the
 * account it is about is gone: the flow then begins anew, rather than going on with a step less.
 */
export async function loadPlan(ctx: Ctx, stored: unknown): Promise<Plan | undefined> {
  if (typeof stored !== 'object' || stored === null) return undefined
  const { flow: key, stages, context } = stored as { flow: string; stages: StoredStage[]; context: Row }
  const definition = await flowByKey(ctx, key)
  if (!definition) return undefined
  const planned: PlannedStage[] = []
  for (const stage of stages) {
    if ('m' in stage) {
      planned.push(inMemoryStage(stage.m, stage.d))
      continue
    }
    if ('a' in stage) {
      const added = await addedStage(ctx, stage.a)
      if (!added) return undefined
      planned.push(added)
      continue
    }
    const binding = definition.bindings.find(known => known.fsb_uuid === stage.b)
    const row = binding && (await stageByKey(ctx, stage.s))
    if (!row || binding.stage !== stage.s) return undefined
    planned.push({ kind: 'bound', binding, stage: row, reevaluate: stage.r })
  }
  const live = (await decode(ctx, context)) as PlanContext
  if (live.pending_user === null) return undefined
  return new Plan(definition.flow, planned, live)
}
