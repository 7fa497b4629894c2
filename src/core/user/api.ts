import { crud } from '../../api/crud.ts'
import { icontains } from '../../db/sql/like.ts'
import { sql } from 'kysely'
import type { Query } from '../../api/model.ts'
import type { Resource, SpecialOperation } from '../../api/mount.ts'
import { visibility } from '../../api/permissions.ts'
import { impersonationRoutes } from '../session/impersonation.ts'
import { serviceAccountRoutes } from './service-account.ts'
import { User } from '../people.ts'
import { userHooks } from './hooks.ts'
import { passwordRoutes } from './password.ts'
import { recoveryRoutes } from './recovery-api.ts'
import { selfRoutes } from './self.ts'

export const users: Resource = { path: '/core/users', model: User, operations: crud(User, userHooks) }

export const userRoutes: Record<string, SpecialOperation> = {
  ...selfRoutes,
  ...passwordRoutes,
  ...impersonationRoutes,
  ...serviceAccountRoutes,
  ...recoveryRoutes,
  'GET /core/users/paths/': {
    response: 'UserPath',
    query: { search: { type: 'string' } },
    handler: async (ctx, request) => {
      const search = [(request.query as Query).search].flat()[0] ?? ''
      const seen = visibility(ctx, User)
      let query = ctx.db.selectFrom('user').select('path').distinct().orderBy('path')
      if (seen) query = query.where(seen)
      if (search !== '') query = query.where(icontains(ctx.db, sql.ref('path'), search))
      return { paths: (await query.execute()).map(row => row.path) }
    },
  },
}
