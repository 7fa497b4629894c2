import assert from 'node:assert/strict'
import type { Row } from '../src/api/model.ts'
import type { Ctx, RequestInfo } from '../src/context.ts'
import { evaluateEach, type Decision } from '../src/policies/engine.ts'
import { unique } from './builders.ts'
import { server, type TestServer } from './harness.ts'

/** Policies for tests, made over the API and asked as forms ask them. */

/** A request from an address. */
export const requestFrom = (clientIp: string): RequestInfo => ({
  id: 'r',
  method: 'POST',
  path: '/api/v3/flows/executor/x/',
  query: '',
  clientIp,
  userAgent: 'Browser/1',
  origin: 'https://id.example.test',
  host: 'id.example.test',
  headers: {},
})

/** A context of a visitor at an address. */
export const visitorAt = (ctx: Ctx, clientIp: string): Ctx => ({
  ...ctx,
  request: requestFrom(clientIp),
  caller: { ...ctx.caller, user: null },
})

/** A stored policy of a kind, by the last part of its path. */
export async function aPolicy(kind: string, values: Row = {}, on?: TestServer): Promise<Row & { pk: string; name: string }> {
  const { admin } = on ?? (await server())
  const made = await admin.post(`/api/v3/policies/${kind}/`, { name: unique(kind), ...values })
  assert.equal(made.status, 201, made.text)
  return made.body as Row & { pk: string; name: string }
}

/** What a new policy of a kind says. */
export async function ask(
  kind: string,
  values: Row,
  question: { user?: Row | null; context?: Row; from?: string; on?: TestServer } = {},
): Promise<Decision> {
  const { ctx } = question.on ?? (await server())
  const policy = await aPolicy(kind, values, question.on)
  const asked = visitorAt(ctx, question.from ?? '192.0.2.1')
  return evaluateEach(asked, [policy.pk], { user: question.user ?? null, context: question.context ?? {} })
}
