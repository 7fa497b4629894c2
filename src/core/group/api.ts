import { Type } from 'typebox'
import { crud } from '../../api/crud.ts'
import { eventModel, objectAt } from '../../api/objects.ts'
import { invalidObject, notFound } from '../../api/errors.ts'
import { MAX_KEY } from '../../api/filters.ts'
import type { Resource, SpecialOperation } from '../../api/mount.ts'
import { mayTouch, requireObject } from '../../api/permissions.ts'
import { body, checked } from '../../api/validate.ts'
import { transact } from '../../context.ts'
import { recordEvent } from '../../events/record.ts'
import { beyondCaller } from '../../rbac/escalation.ts'
import { Group, User } from '../people.ts'
import { guardGroup } from './guard.ts'

export const groups: Resource = { path: '/core/groups', model: Group, operations: crud(Group, { clean: guardGroup }) }

const UserKey = body({ pk: Type.Integer() })

/** Adds or removes one member; doing it twice changes nothing. */
function membership(verb: 'add' | 'remove'): SpecialOperation {
  return {
    status: 204,
    body: UserKey,
    bodyName: 'UserAccountRequest',
    handler: async (ctx, request) => {
      const group = await objectAt(ctx, Group, (request.params as { pk: string }).pk)
      const key = group.group_uuid as string
      await requireObject(ctx, Group, key, `authentik_core.${verb}_user_${verb === 'add' ? 'to' : 'from'}_group`)
      const { pk } = checked<{ pk: number }>(UserKey, request.body)
      const user =
        pk > 0 && pk <= MAX_KEY
          ? await ctx.db.selectFrom('user').select(['id', 'username']).where('id', '=', pk).executeTakeFirst()
          : undefined
      if (!user || !(await mayTouch(ctx, User, pk, 'view'))) throw notFound('User')
      const text = verb === 'add' ? await beyondCaller(ctx, { groups: [key] }) : undefined
      if (text !== undefined) throw invalidObject(text)
      await transact(ctx, async ctx => {
        if (verb === 'add')
          await ctx.db
            .insertInto('user_group')
            .values({ user: pk, group: key })
            .onConflict(conflict => conflict.doNothing())
            .execute()
        else await ctx.db.deleteFrom('user_group').where('user', '=', pk).where('group', '=', key).execute()
        await recordEvent(ctx, 'model_updated', { model: eventModel(Group, group), diff: { users: { [verb]: [pk] } } })
      })
    },
  }
}

export const groupRoutes: Record<string, SpecialOperation> = {
  'POST /core/groups/:pk/add_user/': membership('add'),
  'POST /core/groups/:pk/remove_user/': membership('remove'),
}
