import type { Ctx } from '../context.ts'
import type { Row } from '../api/model.ts'
import { hashToken } from '../crypto/secrets.ts'
import { toBase64url } from '../lib/base64url.ts'
import type { FlowDefinition } from './definition.ts'
import { loadPlan, savePlan, type Plan } from './plan.ts'
import { PLAN, type Visit } from './visit.ts'

/**
 * Links that bring a plan back into whichever browser opens them (recovery mails). Opening one does not spend it, since scanners
 * open links too; the first answer does, and only one browser can be the first.
 */

/** What a restored plan remembers of its token, under `is_restored`. */
type Restored = { token: string; single_use: boolean; spent: boolean }

/** Keeps a plan behind a key, for the query parameter `flow_token`. The key is returned once and stored as a hash. */
export async function createFlowToken(
  ctx: Ctx,
  plan: Plan,
  options: { user: Row | null; expires: Date; singleUse?: boolean },
): Promise<string> {
  const key = toBase64url(ctx.randomBytes(32))
  await ctx.db
    .insertInto('flow_token')
    .values({
      flow_token_uuid: ctx.uuid(),
      key_hash: hashToken(key),
      flow: plan.flow.flow_uuid as string,
      user: (options.user?.id as number | undefined) ?? null,
      plan: JSON.stringify(savePlan(ctx, plan)),
      single_use: options.singleUse ?? true,
      expires: options.expires,
    })
    .execute()
  return key
}

/**
 * The plan that the page's `flow_token` stands for. Undefined without a token, for one that is unknown, expired or made for
 * another flow, and when the browser is under way with it already. What the browser's own plan held is not mixed in:
 * the link is about the account it was made for.
 */
export async function restoredPlan(ctx: Ctx, { flow }: FlowDefinition, query: URLSearchParams, visit: Visit): Promise<Plan | undefined> {
  const key = query.get('flow_token')
  if (key === null || key === '') return undefined
  const token = await ctx.db
    .selectFrom('flow_token')
    .selectAll()
    .where('key_hash', '=', hashToken(key))
    .where('expires', '>', ctx.now())
    .where('flow', '=', flow.flow_uuid as string)
    .executeTakeFirst()
  if (!token) return undefined
  const current = (visit.session?.data[PLAN] as { context?: { is_restored?: Restored } } | undefined)?.context?.is_restored
  if (current?.token === token.flow_token_uuid) return undefined
  const plan = await loadPlan(ctx, token.plan)
  if (plan) plan.context.is_restored = { token: token.flow_token_uuid, single_use: token.single_use, spent: false } satisfies Restored
  return plan
}

/** Takes a kept plan back, once: whoever asks second gets undefined, as for a key that is unknown or over. */
export async function takePlan(ctx: Ctx, key: string): Promise<Plan | undefined> {
  const row = await ctx.db
    .deleteFrom('flow_token')
    .where('key_hash', '=', hashToken(key))
    .where('expires', '>', ctx.now())
    .returning('plan')
    .executeTakeFirst()
  return row && loadPlan(ctx, row.plan)
}

/** Spends the token of a restored plan at its first answer. False: another browser was first, and this plan is worth nothing. */
export async function spendToken(ctx: Ctx, plan: Plan): Promise<boolean> {
  const restored = plan.context.is_restored as Restored | undefined
  if (!restored?.single_use || restored.spent) return true
  const { numDeletedRows } = await ctx.db.deleteFrom('flow_token').where('flow_token_uuid', '=', restored.token).executeTakeFirst()
  restored.spent = true
  return numDeletedRows > 0n
}
