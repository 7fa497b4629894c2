import type { Ctx } from '../../context.ts'
import { stageByKey, type FlowDefinition } from '../definition.ts'

/** Text inside a node of the diagram; the notation has its own marks for quotes and angle brackets. */
const label = (...lines: string[]): string =>
  `"${lines.map(line => line.replaceAll('#', '#35;').replaceAll('"', '#quot;').replaceAll('<', '#lt;').replaceAll('>', '#gt;')).join('<br/>')}"`

type Bound = { node: string; text: string }

/** What is bound to a target, as nodes. */
async function boundTo(ctx: Ctx, target: string, prefix: string): Promise<Bound[]> {
  const rows = await ctx.db
    .selectFrom('policy_binding')
    .leftJoin('policy', 'policy.policy_uuid', 'policy_binding.policy')
    .leftJoin('group', 'group.group_uuid', 'policy_binding.group')
    .leftJoin('user', 'user.id', 'policy_binding.user')
    .select(['policy.name as policy', 'policy.kind', 'group.name as group', 'user.username as user', 'negate', 'policy_binding.order'])
    .where('target', '=', target)
    .where('enabled', '=', true)
    .orderBy('policy_binding.order')
    .orderBy('policy_binding_uuid')
    .execute()
  return rows.map(({ policy, kind, group, user, negate, order }, index) => {
    const model = ctx.registry.policyKinds.find(known => known.model.label === kind)?.model
    const what = policy === null ? (group === null ? 'Person' : 'Group') : (model?.verboseName ?? 'Policy')
    return {
      node: `${prefix}_policy_${index}`,
      text: label(`${what}${negate ? ' (negated)' : ''}, order ${String(order)}`, policy ?? group ?? user ?? ''),
    }
  })
}

/**
 * A flow as a graph in Mermaid's notation: what is bound to it, then its stages by order, each behind what is bound to its place. Where
 * that says no, the flow ends (its own bindings) or goes on with the next stage.
 */
export async function flowDiagram(ctx: Ctx, { flow, bindings }: FlowDefinition): Promise<string> {
  const lines = ['graph TD', `flow_start(${label('Flow', String(flow.title))})`, `flow_end(${label('End of the flow')})`]
  const any = (mode: unknown) => (mode === 'any' ? 'one says yes' : 'all say yes')
  /** Nodes whose way onwards is still open, with what is written on it. */
  let open: { from: string; text?: string }[] = [{ from: 'flow_start' }]
  const connect = (to: string) => {
    for (const { from, text } of open) lines.push(text === undefined ? `${from} --> ${to}` : `${from} -- ${label(text)} --> ${to}`)
  }
  const place = (bound: Bound[], shape: (bound: Bound) => string) => {
    for (const one of bound) lines.push(shape(one))
    for (const one of bound) connect(one.node)
  }
  const decision = ({ node, text }: Bound): string => `${node}{{${text}}}`

  const own = await boundTo(ctx, flow.policybindingmodel_ptr_id as string, 'flow')
  if (own.length > 0) {
    place(own, decision)
    lines.push(`denied(${label('Access denied')})`)
    for (const { node } of own) lines.push(`${node} -- ${label('no')} --> denied`)
    open = own.map(({ node }) => ({ from: node, text: any(flow.policy_engine_mode) }))
  }
  for (const [index, binding] of bindings.entries()) {
    const stage = await stageByKey(ctx, binding.stage as string)
    const model = ctx.registry.stages.find(kind => kind.model.label === stage?.kind)?.model
    const node = `stage_${index}`
    const bound = await boundTo(ctx, binding.policybindingmodel_ptr_id as string, node)
    const text = label(`${model?.verboseName ?? 'Stage'}, order ${String(binding.order)}`, stage?.name ?? String(binding.stage))
    let around: typeof open = []
    if (bound.length > 0) {
      place(bound, decision)
      around = bound.map(one => ({ from: one.node, text: 'no' }))
      open = bound.map(one => ({ from: one.node, text: any(binding.policy_engine_mode) }))
    }
    lines.push(`${node}[[${text}]]`)
    connect(node)
    open = [{ from: node }, ...around]
  }
  connect('flow_end')
  return lines.join('\n')
}
