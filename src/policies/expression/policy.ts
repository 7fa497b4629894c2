import { lazy } from '../../lib/lazy.ts'
import type { PolicyKind } from '../policy.ts'
import { ExpressionPolicy } from './model.ts'

/** The interpreter is loaded with the first question: a server that starts need not wait for it. */
const interpreter = lazy(() => import('./evaluate.ts'))

export const expressionKind: PolicyKind = {
  model: ExpressionPolicy,
  app: 'authentik.policies.expression',
  prepare: policy => ({
    evaluate: async (ctx, request, limits) => (await interpreter()).evaluatePolicy(ctx, policy, request, limits),
  }),
}
