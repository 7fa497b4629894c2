import { objectAt } from '../../api/objects.ts'
import { invalidObject } from '../../api/errors.ts'
import type { Row } from '../../api/model.ts'
import type { SpecialOperation } from '../../api/mount.ts'
import { requireObject } from '../../api/permissions.ts'
import type { Ctx } from '../../context.ts'
import { lazy } from '../../lib/lazy.ts'
import { LDAPSource, type LdapSource } from './model.ts'
import { syncStatus } from './queue.ts'

const debug = lazy(() => import('./debug.ts'))

async function sourceAt(ctx: Ctx, request: { params: unknown }, verb: 'view' | 'change'): Promise<LdapSource> {
  const source = await objectAt(ctx, LDAPSource, (request.params as { slug: string }).slug)
  await requireObject(ctx, LDAPSource, source.pbm_uuid as string, verb)
  return source as LdapSource
}

export const ldapRoutes: Record<string, SpecialOperation> = {
  /** The first entries as the directory shows them to the source: for whoever may change what it asks for, since it reads what others keep there. */
  'GET /sources/ldap/:slug/debug/': {
    response: 'LDAPDebug',
    handler: async (ctx, request): Promise<Row> => {
      const source = await sourceAt(ctx, request, 'change')
      if (!source.sync_users && !source.sync_groups) return { user: [], group: [], membership: [] }
      const { firstEntries, DirectoryError } = await debug()
      try {
        return await firstEntries(ctx, source)
      } catch (error) {
        if (error instanceof DirectoryError) throw invalidObject(error.message)
        throw error
      }
    },
  },
  'GET /sources/ldap/:slug/sync/status/': {
    response: 'SyncStatus',
    handler: async (ctx, request) => syncStatus(ctx, await sourceAt(ctx, request, 'view')),
  },
}
