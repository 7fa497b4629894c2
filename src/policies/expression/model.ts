import { crud } from '../../api/crud.ts'
import { text } from '../../api/fields.ts'
import { defineModel, type Model } from '../../api/model.ts'
import type { Resource } from '../../api/mount.ts'
import { PolicyBase } from '../base.ts'
import { cleanExpression } from './check.ts'

/** A policy written in the language of expressions: it passes when what it returns is true. */
export const ExpressionPolicy: Model = defineModel({
  name: 'ExpressionPolicy',
  label: 'authentik_policies_expression.expressionpolicy',
  verboseName: 'Expression Policy',
  verboseNamePlural: 'Expression Policies',
  description: 'Executes an expression and decides by what it returns.',
  component: 'ak-policy-expression-form',
  table: 'policy_expression',
  pk: 'policy_uuid',
  base: PolicyBase,
  fields: { expression: text() },
  filters: ['name', 'execution_logging', 'expression', 'policy_uuid'],
  search: ['name'],
  ordering: ['name'],
})

export const expressionPolicies: Resource = {
  path: '/policies/expression',
  model: ExpressionPolicy,
  operations: crud(ExpressionPolicy, { clean: cleanExpression }),
}
