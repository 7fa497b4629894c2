import type { Ctx } from '../context.ts'
import { rememberPassword } from '../core/password/history.ts'
import { UNUSABLE_PASSWORD } from '../core/people.ts'
import { hashToken } from '../crypto/secrets.ts'
import { EntryRefused, type Pk, type Values } from './target.ts'

/** Passwords that a blueprint sets, with their hashes once those are made; null until then. */
export type Prepared = Map<string, string | null>

/** Fields that only blueprints know of a model. */
type Extra = {
  write: (ctx: Ctx, pk: Pk, values: Values, prepared: Prepared) => Promise<void>
  /** Those that are no secrets, so that a later version can be compared. */
  serialize?: (ctx: Ctx, pk: Pk) => Promise<Values>
}

/** A user's password in clear. Hashing takes long, so the rehearsal only notes it. */
const userPassword: Extra = {
  write: async (ctx, pk, values, prepared) => {
    const { password } = values
    if (password === undefined) return
    if (password !== null && typeof password !== 'string') throw new EntryRefused({ password: ['Not a valid string.'] })
    if (password !== null && !prepared.has(password)) prepared.set(password, null)
    const hash = password === null ? UNUSABLE_PASSWORD : (prepared.get(password) ?? UNUSABLE_PASSWORD)
    await rememberPassword(ctx, pk as number)
    await ctx.db
      .updateTable('user')
      .set({ password: hash, password_change_date: ctx.now() })
      .where('id', '=', pk as number)
      .execute()
  },
}

/** The key of a token. */
const tokenKey: Extra = {
  write: async (ctx, pk, { key }) => {
    if (key === undefined || key === null) return
    if (typeof key !== 'string' || key === '') throw new EntryRefused({ key: ['Not a valid string.'] })
    await ctx.db
      .updateTable('token')
      .set({ key_hash: hashToken(key), key_sealed: ctx.secrets.seal(key) })
      .where('token_uuid', '=', pk as string)
      .execute()
  },
}

/** The global permissions of a role. */
const rolePermissions: Extra = {
  write: async (ctx, pk, { permissions }) => {
    if (permissions === undefined) return
    if (!Array.isArray(permissions) || !permissions.every(name => typeof name === 'string'))
      throw new EntryRefused({ permissions: ['Expected a list of names.'] })
    const role = pk as string
    await ctx.db.deleteFrom('role_permission').where('role', '=', role).execute()
    const rows = [...new Set(permissions)].map(permission => ({ role, permission }))
    if (rows.length) await ctx.db.insertInto('role_permission').values(rows).execute()
  },
  serialize: async (ctx, pk) => {
    const rows = await ctx.db
      .selectFrom('role_permission')
      .select('permission')
      .where('role', '=', pk as string)
      .orderBy('permission')
      .execute()
    return { permissions: rows.map(row => row.permission) }
  },
}

export const extras: Readonly<Record<string, Extra>> = {
  'authentik_core.user': userPassword,
  'authentik_core.token': tokenKey,
  'authentik_rbac.role': rolePermissions,
}
