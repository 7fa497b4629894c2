import type { Ctx } from '../context.ts'
import { cached } from '../core/cache.ts'
import type { Database } from '../db/database.ts'
import { afterCommit } from '../db/database.ts'
import { findObject } from '../api/store.ts'
import { policyTables } from '../policies/policy.ts'
import { wakeRunners } from '../tasks/queue.ts'

/**
 * Which events notification rules are asked about. Entries are written on the way of every sign-in, so that nothing else happens there:
 * an entry that some rule may be about is marked, in the statement that writes it, and a job asks the rules later.
 */

const MATCHER = 'authentik_policies_event_matcher.eventmatcherpolicy'

/** Actions that rules are about, or all of them. */
type Interest = ReadonlySet<string> | 'all'

/** Actions that a policy may match: an event matcher names one, for all others nobody knows. */
async function actionOf(ctx: Ctx, policy: string): Promise<string | undefined> {
  const kind = ctx.registry.policyKinds.find(({ model }) => model.label === MATCHER)
  const row = kind && (await findObject(ctx, kind.model, policy))
  return (row?.action as string | null | undefined) ?? undefined
}

const interest = cached(
  ({ registry }) => ['notification_rule', 'policy_binding', ...policyTables(registry)],
  async (ctx): Promise<Interest> => {
    const bindings = await ctx.db
      .selectFrom('policy_binding')
      .innerJoin('notification_rule', 'notification_rule.pbm_uuid', 'policy_binding.target')
      .select(['policy_binding.policy', 'policy_binding.negate', 'policy_binding.failure_result'])
      .where('policy_binding.enabled', '=', true)
      .execute()
    const actions = new Set<string>()
    for (const { policy, negate, failure_result: failure } of bindings) {
      const action = policy === null || negate || failure ? undefined : await actionOf(ctx, policy)
      if (action === undefined) return 'all'
      actions.add(action)
    }
    return actions
  },
)

/** Whether some rule may be about an event of this action. */
export function concernsRules(ctx: Ctx, action: string): boolean | Promise<boolean> {
  if (ctx.unnoticed) return false
  const known = interest.peek(ctx)
  if (known !== undefined) return concerns(known, action)
  if (ctx.db === ctx.database.db) return interest(ctx).then(found => concerns(found, action))
  // Inside a transaction nothing is remembered. One question too many does no harm; the next event finds the answer.
  afterCommit(
    ctx.db,
    () => void interest({ ...ctx, db: ctx.database.db }).catch((error: unknown) => ctx.log.error({ err: error }, 'rules')),
  )
  return true
}

const concerns = (interest: Interest, action: string): boolean =>
  interest === 'all' || interest.has(action) || (action.startsWith('custom_') && interest.has('custom_'))

const SOON = 100 // ms
const waiting = new WeakMap<Database, NodeJS.Timeout>()

/** Lets the rules be asked soon; many events at once ask once. Call after the commit. */
export function askRules(database: Database): void {
  if (waiting.has(database)) return
  const wake = () => {
    waiting.delete(database)
    wakeRunners({ db: database.db, database })
  }
  waiting.set(database, setTimeout(wake, SOON).unref())
}
