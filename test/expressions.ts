/** Helps tests to run a text as a policy would be. */
import type { Ctx } from '../src/context.ts'
import type { Row } from '../src/api/model.ts'
import { httpRequest, policyRequest, userObject } from '../src/expression/host/request.ts'
import { policyHelpers } from '../src/expression/host/functions.ts'
import { plainResult, runExpression, variablesIn } from '../src/expression/host/run.ts'
import type { Value } from '../src/expression/values.ts'

/** What a text returns, as plain data. Lines begin where the text's first line begins. */
export async function result(
  ctx: Ctx,
  text: string,
  options: { user?: Row | null; context?: Row; variables?: Row } = {},
): Promise<unknown> {
  const lines = text.split('\n')
  const indent = Math.min(...lines.filter(line => line.trim()).map(line => /^ */.exec(line)![0].length))
  const context = options.context ?? {}
  const { value, scope } = await runExpression(ctx, {
    source: { kind: 'policy', name: 'test', pk: null },
    text: lines.map(line => line.slice(indent)).join('\n'),
    question: { user: options.user ?? null, context, object: null, debug: false },
    variables: scope => {
      const user = userObject(scope, options.user ?? null)
      const dict = scope.conversion.dict(context)
      const request = policyRequest({
        user: () => user,
        http: () => httpRequest(scope),
        context: () => dict,
        object: () => null,
        debug: false,
      })
      const values = new Map<string, Value>([
        ...Object.entries(policyHelpers),
        ['user', user],
        ['context', dict],
        ['request', request],
        ...Object.entries(options.variables ?? {}).map(([name, given]) => [name, scope.conversion.enter(given)] as const),
      ])
      return variablesIn(values)
    },
  })
  return plainResult(scope, value)
}
