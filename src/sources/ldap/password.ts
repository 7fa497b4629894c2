import type { Row } from '../../api/model.ts'
import type { Ctx } from '../../context.ts'
import { cached } from '../../core/cache.ts'
import { lazy } from '../../lib/lazy.ts'

const writing = lazy(() => import('./write-back.ts'))

/** The source that passwords are written to, where there is one. */
const target = cached(['source', 'source_ldap'], async ctx => {
  const row = await ctx.db
    .selectFrom('source_ldap')
    .innerJoin('source', 'source.pbm_uuid', 'source_ldap.pbm_uuid')
    .where('source.enabled', '=', true)
    .where('sync_users_password', '=', true)
    .select('source_ldap.pbm_uuid')
    .executeTakeFirst()
  return row?.pbm_uuid
})

/**
 * Changes the password of an account in the directory that it comes from, where its source asks for that. Belongs before the change here:
 * what the directory does not take must not be the password here either. Waits for the network.
 * @returns why it was not taken, for the person whose password it is; undefined when nothing stands in the way
 */
export async function refusedByDirectory(ctx: Ctx, user: Row, password: string): Promise<string | undefined> {
  const source = await target(ctx)
  return source === undefined ? undefined : (await writing()).writePassword(ctx, source, user, password)
}
