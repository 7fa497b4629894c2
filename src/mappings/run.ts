import type { Row } from '../api/model.ts'
import type { Ctx } from '../context.ts'
import { recordEvent } from '../events/record.ts'
import { ExpressionError } from '../expression/evaluate.ts'
import { describe } from '../expression/host/conversion.ts'
import { skipObject } from '../expression/host/exceptions.ts'
import { ModelObject } from '../expression/host/object.ts'
import { Facts, httpRequest, policyRequest, userObject } from '../expression/host/request.ts'
import { messageOf, plainResult, runExpression } from '../expression/host/run.ts'
import type { Scope } from '../expression/host/scope.ts'
import { PyList, type Value } from '../expression/values.ts'
import { deepMerge } from '../lib/deep-merge.ts'
import { stopwatch } from '../lib/stopwatch.ts'
import { SkipObject, type ClaimsRequest, type MappingRequest, type MappingRow } from './evaluate.ts'

const slug = (name: string): string => name.replaceAll(/[:.\- ]/g, '_')

/** An account that could be anybody's, for questions about nobody. */
function somebody(scope: Scope): Value {
  const object = scope.conversion.object('authentik_core.user', {
    username: '',
    name: '',
    email: '',
    attributes: {},
    is_active: true,
    type: 'internal',
    path: 'users',
  })
  if (object instanceof ModelObject) object.hypothetical = true
  return object
}

function variablesOf(scope: Scope, mapping: Row, request: MappingRequest): ReadonlyMap<string, Value> {
  const user = request.user === null ? somebody(scope) : userObject(scope, request.user)
  const http = httpRequest(scope)
  const context = scope.conversion.dict(request.context ?? {})
  const object = scope.conversion.enter({ pk: mapping.pm_uuid, name: mapping.name })
  const given = typeof request.variables === 'function' ? request.variables(scope, user) : request.variables
  return new Map<string, Value>([
    ['user', user],
    ['http_request', http],
    ['request', policyRequest({ user, http, context, object, debug: false })],
    ['SkipObject', skipObject],
    ...Object.entries(given ?? {}).map(([name, value]) => [slug(name), scope.conversion.enter(value)] as const),
  ])
}

/**
 * What a mapping returns, as plain data; null for nothing, a list for what it yielded.
 * @throws ExpressionError, ExpressionSyntaxError; SkipObject when the text raises it
 */
export async function runMapping(ctx: Ctx, mapping: MappingRow, request: MappingRequest): Promise<unknown> {
  const elapsed = stopwatch()
  try {
    const { scope, value } = await runExpression(ctx, {
      source: { kind: 'mapping', name: mapping.name, pk: mapping.pm_uuid },
      text: mapping.expression,
      variables: scope => variablesOf(scope, mapping, request),
      describe: () => ({ context: request.context ?? {} }),
      ...(request.timeout !== undefined && { limits: { wall: request.timeout } }),
    })
    return plainResult(scope, value)
  } catch (error) {
    if (error instanceof ExpressionError && error.exception?.cls === skipObject) throw new SkipObject(mapping.name)
    throw error
  } finally {
    ctx.metrics?.mappingExecuted(mapping.name, elapsed() / 1000)
  }
}

/** As `runMapping`; a mapping that fails leaves an event and says nothing (undefined). */
export async function evaluateMapping(ctx: Ctx, mapping: MappingRow, request: MappingRequest): Promise<unknown> {
  try {
    return await runMapping(ctx, mapping, request)
  } catch (error) {
    if (error instanceof SkipObject) throw error
    // Questions about nobody may well fail on what nobody has.
    if (request.user !== null) {
      const message = messageOf(error)
      ctx.log.warn({ err: error, mapping: mapping.name }, 'mapping failed')
      await recordEvent(
        ctx,
        'property_mapping_exception',
        {
          message: `Failed to evaluate property-mapping: '${mapping.name}': ${message}`,
          traceback: error instanceof ExpressionError ? error.traceback : message,
          mapping: { app: 'authentik_core', model_name: 'propertymapping', pk: mapping.pm_uuid.replaceAll('-', ''), name: mapping.name },
          request: { user: { pk: request.user.id, username: request.user.username }, context: describe(request.context ?? {}) },
        },
        { app: 'authentik.core.expression', user: request.user },
      )
    }
    return undefined
  }
}

const isObject = (value: unknown): value is Row => typeof value === 'object' && value !== null && !Array.isArray(value)

/** The claims that the granted scopes add, of all mappings in the order of their scopes: objects are merged, lists joined, else the later one counts. */
export async function scopeClaims(ctx: Ctx, { provider, user, scopes, mappings }: ClaimsRequest): Promise<Row> {
  const variables = (scope: Scope, asked: Value) => {
    const client = scope.conversion.object('authentik_providers_oauth2.oauth2provider', provider)
    const token = new Facts('AccessToken', 'authentik.providers.oauth2.models', {
      scope: () => new PyList([...scopes]),
      user: () => asked,
      provider: () => client,
    })
    return { provider: client, token }
  }
  let claims: Row = {}
  for (const mapping of mappings) {
    if (!scopes.includes(mapping.scope_name)) continue
    const found = await evaluateMapping(ctx, mapping, { user, context: { oauth_scopes: new Set(scopes) }, variables })
    if (isObject(found)) claims = deepMerge(claims, found)
  }
  return claims
}
