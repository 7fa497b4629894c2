import { randomBytes } from 'node:crypto'
import type { Ctx } from '../src/context.ts'
import { insertObject, withDefaults } from '../src/api/store.ts'
import type { Row } from '../src/api/model.ts'
import { Group, User } from '../src/core/people.ts'
import { hashToken } from '../src/crypto/secrets.ts'
import { transact } from '../src/context.ts'
import { OAuthSource } from '../src/sources/oauth/model.ts'

/** The least that is valid, each with a name of its own, so that tests sharing a database do not meet. */

/**
 * A number in letters that spell no word. In digits it could be what a test looks for in a text (a code, an id), be found by a search
 * for a shorter one (`user-1`, `user-12`), and stand before the one before it (`user-10`, `user-9`).
 */
const inLetters = (value: number, width = 1): string => {
  const letters = 'bcdfghjklmnpqrstvwxz'
  const rest = Math.floor(value / letters.length)
  return (rest > 0 || width > 1 ? inLetters(rest, width - 1) : '') + letters[value % letters.length]
}

const mine = inLetters(process.pid)
let count = 0
/** A name that no other test uses; a later one stands behind an earlier one of the same prefix. */
export const unique = (prefix: string): string => `${prefix}-${mine}-${inLetters(++count, 4)}`

/** An account; `password` is hashed. */
export async function aUser(ctx: Ctx, values: Row & { password?: string } = {}): Promise<Row> {
  const { password, ...rest } = values
  const hash = password === undefined ? {} : { password: await ctx.passwords.hash(password) }
  const username = unique('user')
  return transact(ctx, ctx =>
    insertObject(
      ctx,
      User,
      withDefaults(ctx, User, { username, name: `Name of ${username}`, email: `${username}@example.test`, ...rest, ...hash }),
    ),
  )
}

/** A group. */
export const aGroup = (ctx: Ctx, values: Row = {}): Promise<Row> =>
  transact(ctx, ctx => insertObject(ctx, Group, withDefaults(ctx, Group, { name: unique('group'), ...values })))

/** A source of GitHub's type, unless the values say otherwise. */
export const aSource = (ctx: Ctx, values: Row = {}): Promise<Row> =>
  transact(ctx, ctx =>
    insertObject(
      ctx,
      OAuthSource,
      withDefaults(ctx, OAuthSource, {
        name: unique('Source'),
        slug: unique('source'),
        provider_type: 'github',
        consumer_key: 'a client',
        consumer_secret: 'a secret',
        ...values,
      }),
    ),
  )

/** Key of the group whose members are superusers. */
export async function adminsGroup(ctx: Ctx): Promise<string> {
  const known = await ctx.db.selectFrom('group').select('group_uuid').where('name', '=', 'authentik Admins').executeTakeFirst()
  return known?.group_uuid ?? ((await aGroup(ctx, { name: 'authentik Admins', is_superuser: true })).group_uuid as string)
}

/** An API token of a user; returns its key. */
export async function aToken(ctx: Ctx, user: Row, values: Row = {}): Promise<string> {
  const key = randomBytes(30).toString('base64url')
  await ctx.db
    .insertInto('token')
    .values({
      token_uuid: ctx.uuid(),
      identifier: unique('token'),
      key_hash: hashToken(key),
      key_sealed: ctx.secrets.seal(key),
      intent: 'api',
      user: user.id as number,
      description: '',
      expires: null,
      expiring: false,
      managed: null,
      ...values,
    })
    .execute()
  return key
}

/** A role with global permissions, given to a user. */
export async function aRole(ctx: Ctx, user: Row, permissions: string[]): Promise<string> {
  const role = ctx.uuid()
  await ctx.db
    .insertInto('role')
    .values({ role_uuid: role, name: unique('role'), managed: null })
    .execute()
  await ctx.db
    .insertInto('user_role')
    .values({ user: user.id as number, role })
    .execute()
  if (permissions.length)
    await ctx.db
      .insertInto('role_permission')
      .values(permissions.map(permission => ({ role, permission })))
      .execute()
  return role
}
