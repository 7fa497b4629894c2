import { Type } from 'typebox'
import { objectAt } from '../api/crud.ts'
import { ApiError, invalid, invalidObject } from '../api/errors.ts'
import type { Row } from '../api/model.ts'
import type { SpecialOperation } from '../api/mount.ts'
import { requireObject } from '../api/permissions.ts'
import { body, checked } from '../api/validate.ts'
import { transact, type Ctx } from '../context.ts'
import { person, recordEvent } from '../events/record.ts'
import { keyFromCookie, SESSION_COOKIE, sessionCookieOptions, sessionCookieValue, type Session } from './sessions.ts'
import { systemSettings } from './settings.ts'
import { requireReach, User } from './user.ts'

/**
 * Looking through another's eyes: the session then belongs to that account and remembers who is really there. Everything
 * done meanwhile is attributed to the administrator, on behalf of the other.
 */

const refused = () => new ApiError(401, { detail: 'Impersonation is not possible here.' })

async function hand(ctx: Ctx, session: Row, to: { user: number; impersonator: number | null }): Promise<void> {
  await ctx.db
    .updateTable('session')
    .set(to)
    .where('session_hash', '=', session.session_hash as string)
    .execute()
}

/** The cookie names the account, since outposts read it there. */
async function renewCookie(
  ctx: Ctx,
  cookie: string | undefined,
  user: Row,
  reply: { setCookie: (name: string, value: string, options: object) => unknown },
): Promise<void> {
  const key = cookie && keyFromCookie(ctx, cookie)
  if (key)
    reply.setCookie(SESSION_COOKIE, sessionCookieValue(ctx, key, user), sessionCookieOptions(ctx, ctx.caller.session as unknown as Session))
}

const Reason = body({ reason: Type.String() }, ['reason'])

export const impersonationRoutes: Record<string, SpecialOperation> = {
  'POST /core/users/:pk/impersonate/': {
    status: 204,
    body: Reason,
    bodyName: 'ImpersonationRequest',
    handler: async (ctx, request, reply) => {
      const settings = await systemSettings(ctx)
      if (!settings.impersonation) throw refused()
      const user = await objectAt(ctx, User, (request.params as { pk: string }).pk)
      await requireObject(ctx, User, user.id as number, 'authentik_core.impersonate')
      await requireReach(ctx, user)
      const { session, user: original, impersonator } = ctx.caller
      if (user.id === original!.id) throw refused()
      const { reason = '' } = checked<{ reason?: string }>(Reason, request.body)
      if (reason.trim() === '' && settings.impersonation_require_reason) throw invalid({ reason: ['This field is required.'] })
      if (!session) throw invalidObject('Impersonation needs the session of a browser.')
      if (impersonator) throw invalidObject('End the present impersonation first.')
      if (!user.is_active) throw invalidObject('This account is not active.')
      await transact(ctx, async ctx => {
        await recordEvent(ctx, 'impersonation_started', { reason, impersonated: person(user) })
        await hand(ctx, session, { user: user.id as number, impersonator: original!.id as number })
      })
      await renewCookie(ctx, request.cookies[SESSION_COOKIE], user, reply)
    },
  },
  'GET /core/users/impersonate_end/': {
    status: 204,
    handler: async (ctx, request, reply) => {
      const { session, user, impersonator } = ctx.caller
      if (!session || !impersonator) return
      await transact(ctx, async ctx => {
        await hand(ctx, session, { user: impersonator.id as number, impersonator: null })
        await recordEvent(ctx, 'impersonation_ended', { impersonated: person(user) })
      })
      await renewCookie(ctx, request.cookies[SESSION_COOKIE], impersonator, reply)
    },
  },
}
