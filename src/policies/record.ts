import { eventModel } from '../api/crud.ts'
import type { Model, Row } from '../api/model.ts'
import type { Ctx } from '../context.ts'
import { recordEvent } from '../events/record.ts'
import type { PolicyAnswer, PolicyRequest } from './policy.ts'

/** Which part of the program asked: the name that events give it. */
export type Asked = { model: Model; app: string; policy: Row; request: PolicyRequest }

/** Loaded with the first entry: what turns a context into JSON belongs to the expressions. */
async function describeRequest({ user, context }: PolicyRequest): Promise<Row> {
  const { describe } = await import('../expression/host/conversion.ts')
  return { user: user === null ? null : { pk: user.id, username: user.username }, context: describe(context) }
}

/** Writes down that a policy could not decide, unless somebody is trying it out. */
export async function recordFailure(ctx: Ctx, asked: Asked, message: string, traceback = message): Promise<void> {
  const { model, app, policy, request } = asked
  if (request.debug) return
  await recordEvent(
    ctx,
    'policy_exception',
    {
      message: `Policy ${policy.name as string} could not be evaluated: ${message}`,
      traceback,
      policy: eventModel(model, policy),
      request: await describeRequest(request),
    },
    { app, ...(request.user?.id !== undefined && { user: request.user }) },
  )
}

/** Writes down what a policy said where its administrator wants that. */
export async function recordExecution(ctx: Ctx, asked: Asked, answer: PolicyAnswer): Promise<void> {
  const { model, app, policy, request } = asked
  if (!policy.execution_logging || request.debug) return
  await recordEvent(
    ctx,
    'policy_execution',
    {
      message: 'Policy Execution',
      policy: eventModel(model, policy),
      request: await describeRequest(request),
      result: { passing: answer.passing, messages: answer.messages },
    },
    { app },
  )
}
