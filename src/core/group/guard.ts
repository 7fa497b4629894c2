import { invalid } from '../../api/errors.ts'
import type { Row } from '../../api/model.ts'
import { holds, mayTouch } from '../../api/permissions.ts'
import { relatedKeys } from '../../api/store.ts'
import type { Ctx } from '../../context.ts'
import { beyondCaller } from '../../rbac/escalation.ts'
import { Group } from '../people.ts'
import { wouldCycle } from './membership.ts'

/** Making, or unmaking, superusers takes a permission of its own: delegated managers must not promote themselves. */
export async function guardGroup(ctx: Ctx, values: Row, current?: Row): Promise<Row> {
  const before = (current?.is_superuser as boolean | undefined) ?? false
  const after = (values.is_superuser as boolean | undefined) ?? before
  if (after !== before) {
    const permission = `authentik_core.${after ? 'enable' : 'disable'}_group_superuser`
    const allowed = current ? await mayTouch(ctx, Group, current.group_uuid as string, permission) : holds(ctx, permission)
    if (!allowed) throw invalid({ is_superuser: [`User does not have permission to set superuser status to ${after ? 'True' : 'False'}.`] })
  }
  const key = current?.group_uuid as string | undefined
  const parents = values.parents as string[] | undefined
  if (key !== undefined && parents && (await wouldCycle(ctx, key, parents)))
    throw invalid({ parents: ['Cannot set group as parent of itself.'] })
  if (!ctx.caller.superuser) await guardGains(ctx, values, current)
  return values
}

/** Members gain what the group and those above it give; so does whoever is a member already, when a parent or a role is added. */
async function guardGains(ctx: Ctx, values: Row, current?: Row): Promise<void> {
  const key = current?.group_uuid as string | undefined
  const fresh = async (name: 'parents' | 'roles'): Promise<string[]> => {
    const sent = (values[name] as string[] | undefined) ?? []
    if (key === undefined || sent.length === 0) return sent
    const held = (await relatedKeys(ctx, Group.allFields[name]!, [key])).get(key)!
    return sent.filter(other => !held.includes(other))
  }
  for (const [name, gains] of [
    ['parents', { groups: await fresh('parents') }],
    ['roles', { roles: await fresh('roles') }],
  ] as const) {
    const text = await beyondCaller(ctx, gains)
    if (text !== undefined) throw invalid({ [name]: [text] })
  }
  const members = values.users as number[] | undefined
  if (!members?.length) return
  const held = key === undefined ? [] : (await relatedKeys(ctx, Group.allFields.users!, [key])).get(key)!
  if (members.every(member => held.includes(member))) return
  const text = values.is_superuser ? SUPERUSER : key === undefined ? undefined : await beyondCaller(ctx, { groups: [key] })
  if (text !== undefined) throw invalid({ users: [text] })
}

const SUPERUSER = 'User does not have permission to set superuser status to True.'
