import { Type } from 'typebox'
import { invalid } from '../api/errors.ts'
import { objectAt } from '../api/objects.ts'
import { findObject } from '../api/store.ts'
import type { Row } from '../api/model.ts'
import type { Resource, SpecialOperation } from '../api/mount.ts'
import { mayTouch, requireObject, requirePermission } from '../api/permissions.ts'
import { polymorphic, typesRoute } from '../api/polymorphic.ts'
import { body, checked } from '../api/validate.ts'
import type { Ctx } from '../context.ts'
import { User } from '../core/people.ts'
import { askPolicy } from './ask.ts'
import { PolicyBase } from './base.ts'
import { forgetPolicies, rememberedPolicies } from './engine.ts'
import type { PolicyKind } from './policy.ts'

export const policies: Resource = { path: '/policies/all', model: PolicyBase, operations: polymorphic(PolicyBase) }

const Test = body(
  { user: Type.Integer({ minimum: 0, maximum: 2_147_483_647 }), context: Type.Unsafe<Row>({ type: 'object', additionalProperties: {} }) },
  ['context'],
)

/** Whoever may try out a text may run what they like: that takes the right to change it, here or for all of its kind. */
async function requireEdit(ctx: Ctx, kind: PolicyKind, key: string): Promise<void> {
  if (await mayTouch(ctx, kind.model, key, 'change')) return
  await requireObject(ctx, PolicyBase, key, 'change')
}

export const policyRoutes: Record<string, SpecialOperation> = {
  'GET /policies/all/types/': { ...typesRoute(PolicyBase), response: 'TypeCreate', many: 'list' },
  /** Asks a policy about a user with a context of the caller's own making. Nothing is recorded, but what the policy does is done. */
  'POST /policies/all/:pk/test/': {
    response: 'PolicyTestResult',
    body: Test,
    bodyName: 'PolicyTestRequest',
    handler: async (ctx, request) => {
      const base = await objectAt(ctx, PolicyBase, (request.params as { pk: string }).pk)
      const key = base.policy_uuid as string
      const row = await ctx.db.selectFrom('policy').select('kind').where('policy_uuid', '=', key).executeTakeFirstOrThrow()
      const kind = ctx.registry.policyKinds.find(({ model }) => model.label === row.kind)
      if (!kind) throw invalid({ non_field_errors: ['This server does not know policies of this kind.'] })
      await requireEdit(ctx, kind, key)
      const sent = checked<{ user: number; context?: Row }>(Test, request.body)
      const user = await findObject(ctx, User, sent.user)
      if (!user || !(await mayTouch(ctx, User, sent.user, 'view')))
        throw invalid({ user: [`Invalid pk "${sent.user}" - object does not exist.`] })
      const policy = (await findObject(ctx, kind.model, key))!
      const question = { user, context: sent.context ?? {}, object: null, debug: true }
      const answer = await askPolicy(ctx, { kind, row: policy, policy: kind.prepare(policy) }, question, 0)
      return { passing: answer.failed ? false : answer.passing, messages: answer.messages, log_messages: answer.logs ?? [] }
    },
  },
  'GET /policies/all/cache_info/': {
    response: 'Cache',
    handler: async ctx => {
      requirePermission(ctx, 'authentik_policies.view_policy_cache')
      return { count: rememberedPolicies(ctx) }
    },
  },
  'POST /policies/all/cache_clear/': {
    status: 204,
    handler: async ctx => {
      requirePermission(ctx, 'authentik_policies.clear_policy_cache')
      forgetPolicies(ctx)
    },
  },
}
