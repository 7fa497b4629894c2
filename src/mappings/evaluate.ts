import type { Row } from '../api/model.ts'
import type { Ctx } from '../context.ts'
import { lazy } from '../lib/lazy.ts'
import type { Scope } from '../expression/host/scope.ts'
import type { Value } from '../expression/values.ts'

/** What every kind of mapping has. */
export type MappingRow = { pm_uuid: string; name: string; expression: string }

/** A scope mapping as a provider uses it. */
export type ScopeMappingRow = MappingRow & { managed: string | null; scope_name: string; description: string }

export type MappingRequest = {
  /** null: nobody in particular, to learn what the mapping would say. */
  user: Row | null
  /** `request.context`. */
  context?: Row
  /** What this kind of mapping sees beside `user`, `request` and `http_request`: rows, plain data, or values made from the scope. */
  variables?: Readonly<Record<string, unknown>> | ((scope: Scope, user: Value) => Readonly<Record<string, Value>>)
  /** Milliseconds. */
  timeout?: number
}

/** The text asks to leave the object out of a synchronisation. */
export class SkipObject extends Error {}

export type ClaimsRequest = {
  /** The provider's row. */
  provider: Row
  /** null: nobody in particular, to learn which claims there are. */
  user: Row | null
  scopes: readonly string[]
  /** All mappings of the provider, by scope name. */
  mappings: readonly ScopeMappingRow[]
}

// The interpreter is loaded with the first mapping: a server that starts need not wait for it.
const running = lazy(() => import('./run.ts'))

/**
 * What a mapping returns, as plain data; null for nothing, a list for what it yielded.
 * @throws ExpressionError, ExpressionSyntaxError; SkipObject when the text raises it
 */
export const runMapping = async (ctx: Ctx, mapping: MappingRow, request: MappingRequest): Promise<unknown> =>
  (await running()).runMapping(ctx, mapping, request)

/** As `runMapping`; a mapping that fails leaves an event and says nothing (undefined). */
export const evaluateMapping = async (ctx: Ctx, mapping: MappingRow, request: MappingRequest): Promise<unknown> =>
  (await running()).evaluateMapping(ctx, mapping, request)

/** The claims that the granted scopes add, of all mappings in the order of their scopes: objects are merged, lists joined, else the later one counts. */
export const scopeClaims = async (ctx: Ctx, request: ClaimsRequest): Promise<Row> => (await running()).scopeClaims(ctx, request)
