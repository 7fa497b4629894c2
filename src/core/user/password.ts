import { Type } from 'typebox'
import { eventModel } from '../../api/objects.ts'
import { invalid } from '../../api/errors.ts'
import type { Row } from '../../api/model.ts'
import type { SpecialOperation } from '../../api/mount.ts'
import { body, checked } from '../../api/validate.ts'
import { transact, type Ctx } from '../../context.ts'
import { recordEvent } from '../../events/record.ts'
import { refusedByDirectory } from '../../sources/ldap/password.ts'
import { rememberPassword } from '../password/history.ts'
import { isUsable, MAX_PASSWORD_BYTES } from '../password/passwords.ts'
import { endSessionsOf } from '../session/session.ts'
import { User } from '../people.ts'
import { accountToReset } from './reach.ts'

/** Gives an account a new password: hashed before the transaction opens, other sessions ended, an event left. @throws ApiError */
export async function setPassword(ctx: Ctx, user: Row, password: string): Promise<void> {
  const hash = await ctx.passwords.hash(password)
  const refused = await refusedByDirectory(ctx, user, password)
  if (refused !== undefined) throw invalid({ password: [refused] })
  await storePassword(ctx, user, hash)
}

async function storePassword(ctx: Ctx, user: Row, hash: string): Promise<void> {
  const now = ctx.now()
  await transact(ctx, async ctx => {
    await rememberPassword(ctx, user.id as number)
    await ctx.db
      .updateTable('user')
      .set({ password: hash, password_change_date: now, last_updated: now })
      .where('id', '=', user.id as number)
      .execute()
    const own = ctx.caller.session && ctx.caller.user?.id === user.id ? (ctx.caller.session.session_hash as string) : undefined
    await endSessionsOf(ctx, user.id as number, own)
    await recordEvent(ctx, 'password_set', { model: eventModel(User, user) })
  })
}

const NewPassword = body({ password: Type.String({ minLength: 1 }) })

export const passwordRoutes: Record<string, SpecialOperation> = {
  'POST /core/users/:pk/set_password/': {
    status: 204,
    body: NewPassword,
    bodyName: 'UserPasswordSetRequest',
    handler: async (ctx, request) => {
      const user = await accountToReset(ctx, request.params)
      const { password } = checked<{ password: string }>(NewPassword, request.body)
      if (Buffer.byteLength(password) > MAX_PASSWORD_BYTES)
        throw invalid({ password: [`Ensure this field has no more than ${MAX_PASSWORD_BYTES} bytes.`] })
      await setPassword(ctx, user, password)
    },
  },
  'POST /core/users/:pk/set_password_hash/': {
    status: 204,
    body: NewPassword,
    bodyName: 'UserPasswordHashSetRequest',
    handler: async (ctx, request) => {
      const user = await accountToReset(ctx, request.params)
      const { password: hash } = checked<{ password: string }>(NewPassword, request.body)
      if (!isUsable(hash))
        throw invalid({ password: ['Not a password hash that can be checked here: argon2 in PHC format, or pbkdf2_sha256.'] })
      await storePassword(ctx, user, hash)
    },
  },
}
