import { Type } from 'typebox'
import { createObject } from '../../api/objects.ts'
import { invalid, invalidObject } from '../../api/errors.ts'
import { parseInstant } from '../../api/fields.ts'
import type { SpecialOperation } from '../../api/mount.ts'
import { requirePermission } from '../../api/permissions.ts'
import { body, checked } from '../../api/validate.ts'
import { transact } from '../../context.ts'
import { slugify } from '../../lib/slug.ts'
import { Group, User } from '../people.ts'
import { userHooks } from './hooks.ts'
import { createToken } from '../token/new.ts'
import { TOKEN_EXPIRES } from '../token/model.ts'
import { userUid } from './uid.ts'

const LIFETIME = 360 * 86_400_000 // ms

const NewServiceAccount = body(
  {
    name: Type.String({ minLength: 1, maxLength: 150 }),
    create_group: Type.Boolean({ default: false }),
    expiring: Type.Boolean({ default: true }),
    expires: Type.String({ format: 'date-time' }),
  },
  ['create_group', 'expiring', 'expires'],
)

type Sent = { name: string; create_group?: boolean; expiring?: boolean; expires?: string }

const taken = () => invalidObject('A user/group with these details already exists')

export const serviceAccountRoutes: Record<string, SpecialOperation> = {
  /** An account for a program, with a password of its own: not an API token, but what LDAP binds and client credentials take. */
  'POST /core/users/service_account/': {
    body: NewServiceAccount,
    bodyName: 'UserServiceAccountRequest',
    response: 'UserServiceAccountResponse',
    handler: async (ctx, request) => {
      requirePermission(ctx, 'authentik_core.add_user')
      requirePermission(ctx, 'authentik_core.add_token')
      const { name, create_group: withGroup = false, expiring = true, expires } = checked<Sent>(NewServiceAccount, request.body)
      if (withGroup) requirePermission(ctx, 'authentik_core.add_group')
      const identifier = `service-account-${slugify(name, 200)}-password`
      return transact(ctx, async ctx => {
        if (await ctx.db.selectFrom('user').select('id').where('username', '=', name).executeTakeFirst())
          throw invalid({ name: ['This field must be unique.'] })
        if (await ctx.db.selectFrom('token').select('token_uuid').where('identifier', '=', identifier).executeTakeFirst()) throw taken()
        if (withGroup && (await ctx.db.selectFrom('group').select('group_uuid').where('name', '=', name).executeTakeFirst())) throw taken()
        const group = withGroup ? await createObject(ctx, Group, { name }) : undefined
        const user = await createObject(
          ctx,
          User,
          {
            username: name,
            name,
            type: 'service_account',
            path: 'goauthentik.io/service-accounts',
            attributes: { [TOKEN_EXPIRES]: expiring },
            ...(group && { groups: [group.group_uuid] }),
          },
          userHooks,
        )
        const until = expires === undefined ? new Date(ctx.now().getTime() + LIFETIME) : parseInstant(expires)
        const token = await createToken(ctx, {
          user: user.id as number,
          identifier,
          intent: 'app_password',
          expires: expiring ? until : null,
        })
        return {
          username: name,
          token,
          user_uid: userUid(ctx, user.id as number),
          user_pk: user.id,
          ...(group && { group_pk: group.group_uuid }),
        }
      })
    },
  },
}
