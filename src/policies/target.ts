import { choice } from '../api/fields.ts'
import { defineModel, type Model } from '../api/model.ts'

/**
 * What policies, groups and users can be bound to: applications, flows, stage bindings. The row is shared: it goes with the
 * object that owns it, and its bindings with the row.
 */
export const PolicyTarget: Model = defineModel({
  name: 'PolicyBindingModel',
  label: 'authentik_policies.policybindingmodel',
  verboseName: 'Policy Binding Model',
  table: 'policy_target',
  pk: 'pbm_uuid',
  fields: { policy_engine_mode: choice(['all', 'any'], 'any') },
})
