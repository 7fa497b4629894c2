import { sql } from 'kysely'
import { wireInstant } from '../../api/present.ts'
import type { Row } from '../../api/model.ts'
import { mayTouch } from '../../api/permissions.ts'
import type { Ctx } from '../../context.ts'
import { Group } from '../../core/people.ts'
import { byKey } from '../../core/user/present.ts'
import { groupRefusal } from './groups.ts'
import { invitationKey } from './link.ts'
import { flowLink } from '../../mail/links.ts'
import type { State } from './record.ts'

/** Uses that are listed with an invitation; how many there were is always told. */
const LISTED_USES = 20

/** A record joined with its invitation, where that is still there. */
export type Recorded = {
  invite_uuid: string
  name: string
  flow: string | null
  created_by: number | null
  single_use: boolean
  expires: Date | null
  email: string
  batch: string | null
  created: Date
  opened: Date | null
  opened_count: number
  use_count: number
  ended: Date | null
  fixed_data: unknown
  live: string | null
  state: State
}

const when = (date: Date | null): string | null => date && wireInstant(date)

async function lastUses(ctx: Ctx, keys: string[]) {
  const ranked = ctx.db
    .selectFrom('invitation_use')
    .select(['invitation', 'user', 'username', 'used', 'use_uuid'])
    .select(sql<number>`row_number() over (partition by invitation order by used desc, use_uuid)`.as('rank'))
    .where('invitation', 'in', keys)
  const rows = await ctx.db.selectFrom(ranked.as('ranked')).selectAll().where('rank', '<=', LISTED_USES).orderBy('rank').execute()
  return Map.groupBy(rows, row => row.invitation)
}

/** Groups by invitation, and those among them that the caller may give. */
async function groupsOfAll(ctx: Ctx, keys: string[]) {
  const rows = await ctx.db
    .selectFrom('invitation_group')
    .innerJoin('group', 'group.group_uuid', 'invitation_group.group')
    .select(['invitation_group.invitation', 'group.group_uuid', 'group.name'])
    .where('invitation_group.invitation', 'in', keys)
    .orderBy('group.name')
    .execute()
  const withheld = new Set<string>()
  const unseen = new Set<string>()
  for (const key of new Set(rows.map(row => row.group_uuid))) {
    if ((await groupRefusal(ctx, key)) !== undefined) withheld.add(key)
    if (!(await mayTouch(ctx, Group, key, 'view'))) unseen.add(key)
  }
  return { of: Map.groupBy(rows, row => row.invitation), withheld, unseen }
}

/**
 * Invitations with what became of them. The link is null when the invitation is spent or over, when it names no flow, and for callers
 * who could not let somebody into its groups themselves.
 */
export async function presentRecorded(ctx: Ctx, rows: Recorded[]): Promise<Row[]> {
  if (rows.length === 0) return []
  const keys = rows.map(row => row.invite_uuid)
  const uses = await lastUses(ctx, keys)
  const { of: groups, withheld, unseen } = await groupsOfAll(ctx, keys)
  const flows = await byKey(
    wanted => ctx.db.selectFrom('flow').select(['flow_uuid', 'slug', 'name']).where('flow_uuid', 'in', wanted).execute(),
    'flow_uuid',
    rows.map(row => row.flow).filter(key => key !== null),
  )
  const makers = await byKey(
    wanted => ctx.db.selectFrom('user').select(['id', 'username']).where('id', 'in', wanted).execute(),
    'id',
    rows.map(row => row.created_by).filter(key => key !== null),
  )
  const link = async (row: Recorded): Promise<string | null> => {
    const flow = flows.get(row.flow)
    const joined = groups.get(row.invite_uuid) ?? []
    if (row.live === null || row.state === 'expired' || !flow || joined.some(group => withheld.has(group.group_uuid))) return null
    return flowLink(ctx, flow.slug as string, new URLSearchParams({ itoken: invitationKey(ctx, row.invite_uuid, joined) }))
  }
  return Promise.all(
    rows.map(async row => {
      const flow = flows.get(row.flow)
      const maker = makers.get(row.created_by)
      const joined = (groups.get(row.invite_uuid) ?? []).filter(group => !unseen.has(group.group_uuid))
      return {
        pk: row.invite_uuid,
        name: row.name,
        state: row.state,
        link: await link(row),
        flow: row.flow,
        flow_obj: flow ? { pk: flow.flow_uuid, slug: flow.slug, name: flow.name } : null,
        single_use: row.single_use,
        expires: when(row.expires),
        fixed_data: row.fixed_data ?? {},
        email: row.email,
        groups: joined.map(group => group.group_uuid),
        groups_obj: joined.map(group => ({ pk: group.group_uuid, name: group.name })),
        batch: row.batch,
        created: when(row.created),
        created_by: maker ? { pk: maker.id, username: maker.username } : null,
        opened: when(row.opened),
        opened_count: row.opened_count,
        used_count: row.use_count,
        used_by: (uses.get(row.invite_uuid) ?? []).map(({ user, username, used }) => ({ user, username, used: when(used) })),
        ended: when(row.ended),
      }
    }),
  )
}
