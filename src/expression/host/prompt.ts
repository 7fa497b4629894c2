import type { Ctx } from '../../context.ts'
import type { Row } from '../../api/model.ts'
import { httpRequest, policyRequest, userObject } from './request.ts'
import { plainResult, runExpression, variablesIn } from './run.ts'
import type { Value } from '../values.ts'

/**
 * What a field of a form starts with or offers.
 * @param variables.user the account that the flow is about, or null
 * @param variables.prompt_context what forms gathered so far
 * @throws ExpressionError and ExpressionSyntaxError
 */
export async function evaluatePromptExpression(ctx: Ctx, text: string, variables: Row): Promise<unknown> {
  const user = (variables.user ?? null) as Row | null
  const gathered = (variables.prompt_context ?? {}) as Row
  const plan = variables.flow_plan as { context?: Row } | undefined
  const context: Row = { ...plan?.context, ...(plan && { flow_plan: plan }) }
  const { value, scope } = await runExpression(ctx, {
    source: { kind: 'prompt', name: 'prompt', pk: null },
    text,
    question: { user, context, object: null, debug: false },
    variables: scope => {
      const asked = userObject(scope, user)
      const http = httpRequest(scope)
      const request = policyRequest({
        user: () => asked,
        http: () => http,
        context: () => scope.conversion.dict(context),
        object: () => null,
        debug: false,
      })
      return variablesIn(
        new Map<string, Value>([
          ['user', asked],
          ['request', request],
          ['http_request', http],
          ['prompt_context', scope.conversion.dict(gathered)],
        ]),
      )
    },
  })
  return plainResult(scope, value)
}
