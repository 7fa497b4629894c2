/** The way through a flow, live: what an expression writes to its context is in the plan afterwards. */
import { inMemoryStage, type Plan, type PlannedStage } from '../../flows/plan.ts'
import { raise } from '../errors.ts'
import { native, nativeClass } from '../module.ts'
import { uuidOf } from '../modules/encoding.ts'
import { BoundMethod, HostObject, PyList, type NativeFunction, type Value } from '../values.ts'
import type { Conversion } from './conversion.ts'

const planClass = nativeClass({ name: 'FlowPlan', module: 'authentik.flows.planner' })
const placeClass = nativeClass({ name: 'FlowStageBinding', module: 'authentik.flows.models' })
const stageClass = nativeClass({ name: 'StageView', module: 'authentik.flows.stage' })

/** `in_memory_stage(...)`: what `append_stage` takes. */
export class MemoryStage extends HostObject {
  readonly place: PlannedStage
  constructor(place: PlannedStage) {
    super(stageClass)
    this.place = place
  }
  override getAttribute(): undefined {
    return undefined
  }
}

const plan = (value: Value): PlanObject => (value instanceof PlanObject ? value : raise('TypeError', 'expected a FlowPlan'))

function planned(stage: Value): PlannedStage {
  if (stage instanceof MemoryStage) return stage.place
  if (stage instanceof PlaceObject) return stage.place
  return raise('TypeError', 'only stages of the plan itself and redirects can be put into a plan')
}

const methods: Record<string, NativeFunction> = {
  redirect: native('redirect', 'self, url', ([self, url]) => {
    if (typeof url !== 'string') raise('TypeError', 'the address of a redirect is a str')
    plan(self).plan.redirect(url)
    return null
  }),
  insert_stage: native('insert_stage', 'self, stage, marker=None, index=1', ([self, stage, , index]) => {
    plan(self).plan.insertStage(planned(stage), Number(index))
    return null
  }),
  append_stage: native('append_stage', 'self, stage, marker=None', ([self, stage]) => {
    plan(self).plan.appendStage(planned(stage))
    return null
  }),
}

export class PlanObject extends HostObject {
  readonly plan: Plan
  private readonly conversion: Conversion
  constructor(plan: Plan, conversion: Conversion) {
    super(planClass)
    this.plan = plan
    this.conversion = conversion
  }
  override getAttribute(name: string): Value | undefined {
    const method = Object.hasOwn(methods, name) ? methods[name] : undefined
    if (method) return new BoundMethod(this, method)
    switch (name) {
      case 'context':
        return this.conversion.dict(this.plan.context)
      case 'flow_pk':
        return String(this.plan.flow.flow_uuid).replaceAll('-', '')
      case 'bindings':
        return new PyList(this.plan.stages.map(place => new PlaceObject(place, this.conversion)))
      case 'has_stages':
        return this.plan.hasStages
      default:
        return undefined
    }
  }
  override attributeNames(): string[] {
    return ['context', 'flow_pk', 'bindings', 'has_stages', ...Object.keys(methods)]
  }
  override hashKey(): string {
    return `plan:${this.id}`
  }
}

/** A stage's place in a plan. */
class PlaceObject extends HostObject {
  readonly place: PlannedStage
  private readonly conversion: Conversion
  constructor(place: PlannedStage, conversion: Conversion) {
    super(placeClass)
    this.place = place
    this.conversion = conversion
  }
  override getAttribute(name: string): Value | undefined {
    const { place } = this
    if (place.kind === 'memory') return name === 'stage' ? new MemoryStage(place) : undefined
    if (name === 'stage') return this.conversion.object(place.stage.kind, place.stage)
    if (place.kind === 'added') return undefined
    const binding = place.binding
    if (name === 'pk' || name === 'fsb_uuid') return uuidOf(String(binding.fsb_uuid))
    if (name === 'order') return Number(binding.order)
    return name === 'evaluate_on_plan' || name === 're_evaluate_policies' ? Boolean(binding[name]) : undefined
  }
}

export const redirectStage = native('in_memory_stage', 'view, destination=None, **kwargs', ([, destination]) => {
  if (typeof destination !== 'string')
    raise('NotImplementedError', 'the only stage that expressions can make is a redirect: use flow_plan.redirect(url)')
  return new MemoryStage(inMemoryStage('redirect', { to: destination }))
})
