import type { Ctx } from '../../context.ts'
import type { Row } from '../../api/model.ts'
import { ExpressionError } from '../../expression/evaluate.ts'
import { ExpressionSyntaxError } from '../../expression/errors.ts'
import { describe } from '../../flows/describe.ts'
import { helpers, policyHelpers } from '../../expression/host/functions.ts'
import { httpRequest, policyRequest, userObject } from '../../expression/host/request.ts'
import { isTruthy, messageOf, namesOf, plainFields, runExpression, type Variables } from '../../expression/host/run.ts'
import type { Scope } from '../../expression/host/scope.ts'
import type { NativeFunction, Value } from '../../expression/values.ts'
import type { LogEntry } from '../../expression/runtime.ts'
import type { PolicyAnswer, PolicyLog, PolicyRequest } from '../policy.ts'

const UNKNOWN_ADDRESS = '255.255.255.255'

/** Where a request came from; for notifications, where the event did. */
function clientAddress(ctx: Ctx, { context }: PolicyRequest): string {
  const event = context.event as { client_ip?: unknown } | undefined
  return ctx.request?.clientIp ?? (typeof event?.client_ip === 'string' ? event.client_ip : UNKNOWN_ADDRESS)
}

const HELPERS = new Map(Object.entries(policyHelpers))
const NAMES = namesOf([...HELPERS.keys(), 'request', 'context', 'http_request', 'ak_is_sso_flow', 'ak_client_ip'])

function variablesOf(ctx: Ctx, request: PolicyRequest, scope: Scope): Variables {
  let subject: Value | undefined
  let browser: Value | undefined
  let asked: Value | undefined
  let target: Value | undefined
  const http = (): Value => (browser ??= httpRequest(scope))
  const context = () => scope.conversion.dict(request.context)
  return {
    names: NAMES,
    value: name => {
      switch (name) {
        case 'request':
          return (asked ??= policyRequest({
            user: () => (subject ??= userObject(scope, request.user)),
            http,
            context,
            object: () => (target ??= targetOf(scope, request.object)),
            debug: request.debug,
          }))
        case 'context':
          return context()
        case 'http_request':
          return http()
        case 'ak_is_sso_flow':
          return Boolean(request.context.is_sso)
        case 'ak_client_ip':
          return addressValue(clientAddress(ctx, request))
        default:
          return HELPERS.get(name)
      }
    },
  }
}

/** Reading an address costs nothing worth counting. */
const nowhere = { charge: () => {}, alloc: () => {}, repr: String } as never
const addresses = new Map<string, Value>()
const MOST_ADDRESSES = 200

/** An address of the language; the last ones are kept, since the same clients come again. */
function addressValue(text: string): Value {
  let known = addresses.get(text)
  if (known === undefined) {
    known = (helpers.ip_address as NativeFunction).code([text], null, nowhere) as Value
    if (addresses.size >= MOST_ADDRESSES) addresses.clear()
    addresses.set(text, known)
  }
  return known
}

/** Flows, bindings and applications come as rows; which they are shows in their keys. */
function targetOf(scope: Scope, object: unknown): Value {
  if (typeof object !== 'object' || object === null) return null
  const row = object as Row
  const label =
    'fsb_uuid' in row
      ? 'authentik_flows.flowstagebinding'
      : 'flow_uuid' in row
        ? 'authentik_flows.flow'
        : 'pbm_uuid' in row && 'slug' in row
          ? 'authentik_core.application'
          : typeof row.kind === 'string'
            ? row.kind
            : undefined
  return label === undefined ? scope.conversion.enter(object) : scope.conversion.object(label, row)
}

export const logLine =
  (now: Date, name: string) =>
  (line: LogEntry): PolicyLog => ({
    timestamp: now.toISOString(),
    log_level: line.level,
    logger: name,
    event: line.event,
    attributes: plainFields(line) ?? {},
  })

/** What an expression policy says. */
export async function evaluatePolicy(
  ctx: Ctx,
  policy: Row,
  request: PolicyRequest,
  { timeout }: { timeout: number },
): Promise<PolicyAnswer> {
  const name = policy.name as string
  const line = logLine(ctx.now(), name)
  try {
    const ran = await runExpression(ctx, {
      source: { kind: 'policy', name, pk: policy.policy_uuid as string },
      text: policy.expression as string,
      variables: scope => variablesOf(ctx, request, scope),
      question: request,
      describe: () => ({ context: request.context }),
      limits: { wall: timeout },
    })
    const passing = await isTruthy(ran.scope, ran.value)
    return { passing, messages: ran.messages, raw: describe(rawOf(ran.scope, ran.value)), logs: ran.logs.map(line) }
  } catch (error) {
    if (!(error instanceof ExpressionError || error instanceof ExpressionSyntaxError || error instanceof RangeError))
      ctx.log.error({ err: error, expression: name }, 'an expression could not be run')
    const message = messageOf(error)
    return {
      passing: false,
      messages: [...(error instanceof ExpressionError ? error.messages : []), message],
      failed: true,
      traceback: error instanceof ExpressionError ? error.traceback : message,
      logs: error instanceof ExpressionError ? error.logs.map(line) : [],
    }
  }
}

/** What was returned, where it can be told. */
function rawOf(scope: Scope, value: Value): unknown {
  try {
    return scope.conversion.leave(value)
  } catch {
    // A function or a query set is an answer too, and stands for itself alone.
    return null
  }
}
