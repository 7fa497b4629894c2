/** Checks passwords against directories, by signing in there with them. */
import { sql } from 'kysely'
import type { Row } from '../../api/model.ts'
import { findObjects } from '../../api/store.ts'
import type { Ctx } from '../../context.ts'
import { DirectoryError, openDirectory } from './client.ts'
import { LDAPSource, type LdapSource } from './model.ts'
import { entryOf, serverOf } from './server.ts'

/** ms that somebody who signs in may wait for a directory that does not answer. */
const CONNECT = 5_000
const ANSWER = 10_000

/**
 * The source whose directory takes this password for this account; undefined when none does. Directories are asked about nobody, too, so
 * that the time does not tell whom they know. One that cannot be reached knows nobody.
 */
export async function provenBy(ctx: Ctx, user: Row | null, password: string): Promise<LdapSource | undefined> {
  // RFC 4513 §5.1.2: a name without a password is a visitor, whom servers let in.
  if (password === '') return undefined
  const sources = (await findObjects(ctx, LDAPSource, { where: [sql<boolean>`source.enabled`] })) as LdapSource[]
  for (const source of sources) {
    const dn = user?.is_active ? await entryOf(ctx, source, user) : undefined
    const accepted = await binds(ctx, source, dn ?? `cn=${ctx.uuid()},${source.base_dn}`, password)
    if (!accepted || dn === undefined) continue
    if (source.password_login_update_internal_password) await keepPassword(ctx, user!, password)
    return source
  }
  return undefined
}

async function binds(ctx: Ctx, source: LdapSource, dn: string, password: string): Promise<boolean> {
  try {
    const directory = await openDirectory({ ...(await serverOf(ctx, source)), connectTimeout: CONNECT, timeout: ANSWER })
    try {
      await directory.bind(dn, password)
      return true
    } finally {
      await directory.close()
    }
  } catch (error) {
    if (!(error instanceof DirectoryError)) throw error
    if (error.code !== 'credentials') ctx.log.warn({ err: error, source: source.slug }, 'a directory did not check a password')
    return false
  }
}

/** Keeps the password with the account as well, so that it opens while the directory is away. */
async function keepPassword(ctx: Ctx, user: Row, password: string): Promise<void> {
  const stored = user.password as string
  if (await ctx.passwords.verify(stored, password, ctx.request?.clientIp)) return
  const fresh = await ctx.passwords.hash(password, ctx.request?.clientIp)
  const now = ctx.now()
  await ctx.db
    .updateTable('user')
    .set({ password: fresh, password_change_date: now, last_updated: now })
    .where('id', '=', user.id as number)
    .where('password', '=', stored)
    .execute()
}
