import type { Row } from '../../api/model.ts'
import type { SpecialOperation } from '../../api/mount.ts'
import type { Caller, Ctx } from '../../context.ts'
import { deepMerge } from '../../lib/deep-merge.ts'
import { ownAvatar } from './avatar.ts'
import { currentBrand } from '../brand/model.ts'
import { callerFor } from '../callers.ts'
import { groupsOf } from '../group/membership.ts'
import { systemSettings } from '../settings.ts'
import { userUid } from './uid.ts'

/** How the interfaces see an account that is signed in: with its rights, and its settings merged over the brand's and the groups'. */
async function selfOf(ctx: Ctx, caller: Pick<Caller, 'superuser' | 'roles' | 'permissions'>, user: Row, current: boolean): Promise<Row> {
  const settings = await systemSettings(ctx)
  const groups = await groupsOf(ctx.db, user.id as number)
  const roles = caller.roles.length
    ? await ctx.db
        .selectFrom('role')
        .select(['name', 'role_uuid'])
        .where('role_uuid', 'in', [...caller.roles])
        .orderBy('name')
        .execute()
    : []
  const { attributes } = await currentBrand(ctx)
  const merged = deepMerge(attributes, ...groups.map(group => group.attributes), user.attributes as Row)
  return {
    pk: user.id,
    username: user.username,
    name: user.name,
    is_active: user.is_active,
    is_superuser: caller.superuser,
    is_current: current,
    groups: groups.map(group => ({ name: group.name, pk: group.group_uuid })),
    roles: roles.map(role => ({ name: role.name, pk: role.role_uuid })),
    email: user.email,
    avatar: await ownAvatar(ctx, user, settings.avatars),
    uid: userUid(ctx, user.id as number),
    settings: typeof merged.settings === 'object' && merged.settings !== null ? merged.settings : {},
    type: user.type,
    system_permissions: [...caller.permissions].toSorted(),
  }
}

export const selfRoutes: Record<string, SpecialOperation> = {
  'GET /core/users/me/': {
    response: 'SessionUser',
    handler: async ctx => {
      const { user, impersonator } = ctx.caller
      const self = await selfOf(ctx, ctx.caller, user!, true)
      if (!impersonator) return { user: self, users: [self] }
      return { user: self, original: await selfOf(ctx, await callerFor(ctx, impersonator), impersonator, false), users: [self] }
    },
  },
}
