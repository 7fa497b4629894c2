import { eventModel } from '../api/objects.ts'
import type { Row } from '../api/model.ts'
import type { Ctx } from '../context.ts'
import { recordEvent } from '../events/record.ts'
import { describe } from '../flows/describe.ts'
import type { PolicyAnswer, PolicyKind, PolicyRequest } from './policy.ts'

type Asked = { kind: PolicyKind; policy: Row; request: PolicyRequest }

/** Nobody is asked in earnest: somebody tries a policy out, or wants to know what would be. */
const isTrial = ({ debug, dry }: PolicyRequest): boolean => debug || dry === true

const optionsOf = ({ kind, request: { user } }: Asked) => ({
  app: kind.app,
  ...(user?.id !== undefined && user.id !== null && { user }),
})

const describeRequest = ({ user, context }: PolicyRequest): Row => ({
  user: user === null ? null : { pk: user.id, username: user.username },
  context: describe(context),
})

/** Writes down that a policy could not decide. */
export async function recordFailure(ctx: Ctx, asked: Asked, message: string, traceback = message): Promise<void> {
  const { kind, policy, request } = asked
  if (isTrial(request)) return
  await recordEvent(
    ctx,
    'policy_exception',
    {
      message: `Policy ${policy.name as string} could not be evaluated: ${message}`,
      traceback,
      policy: eventModel(kind.model, policy),
      request: describeRequest(request),
    },
    optionsOf(asked),
  )
}

/** Writes down what a policy said where its administrator wants that. */
export async function recordExecution(ctx: Ctx, asked: Asked, answer: PolicyAnswer): Promise<void> {
  const { kind, policy, request } = asked
  if (!policy.execution_logging || isTrial(request)) return
  await recordEvent(
    ctx,
    'policy_execution',
    {
      message: 'Policy Execution',
      policy: eventModel(kind.model, policy),
      request: describeRequest(request),
      result: { passing: !answer.failed && answer.passing, messages: answer.messages },
    },
    optionsOf(asked),
  )
}
