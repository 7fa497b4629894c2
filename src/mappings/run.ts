import type { Row } from '../api/model.ts'
import type { Ctx } from '../context.ts'
import { recordEvent } from '../events/record.ts'
import { constantOf } from '../expression/constant.ts'
import { ExpressionError } from '../expression/evaluate.ts'
import { describe } from '../flows/describe.ts'
import { skipObject } from '../expression/host/exceptions.ts'
import { messageOf, plainResult, runExpression } from '../expression/host/run.ts'
import { attempt } from '../lib/attempt.ts'
import { deepMerge } from '../lib/deep-merge.ts'
import { stopwatch } from '../lib/stopwatch.ts'
import { AskedForClaims, AskedFreely, type Asked } from './asked.ts'
import { SkipObject, type ClaimsRequest, type MappingRequest, type MappingRow } from './evaluate.ts'

/**
 * What a mapping returns, as plain data; null for nothing, a list for what it yielded.
 * @throws ExpressionError, ExpressionSyntaxError; SkipObject when the text raises it
 */
export const runMapping = async (ctx: Ctx, mapping: MappingRow, request: MappingRequest): Promise<unknown> =>
  run(ctx, new AskedFreely(mapping, request), request.timeout)

/** As `runMapping`; a mapping that fails leaves an event and says nothing (undefined). */
export const evaluateMapping = async (ctx: Ctx, mapping: MappingRow, request: MappingRequest): Promise<unknown> =>
  runTolerantly(ctx, new AskedFreely(mapping, request), request.timeout)

/** @param timeout ms */
function run(ctx: Ctx, asked: Asked, timeout?: number): unknown {
  const { name, pm_uuid: pk, expression } = asked.mapping
  const elapsed = stopwatch()
  const told = () => ctx.metrics?.mappingExecuted(name, elapsed() / 1000)
  const constant = constantOf(expression)
  if (constant) {
    told()
    return constant.plain
  }
  return attempt(
    () =>
      runExpression(ctx, {
        source: { kind: 'mapping', name, pk },
        text: expression,
        variables: scope => asked.open(scope),
        describe: () => ({ context: asked.context }),
        ...(timeout !== undefined && { limits: { wall: timeout } }),
      }),
    ({ scope, value }) => {
      told()
      return plainResult(scope, value)
    },
    (error): never => {
      told()
      throw error instanceof ExpressionError && error.exception?.cls === skipObject ? new SkipObject(name) : error
    },
  )
}

const runTolerantly = (ctx: Ctx, asked: Asked, timeout?: number): unknown =>
  attempt(
    () => run(ctx, asked, timeout),
    value => value,
    error => noteFailure(ctx, asked, error),
  )

/** Questions about nobody may well fail on what nobody has: only those about somebody leave an event. */
async function noteFailure(ctx: Ctx, { mapping, subject, context }: Asked, error: unknown): Promise<undefined> {
  if (error instanceof SkipObject) throw error
  if (subject === null) return
  const message = messageOf(error)
  ctx.log.warn({ err: error, mapping: mapping.name }, 'mapping failed')
  await recordEvent(
    ctx,
    'property_mapping_exception',
    {
      message: `Failed to evaluate property-mapping: '${mapping.name}': ${message}`,
      traceback: error instanceof ExpressionError ? error.traceback : message,
      mapping: { app: 'authentik_core', model_name: 'propertymapping', pk: mapping.pm_uuid.replaceAll('-', ''), name: mapping.name },
      request: { user: { pk: subject.id, username: subject.username }, context: describe(context) },
    },
    { app: 'authentik.core.expression', user: subject },
  )
}

const isObject = (value: unknown): value is Row => typeof value === 'object' && value !== null && !Array.isArray(value)

/** The claims that the granted scopes add, of all mappings in the order of their scopes: objects are merged, lists joined, else the later one counts. */
export async function scopeClaims(ctx: Ctx, request: ClaimsRequest): Promise<Row> {
  const claims: Row[] = []
  for (const mapping of request.mappings) {
    if (!request.scopes.includes(mapping.scope_name)) continue
    const found = runTolerantly(ctx, new AskedForClaims(mapping, request))
    const known = found instanceof Promise ? ((await found) as unknown) : found
    if (isObject(known)) claims.push(known)
  }
  return deepMerge(...claims)
}
