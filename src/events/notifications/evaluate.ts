import type { Row } from '../../api/model.ts'
import { findObject, findObjects } from '../../api/store.ts'
import { systemContext, transact, unnoticed, type Ctx } from '../../context.ts'
import { cached } from '../../core/cache.ts'
import { systemSettings } from '../../core/settings.ts'
import { User } from '../../core/people.ts'
import { asObject } from '../../flows/objects.ts'
import { parseDuration } from '../../lib/duration.ts'
import { evaluatePolicies } from '../../policies/engine.ts'
import type { Job } from '../../tasks/job.ts'
import { withLease } from '../../tasks/lease.ts'
import { Event } from '../event.ts'
import { queueNotice } from './deliver.ts'
import { mayMail } from './repeats.ts'
import { NotificationRule } from './rule.ts'
import { summaryOf } from './summary.ts'
import { NotificationTransport } from './transport.ts'

type Rule = { rule: Row; transports: Row[] }

const allRules = cached(
  ['notification_rule', 'notification_rule_transport', 'notification_transport', 'notification_webhook_mapping'],
  async (ctx): Promise<Rule[]> => {
    const rules = await findObjects(ctx, NotificationRule)
    const transports = new Map((await findObjects(ctx, NotificationTransport)).map(row => [row.uuid, row]))
    const uses = await ctx.db.selectFrom('notification_rule_transport').selectAll().execute()
    return rules.map(rule => ({
      rule,
      transports: uses.filter(use => use.rule === rule.pbm_uuid).map(use => transports.get(use.transport)!),
    }))
  },
)

/** Whoever is behind an event: an account, or somebody whom policies can ask about without harm. */
async function actor(ctx: Ctx, event: Row): Promise<Row> {
  const key = (event.user as Row).pk
  const user = typeof key === 'number' ? await findObject(ctx, User, key) : undefined
  return user ?? asObject(User, { ...NOBODY })
}

const NOBODY: Row = {
  id: null,
  username: 'AnonymousUser',
  name: '',
  email: '',
  is_active: true,
  type: 'internal',
  path: 'users',
  attributes: {},
}

/** Who is told: the direct members of the rule's group who may sign in, and the one behind the event where the rule says so. */
async function recipients(ctx: Ctx, rule: Row, user: Row): Promise<Row[]> {
  const members = rule.destination_group
    ? ((await ctx.db
        .selectFrom('user')
        .innerJoin('user_group', 'user_group.user', 'user.id')
        .selectAll('user')
        .where('user_group.group', '=', rule.destination_group as string)
        .where('user.is_active', '=', true)
        .orderBy('user.id')
        .execute()) as Row[])
    : []
  const alsoActor = rule.destination_event_user === true && user.id !== null && !members.some(member => member.id === user.id)
  return alsoActor ? [...members, user] : members
}

/** Those rules that an event is for. One whose policies cannot be asked tells nobody, and the log says so. */
async function matching(ctx: Ctx, event: Row, user: Row): Promise<Rule[]> {
  const found: Rule[] = []
  for (const candidate of await allRules(ctx)) {
    // Policies may change what they are given; the next rule gets its own.
    const object = asObject(Event, structuredClone(event))
    const target = candidate.rule.pbm_uuid as string
    try {
      const { passing } = await evaluatePolicies(ctx, { target, user, context: { event: object }, object, mode: 'any', empty: false })
      if (passing) found.push(candidate)
    } catch (error) {
      ctx.log.error({ err: error, rule: candidate.rule.name, event_uuid: event.event_uuid }, 'a notification rule cannot be asked')
    }
  }
  return found
}

async function notify(ctx: Ctx, { rule, transports }: Rule, event: Row, user: Row): Promise<void> {
  const people = await recipients(ctx, rule, user)
  const [first] = people
  if (!first) return
  const severity = rule.severity as string
  const body = summaryOf(event)
  const local = transports.filter(({ mode }) => mode === 'local')
  if (local.length > 0 || transports.length === 0) {
    const told = local.length > 0 && local.every(transport => transport.send_once) ? [first] : people
    await store(ctx, told, { severity, body, event: event.event_uuid as string })
  }
  const isMail = ({ mode }: Row) => mode === 'email'
  const mail = transports.some(isMail) ? await mayMail(ctx, rule.pbm_uuid as string, body) : undefined
  const said = (transport: Row) =>
    isMail(transport) && mail && mail.leftOut > 0 ? `${body} (${mail.leftOut} more since the last mail)` : body
  for (const transport of transports.filter(way => way.mode !== 'local' && (mail || !isMail(way))))
    for (const person of transport.send_once ? [first] : people)
      await queueNotice(ctx, transport, { severity, body: said(transport), event, user: person })
}

/** Rows that one insert writes: a statement holds at most 32,766 values. */
const ROWS = 2_000

/** Keeps a notification for each of these people to read on the page. */
export async function store(ctx: Ctx, people: Row[], notice: { severity: string; body: string; event: string | null }): Promise<void> {
  const created = ctx.now()
  const { event_retention: retention } = await systemSettings(ctx)
  const expires = new Date(created.getTime() + parseDuration(retention))
  for (let start = 0; start < people.length; start += ROWS) {
    const rows = people.slice(start, start + ROWS).map(person => ({
      uuid: ctx.uuid(),
      user: person.id as number,
      ...notice,
      hyperlink: null,
      hyperlink_label: null,
      created,
      seen: false,
      expires,
    }))
    await ctx.db.insertInto('notification').values(rows).execute()
  }
}

/** Notes that the rules were asked about these events; how many of them were still to be asked. */
async function settle(ctx: Ctx, events: Row[]): Promise<number> {
  if (events.length === 0) return 0
  const keys = events.map(event => event.event_uuid as string)
  const settled = ctx.db.updateTable('event').set({ rules_due: false }).where('event_uuid', 'in', keys).where('rules_due', '=', true)
  return Number((await settled.executeTakeFirst()).numUpdatedRows)
}

/** Asks the rules about one event; false when none is about it. What they cause is stored in the transaction that notes that they were asked. */
async function evaluate(ctx: Ctx, event: Row): Promise<boolean> {
  const user = await actor(ctx, event)
  const rules = await matching(ctx, event, user)
  if (rules.length === 0) return false
  await transact(ctx, async ctx => {
    if ((await settle(ctx, [event])) === 0) return
    for (const rule of rules) await notify(ctx, rule, event, user)
  })
  return true
}

const BATCH = 50
/** After so many another run goes on, so that none takes too long. */
const MOST = 1_000

const waiting = (ctx: Ctx) => ctx.db.selectFrom('event').where('rules_due', '=', true).orderBy('created').orderBy('event_uuid')

/**
 * Asks the notification rules about each new event that concerns them, in the order of the events, one process at a time. A process that
 * dies in the middle leaves its events to the next one: policies may then see them twice, and nobody misses them.
 */
export const evaluateRules: Job = {
  name: 'notification_rules',
  description: 'Compare new events with the notification rules.',
  brief: true,
  pending: async ctx => (await waiting(ctx).select('event_uuid').limit(1).executeTakeFirst()) !== undefined,
  run: (jobCtx, _args, { signal }) =>
    withLease(jobCtx, 'notification rules', async () => {
      const ctx = unnoticed(systemContext(jobCtx))
      for (let count = 0; count < MOST; count += BATCH) {
        const events = (await waiting(ctx).selectAll().limit(BATCH).execute()) as Row[]
        const nobodys: Row[] = []
        for (const event of events) {
          if (signal.aborted) break
          if (!(await evaluate(ctx, event))) nobodys.push(event)
        }
        await settle(ctx, nobodys)
        if (signal.aborted || events.length < BATCH) return
      }
    }),
}
