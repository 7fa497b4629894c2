import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Registry } from 'prom-client'
import { createApp } from '../app.ts'
import { createObject } from '../api/objects.ts'
import { exposition, makeMetrics } from '../observability/metrics.ts'
import { PolicyBinding } from '../policies/binding.ts'
import { unique } from '../../test/builders.ts'
import { aFlow, FlowVisitor } from '../../test/flows.ts'
import { server } from '../../test/harness.ts'

test('plans, stages and policies are counted, by flow and kind', async () => {
  const { admin, ctx, deps } = await server()
  const registry = new Registry()
  const app = await createApp(deps, { metrics: makeMetrics(registry) })
  const { slug, policybindingmodel_ptr_id: target } = await aFlow(ctx, ['dummy', 'deny'])
  const policy = await admin.post('/api/v3/policies/expression/', { name: unique('policy'), expression: 'return True' })
  await createObject(ctx, PolicyBinding, { target, policy: policy.body.pk, order: 0 })
  const visitor = new FlowVisitor(app)
  await visitor.challenge(slug)
  await visitor.challenge(slug, '', {})
  const { text } = await exposition(registry)
  const count = (line: string): number =>
    Number(
      text
        .split('\n')
        .find(known => known.startsWith(line))
        ?.split(' ')
        .at(-1),
    )
  assert.equal(count(`authentik_flows_plan_time_count{flow_slug="${slug}"}`), 1)
  const dummy = 'authentik_stages_dummy.dummystage'
  assert.equal(count(`authentik_flows_stage_time_count{stage_type="${dummy}",method="GET"}`), 1)
  assert.equal(count(`authentik_flows_stage_time_count{stage_type="${dummy}",method="POST"}`), 1)
  assert.equal(
    count(`authentik_flows_execution_stage_time_count{flow_slug="${slug}",stage_type="authentik_stages_deny.denystage",method="GET"}`),
    1,
  )
  assert.equal(count('authentik_policies_execution_time_count{policy_type="expressionpolicy",mode="execute"}'), 1)
  assert.equal(count('authentik_policies_engine_time_total_seconds_count{obj_type="authentik_flows.flow"}'), 1)
})
