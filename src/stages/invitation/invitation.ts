import { crud } from '../../api/crud.ts'
import type { Hooks } from '../../api/objects.ts'
import { presentObjects } from '../../api/present.ts'
import { computed, flag, instant, jsonObject, reference, shown, slug } from '../../api/fields.ts'
import { defineModel, type Model, type Row } from '../../api/model.ts'
import type { Resource } from '../../api/mount.ts'
import { named } from '../../api/shapes.ts'
import { findObjects } from '../../api/store.ts'
import { sql } from 'kysely'
import type { Ctx } from '../../context.ts'
import { User } from '../../core/people.ts'
import { byKey, partialUser } from '../../core/user/present.ts'
import { Flow } from '../../flows/flow.ts'
import { keepRecord, noteDeleted } from './record.ts'

/** A link that lets somebody through an invitation stage. Its key is the secret that the link carries. */
export const Invitation: Model = defineModel({
  name: 'Invitation',
  label: 'authentik_stages_invitation.invitation',
  verboseName: 'Invitation',
  table: 'invitation',
  pk: 'invite_uuid',
  fields: {
    name: slug(),
    /** Null: never. */
    expires: instant({ nullable: true }),
    /** What is known of the invited person: prefills prompts of the same key, and is written to the account. */
    fixed_data: jsonObject(),
    created_by: {
      ...shown(
        reference(() => User),
        ctx => ctx.caller.user?.id ?? null,
      ),
      shown: 'PartialUser',
    },
    single_use: flag(false),
    /** The only flow that takes it; null: every flow does. */
    flow: reference(() => Flow, { nullable: true }),
    flow_obj: computed(named('Flow')),
  },
  filters: ['name', 'created_by__username', 'expires', 'flow__slug'],
  search: ['name'],
  ordering: ['-expires'],
  present: presentInvitations,
})

/** Who made an invitation that came with a blueprint. Clients expect a person in any case. */
const PROGRAM: Row = { pk: 0, username: 'AnonymousUser', name: '', is_active: true, last_login: null, email: '', attributes: {}, uid: '' }

async function presentInvitations(ctx: Ctx, rows: Row[]): Promise<Row[]> {
  const keys = (name: string) => rows.map(row => row[name]).filter(key => key !== null)
  const users = await byKey(keys => ctx.db.selectFrom('user').selectAll().where('id', 'in', keys).execute(), 'id', keys('created_by'))
  const wanted = [...new Set(keys('flow'))]
  const flows = wanted.length
    ? await presentObjects(ctx, Flow, await findObjects(ctx, Flow, { where: [sql<boolean>`flow.flow_uuid in (${sql.join(wanted)})`] }))
    : []
  return rows.map(row => {
    const user = users.get(row.created_by)
    return { created_by: user ? partialUser(ctx, user) : PROGRAM, flow_obj: flows.find(flow => flow.pk === row.flow) ?? null }
  })
}

/** Every invitation has a record, which outlives it. */
export const invitationHooks: Hooks = { saved: (ctx, row) => keepRecord(ctx, row), removing: noteDeleted }

export const invitations: Resource = {
  path: '/stages/invitation/invitations',
  model: Invitation,
  operations: crud(Invitation, invitationHooks),
}
