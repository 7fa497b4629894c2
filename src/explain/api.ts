import { sql } from 'kysely'
import { Type } from 'typebox'
import { paginated } from '../api/page.ts'
import { wireInstant } from '../api/present.ts'
import { invalid, invalidObject, notFound, permissionDenied } from '../api/errors.ts'
import { filterConditions, orderings, parseUuid, requireChoices, searchCondition, type Condition } from '../api/filters.ts'
import type { Model, Query, Row } from '../api/model.ts'
import type { SpecialOperation } from '../api/mount.ts'
import { mayTouch, visibility } from '../api/permissions.ts'
import { countObjects, findObject, findObjects, matchObjects, pageOfObjects, readingContext } from '../api/store.ts'
import { body, checked } from '../api/validate.ts'
import type { Ctx } from '../context.ts'
import { Application } from '../core/application/model.ts'
import { User } from '../core/people.ts'
import { flowByKey } from '../flows/definition.ts'
import { Flow } from '../flows/flow.ts'
import { parseIp } from '../lib/ip.ts'
import { Source } from '../sources/source.ts'
import { readId } from './id.ts'
import { Explanation } from './model.ts'
import { askAboutApplication, askAboutFlow } from './question.ts'
import { storeExplanations } from './record.ts'
import type { Trace } from './trace.ts'

/** Part of a condition: the column is empty, or names an object that the caller may see. */
function seen(ctx: Ctx, column: string, model: Model): Condition | undefined {
  const condition = visibility(ctx, model)
  if (!condition) return undefined
  const name = sql.ref(`explanation.${column}`)
  return sql`(${name} is null or ${name} in (select ${sql.ref(`${model.table}.${model.pk}`)} from ${sql.table(model.table)} where ${condition}))`
}

/** Whoever may see the target and the person may see why the one was refused the other. */
const readable = (ctx: Ctx): (Condition | undefined)[] => [
  seen(ctx, 'application', Application),
  seen(ctx, 'flow', Flow),
  seen(ctx, 'user', User),
  // Sources have no column of their own.
  visibility(ctx, Source) && sql<boolean>`explanation.kind <> 'source'`,
]

/** An explanation as it goes over the wire; what does not apply is null. */
const wire = ({ target, user, requirement, stage, ...rest }: Trace): Row => ({
  ...rest,
  application: target.application,
  flow: target.flow,
  target_name: target.name,
  user: user?.pk ?? null,
  username: user?.username ?? '',
  requirement: requirement ?? null,
  stage: stage ?? null,
})

const present = (row: Row): Row => ({
  pk: row.explanation_uuid,
  id: row.id,
  surface: row.surface,
  ...wire(row.trace as Trace),
  client_ip: row.client_ip,
  request_id: row.request_id,
  count: row.count,
  created: wireInstant(row.created as Date),
  last_seen: wireInstant(row.last_seen as Date),
  expires: wireInstant(row.expires as Date),
})

async function list(ctx: Ctx, query: Query): Promise<unknown> {
  const restriction = readable(ctx)
  await storeExplanations(ctx)
  const conditions = [...restriction, ...(await filterConditions(ctx, Explanation, query)), searchCondition(ctx, Explanation, query)]
  const reading = await readingContext(ctx, Explanation)
  const { count, where } = await matchObjects(reading, Explanation, conditions)
  if (count === 0 && restriction.some(Boolean) && (await countObjects(reading, Explanation, restriction)) === 0) throw permissionDenied()
  await requireChoices(reading, Explanation, query, count)
  return paginated(ctx, query, count, async (limit, offset) =>
    (await pageOfObjects(reading, Explanation, { where, orderBy: orderings(Explanation, query), limit, offset })).map(present),
  )
}

async function retrieve(ctx: Ctx, id: string): Promise<Row> {
  const where = [...readable(ctx), sql<boolean>`explanation.id = ${readId(id)}`]
  await storeExplanations(ctx)
  const [row] = await findObjects(ctx, Explanation, { where, limit: 1 })
  if (!row) throw notFound('Explanation')
  return present(row)
}

const Question = body(
  {
    user: Type.Integer({ minimum: 0, maximum: 2_147_483_647 }),
    application: Type.String({ minLength: 1, description: 'Slug or key of an application.' }),
    flow: Type.String({ minLength: 1, description: 'Slug or key of a flow.' }),
    context: Type.Unsafe<Row>({ type: 'object', additionalProperties: {}, description: 'What policies are to see beside the person.' }),
    client_ip: Type.String({ description: "Address that the person's request is to come from." }),
    signed_in: Type.Boolean({ description: 'Whether the person is signed in by the time they get to the flow.' }),
  },
  ['application', 'flow', 'context', 'client_ip', 'signed_in'],
)
type Question = { user: number; application?: string; flow?: string; context?: Row; client_ip?: string; signed_in?: boolean }

/** An object that the body names by key or slug; to whoever may not see it, it does not exist. */
async function named(ctx: Ctx, field: string, model: Model, sent: string): Promise<Row> {
  const key = parseUuid(sent)
  const row = (key && (await findObject(ctx, model, key))) || (await findObject(ctx, model, sent, 'slug'))
  if (!row || !(await mayTouch(ctx, model, row[model.pk] as string, 'view')))
    throw invalid({ [field]: [`Invalid pk "${sent}" - object does not exist.`] })
  return row
}

async function answer(ctx: Ctx, sent: Question): Promise<unknown> {
  if ((sent.application === undefined) === (sent.flow === undefined)) throw invalidObject("One of 'application', 'flow' must be set.")
  const user = await findObject(ctx, User, sent.user)
  if (!user || !(await mayTouch(ctx, User, sent.user, 'view')))
    throw invalid({ user: [`Invalid pk "${sent.user}" - object does not exist.`] })
  if (sent.client_ip !== undefined && !parseIp(sent.client_ip)) throw invalid({ client_ip: ['Enter a valid IPv4 or IPv6 address.'] })
  const asked: Ctx = sent.client_ip !== undefined && ctx.request ? { ...ctx, request: { ...ctx.request, clientIp: sent.client_ip } } : ctx
  const context = sent.context ?? {}
  if (sent.application !== undefined)
    return wire(await askAboutApplication(asked, await named(ctx, 'application', Application, sent.application), user, context))
  const flow = await named(ctx, 'flow', Flow, sent.flow!)
  return wire(await askAboutFlow(asked, (await flowByKey(ctx, flow.flow_uuid as string))!, user, context, sent.signed_in))
}

const filterParameters = Object.fromEntries(
  Object.keys(Explanation.filters).map(name => [
    name,
    /__[gl]te$/.test(name) ? { type: 'string', format: 'date-time' } : { type: name === 'user' ? 'integer' : 'string' },
  ]),
)

export const explainRoutes: Record<string, SpecialOperation> = {
  /** Refusals, the latest first. */
  'GET /signet/explain/': {
    operationId: 'signet_explain_list',
    response: 'Explanation',
    many: 'page',
    query: { ...filterParameters, search: { type: 'string' }, ordering: { type: 'string' } },
    handler: (ctx, request) => list(ctx, request.query as Query),
  },
  'GET /signet/explain/:id/': {
    operationId: 'signet_explain_retrieve',
    response: 'Explanation',
    handler: (ctx, request) => retrieve(ctx, (request.params as { id: string }).id),
  },
  /** Would this person get there, and why? Nothing comes of asking. */
  'POST /signet/explain/': {
    operationId: 'signet_explain_create',
    body: Question,
    bodyName: 'ExplainRequest',
    response: 'ExplainAnswer',
    handler: (ctx, request) => answer(ctx, checked<Question>(Question, request.body)),
  },
}
