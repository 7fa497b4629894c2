import { sql } from 'kysely'
import { Type } from 'typebox'
import { readBody } from '../../api/body.ts'
import { createObject } from '../../api/objects.ts'
import { paginated } from '../../api/page.ts'
import { invalid, notFound, permissionDenied, type FieldErrors } from '../../api/errors.ts'
import { parseUuid } from '../../api/filters.ts'
import { permission, type Query, type Row } from '../../api/model.ts'
import type { SpecialOperation } from '../../api/mount.ts'
import { holds, mayTouch, requirePermission, visibility } from '../../api/permissions.ts'
import { body, checked } from '../../api/validate.ts'
import { transact, type Ctx } from '../../context.ts'
import { Group } from '../../core/people.ts'
import { icontains } from '../../db/sql/like.ts'
import { groupRefusal } from './groups.ts'
import { Invitation, invitationHooks } from './invitation.ts'
import { mailInvitation, readAddresses, readTemplate } from './mail.ts'
import { presentRecorded, type Recorded } from './own-present.ts'
import { keepMissingRecords, keepRecord, stateOf, STATES } from './record.ts'

/**
 * Invitations with what other clients' shape has no room for: groups that the account joins, a mail on creation, many in one call, and
 * what became of each. They are the same invitations as those of `/stages/invitation/invitations/`, and change and end there.
 */

const WEEK = 7 * 86_400_000 // ms
const MOST = 500

const settings = {
  name: Type.String({ minLength: 1, maxLength: 200 }),
  flow: Type.Unsafe<string | null>({ type: ['string', 'null'], format: 'uuid' }),
  /** Left out: in a week. Null: never. */
  expires: Type.Unsafe<string | null>({ type: ['string', 'null'], format: 'date-time' }),
  fixed_data: Type.Unsafe<Row>({ type: 'object', additionalProperties: {} }),
  single_use: Type.Boolean(),
  groups: Type.Array(Type.String({ format: 'uuid' }), { maxItems: 100 }),
  send_email: Type.Boolean(),
  template: Type.String({ minLength: 1 }),
}
const OPTIONAL = ['expires', 'fixed_data', 'single_use', 'groups', 'send_email', 'template'] as const
const One = body({ ...settings, email: Type.String() }, [...OPTIONAL, 'email'])
const Batch = body(
  { ...settings, count: Type.Integer({ minimum: 1, maximum: MOST }), email_addresses: Type.Array(Type.Unknown(), { maxItems: MOST }) },
  [...OPTIONAL, 'count', 'email_addresses'],
)

type Settings = {
  name: string
  flow: string | null
  expires?: string | null
  fixed_data?: Row
  single_use?: boolean
  groups?: string[]
  send_email?: boolean
  template?: string
}

/** Groups that the caller may let somebody into. @throws the 400 that names each that they may not */
async function readGroups(ctx: Ctx, sent: readonly string[] = []): Promise<string[]> {
  const keys = [...new Set(sent.map(key => parseUuid(key)!))]
  const errors: string[] = []
  for (const key of keys) {
    const known = await ctx.db.selectFrom('group').select('name').where('group_uuid', '=', key).executeTakeFirst()
    if (!known || !(await mayTouch(ctx, Group, key, 'view'))) errors.push(`Invalid pk "${key}" - object does not exist.`)
    else {
      const refusal = await groupRefusal(ctx, key)
      if (refusal !== undefined) errors.push(refusal)
    }
  }
  if (errors.length > 0) throw invalid({ groups: errors })
  return keys
}

/** What one call makes: the same settings for each name. */
type Wanted = { name: string; email: string }[]

/** Makes invitations and answers them; all or none. */
async function make(ctx: Ctx, sent: Settings, wanted: Wanted, batch?: string): Promise<Row[]> {
  const { send_email: send = false } = sent
  const errors: FieldErrors = {}
  if (send && wanted.some(({ email }) => email === '')) errors[batch === undefined ? 'email' : 'email_addresses'] = ['Nobody to send to.']
  if (send && sent.flow === null) errors.flow = ['A mail needs a flow to lead to.']
  if (Object.keys(errors).length > 0) throw invalid(errors)
  const values = await readBody(ctx, Invitation, {
    name: wanted[0]!.name,
    flow: sent.flow,
    expires: sent.expires === undefined ? new Date(ctx.now().getTime() + WEEK).toISOString() : sent.expires,
    single_use: sent.single_use ?? true,
  })
  const groups = await readGroups(ctx, sent.groups)
  const template = await readTemplate(ctx, sent.template)
  const keys = await transact(ctx, async ctx => {
    const made: string[] = []
    for (const { name, email } of wanted) {
      const fixed_data = { ...(email !== '' && { email }), ...sent.fixed_data }
      const invitation = await createObject(ctx, Invitation, { ...values, name, fixed_data }, invitationHooks)
      const key = invitation.invite_uuid as string
      await keepRecord(ctx, invitation, { email, ...(batch !== undefined && { batch }) })
      if (groups.length > 0)
        await ctx.db
          .insertInto('invitation_group')
          .values(groups.map(group => ({ invitation: key, group })))
          .execute()
      if (send) await mailInvitation(ctx, invitation, { to: [email], template })
      made.push(key)
    }
    return made
  })
  const rows = await recorded(ctx).where('invitation_record.invite_uuid', 'in', keys).execute()
  const place = new Map(keys.map((key, index) => [key, index]))
  const inOrder = rows.map(asNow).toSorted((a, b) => place.get(a.invite_uuid)! - place.get(b.invite_uuid)!)
  return presentRecorded(ctx, inOrder)
}

/** Records with their invitations, where those are still there. */
const recorded = (ctx: Ctx) =>
  ctx.db
    .selectFrom('invitation_record')
    .leftJoin('invitation', 'invitation.invite_uuid', 'invitation_record.invite_uuid')
    .selectAll('invitation_record')
    .select(['invitation.name as live_name', 'invitation.flow as live_flow', 'invitation.single_use as live_single_use'])
    .select(['invitation.expires as live_expires', 'invitation.fixed_data', 'invitation.invite_uuid as live'])
    .select(stateOf(ctx).as('state'))

type Joined = Awaited<ReturnType<ReturnType<typeof recorded>['execute']>>[number]

/** What the invitation says now goes before what its record repeats. */
const asNow = (row: Joined): Recorded =>
  row.live === null
    ? row
    : { ...row, name: row.live_name!, flow: row.live_flow, single_use: row.live_single_use!, expires: row.live_expires }

const first = (query: Query, name: string): string | undefined => [query[name]].flat()[0] || undefined

/** The conditions of a list's query. */
function narrowed(ctx: Ctx, query: Query) {
  const conditions = [sql<boolean>`1 = 1`]
  const state = first(query, 'state')
  if (state !== undefined && !(STATES as readonly string[]).includes(state))
    throw invalid({ state: [`Select a valid choice. ${state} is not one of the available choices.`] })
  if (state !== undefined) conditions.push(sql`(${stateOf(ctx)}) = ${state}`)
  const batch = first(query, 'batch')
  if (batch !== undefined) {
    const key = parseUuid(batch)
    if (key === undefined) throw invalid({ batch: ['Enter a valid UUID.'] })
    conditions.push(sql`invitation_record.batch = ${key}`)
  }
  const flow = first(query, 'flow__slug')
  if (flow !== undefined) conditions.push(sql`invitation_record.flow in (select flow_uuid from flow where slug = ${flow})`)
  const maker = first(query, 'created_by__username')
  if (maker !== undefined) conditions.push(sql`invitation_record.created_by in (select id from "user" where username = ${maker})`)
  const words = (first(query, 'search') ?? '').split(/[\s,]+/).filter(Boolean)
  for (const word of words.slice(0, 16))
    conditions.push(
      sql`(${icontains(ctx.db, sql.ref('invitation_record.name'), word)} or ${icontains(ctx.db, sql.ref('invitation_record.email'), word)})`,
    )
  return sql<boolean>`${sql.join(conditions, sql` and `)}`
}

/** Those that the caller may see, as with the invitations themselves; who may see single ones sees them as long as they are there. */
async function seen(ctx: Ctx) {
  const condition = visibility(ctx, Invitation)
  if (condition === undefined) return sql<boolean>`1 = 1`
  const some = await recorded(ctx).where(condition).limit(1).executeTakeFirst()
  if (!some) throw permissionDenied()
  return condition
}

const TEXT = { type: 'string' }
const filters = {
  state: { type: 'string', enum: STATES },
  batch: { type: 'string', format: 'uuid' },
  flow__slug: TEXT,
  created_by__username: TEXT,
}

export const ownRoutes: Record<string, SpecialOperation> = {
  'GET /signet/invitations/': {
    response: 'SignetInvitation',
    many: 'page',
    query: { ...filters, search: TEXT },
    handler: async (ctx, request) => {
      const query = request.query as Query
      if (holds(ctx, permission(Invitation, 'view'))) await transact(ctx, keepMissingRecords)
      const where = sql<boolean>`${await seen(ctx)} and ${narrowed(ctx, query)}`
      const counted = recorded(ctx)
        .clearSelect()
        .where(where)
        .select(sql<number>`count(*)`.as('count'))
      const { count } = await counted.executeTakeFirstOrThrow()
      return paginated(ctx, query, count, async (limit, offset) => {
        const page = recorded(ctx).where(where).orderBy('invitation_record.created', 'desc').orderBy('invitation_record.name')
        return presentRecorded(ctx, (await page.orderBy('invitation_record.invite_uuid').limit(limit).offset(offset).execute()).map(asNow))
      })
    },
  },
  'GET /signet/invitations/:pk/': {
    response: 'SignetInvitation',
    handler: async (ctx, request) => {
      const key = parseUuid((request.params as { pk: string }).pk)
      if (key === undefined || !(await mayTouch(ctx, Invitation, key, 'view'))) throw notFound('Invitation')
      const rows = await recorded(ctx).where('invitation_record.invite_uuid', '=', key).execute()
      const [shown] = await presentRecorded(ctx, rows.map(asNow))
      if (!shown) throw notFound('Invitation')
      return shown
    },
  },
  'POST /signet/invitations/': {
    status: 201,
    response: 'SignetInvitation',
    body: One,
    bodyName: 'SignetInvitationRequest',
    handler: async (ctx, request) => {
      requirePermission(ctx, permission(Invitation, 'add'))
      const sent = checked<Settings & { email?: string }>(One, request.body)
      const { name, email = '' } = sent
      if (email !== '') readAddresses('email', [email])
      return (await make(ctx, sent, [{ name, email }]))[0]
    },
  },
  /** Makes many with the same settings: as many as `count` says, or one for each address. */
  'POST /signet/invitations/batch/': {
    status: 201,
    response: 'SignetInvitationBatch',
    body: Batch,
    bodyName: 'SignetInvitationBatchRequest',
    handler: async (ctx, request) => {
      requirePermission(ctx, permission(Invitation, 'add'))
      const sent = checked<Settings & { count?: number; email_addresses?: unknown[] }>(Batch, request.body)
      const addresses = readAddresses('email_addresses', sent.email_addresses)
      const count = sent.count ?? addresses.length
      if (count === 0) throw invalid({ count: ['This field is required.'] })
      if (addresses.length > 0 && addresses.length !== count)
        throw invalid({ count: ['Ensure that there is an address for each invitation.'] })
      const digits = String(count).length
      const wanted = Array.from({ length: count }, (_, index) => ({
        name: `${sent.name}-${String(index + 1).padStart(digits, '0')}`,
        email: addresses[index] ?? '',
      }))
      const batch = ctx.uuid()
      return { batch, results: await make(ctx, sent, wanted, batch) }
    },
  },
}
