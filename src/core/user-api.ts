import { Type } from 'typebox'
import { crud, eventModel, objectAt } from '../api/crud.ts'
import type { Resource, SpecialOperation } from '../api/mount.ts'
import type { Row } from '../api/model.ts'
import { requireObject, visibility } from '../api/permissions.ts'
import { permissionDenied } from '../api/errors.ts'
import { body, checked } from '../api/validate.ts'
import { transact, type Ctx } from '../context.ts'
import { recordEvent } from '../events/record.ts'
import { deepMerge } from '../lib/deep-merge.ts'
import { avatarOf } from './avatar.ts'
import { groupsOf } from './membership.ts'
import { endSessionsOf } from './sessions.ts'
import { systemSettings } from './settings.ts'
import { userUid } from './uid.ts'
import { User, userHooks } from './user.ts'

export const users: Resource = { path: '/core/users', model: User, operations: crud(User, userHooks) }

/** How the interfaces see the signed-in person. */
async function selfOf(ctx: Ctx, user: Row): Promise<Row> {
  const settings = await systemSettings(ctx)
  const groups = await groupsOf(ctx.db, user.id as number)
  const roles = ctx.caller.roles.length
    ? await ctx.db.selectFrom('role').select(['name', 'role_uuid']).where('role_uuid', 'in', [...ctx.caller.roles]).orderBy('name').execute()
    : []
  const merged = deepMerge(...groups.map(group => group.attributes), user.attributes as Row)
  return {
    pk: user.id,
    username: user.username,
    name: user.name,
    is_active: user.is_active,
    is_superuser: ctx.caller.superuser,
    is_current: true,
    groups: groups.map(group => ({ name: group.name, pk: group.group_uuid })),
    roles: roles.map(role => ({ name: role.name, pk: role.role_uuid })),
    email: user.email,
    avatar: avatarOf(user, settings.avatars),
    uid: userUid(ctx, user.id as number),
    settings: typeof merged.settings === 'object' && merged.settings !== null ? merged.settings : {},
    type: user.type,
    system_permissions: [...ctx.caller.permissions],
  }
}

/** Gives an account a new password: hashed before the transaction opens, other sessions ended, an event left. */
export async function setPassword(ctx: Ctx, user: Row, password: string): Promise<void> {
  const hash = await ctx.passwords.hash(password)
  const now = ctx.now()
  await transact(ctx, async ctx => {
    await ctx.db.updateTable('user').set({ password: hash, password_change_date: now, last_updated: now }).where('id', '=', user.id as number).execute()
    const own = ctx.caller.session && ctx.caller.user?.id === user.id ? (ctx.caller.session.session_hash as string) : undefined
    await endSessionsOf(ctx, user.id as number, own)
    await recordEvent(ctx, 'password_set', { model: eventModel(User, user) })
  })
}

const NewPassword = body({ password: Type.String({ minLength: 1, maxLength: 512 }) })

export const userRoutes: Record<string, SpecialOperation> = {
  'GET /core/users/me/': {
    handler: async ctx => {
      const self = await selfOf(ctx, ctx.caller.user!)
      return { user: self, users: [self] }
    },
  },
  'GET /core/users/paths/': {
    handler: async ctx => {
      const seen = visibility(ctx, User)
      let query = ctx.db.selectFrom('user').select('path').distinct().orderBy('path')
      if (seen) query = query.where(seen)
      return { paths: (await query.execute()).map(row => row.path) }
    },
  },
  'POST /core/users/:pk/set_password/': {
    status: 204,
    handler: async (ctx, request) => {
      const user = await objectAt(ctx, User, (request.params as { pk: string }).pk)
      await requireObject(ctx, User, user.id as number, 'authentik_core.reset_user_password')
      // Whoever sets a superuser's password can become that superuser.
      if (!ctx.caller.superuser && (await isProtected(ctx, user))) throw permissionDenied()
      const { password } = checked<{ password: string }>(NewPassword, request.body)
      await setPassword(ctx, user, password)
    },
  },
}

const isProtected = async (ctx: Ctx, user: Row): Promise<boolean> =>
  user.id !== ctx.caller.user?.id && (await groupsOf(ctx.db, user.id as number)).some(group => group.is_superuser)

