import type { FastifyInstance } from 'fastify'
import type { Ctx } from '../../context.ts'
import type { Row } from '../../api/model.ts'
import { hashToken } from '../../crypto/secrets.ts'
import { pathOf } from '../../flows/addresses.ts'
import { signIn, Superseded } from '../../flows/sign-in.ts'
import { openVisit, sendCookies, type Visit } from '../../flows/visit.ts'

/**
 * Spends a recovery key: gives the account that it opens to the one caller who got there first, undefined to all others and for a key
 * that is none, is over, or belongs to an account that is switched off.
 */
export async function spendRecoveryKey(ctx: Ctx, key: string): Promise<Row | undefined> {
  const now = ctx.now()
  const spent = await ctx.db
    .deleteFrom('token')
    .where('key_hash', '=', hashToken(key))
    .where('intent', '=', 'recovery')
    .where(token => token.or([token('expiring', '=', false), token('expires', '>', now)]))
    .where('user', 'in', ctx.db.selectFrom('user').select('id').where('is_active', '=', true))
    .returning('user')
    .executeTakeFirst()
  return spent && (await ctx.db.selectFrom('user').selectAll().where('id', '=', spent.user).executeTakeFirst())
}

/** Signs the browser in. The key is spent: that another tab has just replaced the browser's session must not cost it. */
async function enter(ctx: Ctx, user: Row): Promise<Visit> {
  const login = { user, lifetime: 0, authMethod: 'token', authMethodArgs: { recovery: true }, terminateOthers: false }
  const visit = await openVisit(ctx)
  try {
    await signIn({ ctx, visit }, login)
    return visit
  } catch (error) {
    if (!(error instanceof Superseded)) throw error
    const fresh: Visit = { session: null, cookies: new Map() }
    await signIn({ ctx, visit: fresh }, login)
    return fresh
  }
}

/**
 * `GET /recovery/use-token/<key>/`: the link of `create_recovery_key`. HEAD does not reach it, so that a look at the link's headers
 * does not spend it.
 */
export function recoveryRoutes(app: FastifyInstance): void {
  app.route<{ Params: { key: string } }>({
    method: 'GET',
    url: '/recovery/use-token/:key/',
    exposeHeadRoute: false,
    handler: async (request, reply) => {
      const { ctx } = request
      void reply.headers({ 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' })
      const user = await spendRecoveryKey(ctx, request.params.key)
      if (!user) return reply.callNotFound()
      const visit = await enter(ctx, user)
      sendCookies(reply, visit)
      return reply.redirect(pathOf(ctx, '/if/user/'))
    },
  })
}
