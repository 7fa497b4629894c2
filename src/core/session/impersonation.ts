import { Type } from 'typebox'
import { objectAt } from '../../api/objects.ts'
import { ApiError, invalid, invalidObject } from '../../api/errors.ts'
import type { Row } from '../../api/model.ts'
import type { SpecialOperation } from '../../api/mount.ts'
import { requireObject } from '../../api/permissions.ts'
import { body, checked } from '../../api/validate.ts'
import { transact, type Ctx } from '../../context.ts'
import { person, recordEvent } from '../../events/record.ts'
import { BROWSER_STATE_COOKIE, browserStateCookie } from './browser-state.ts'
import { rekeySession, SESSION_COOKIE, sessionCookieOptions, sessionCookieValue, type Session } from './session.ts'
import { systemSettings } from '../settings.ts'
import { User } from '../people.ts'
import { requireReach } from '../user/reach.ts'

/**
 * Looking through another's eyes: the session then belongs to that account and remembers who is really there. Everything
 * done meanwhile is attributed to the administrator, on behalf of the other.
 */

const refused = () => new ApiError(401, { detail: 'Impersonation is not possible here.' })

type Reply = { setCookie: (name: string, value: string, options: object) => unknown }

/**
 * Gives the browser's session to another account, under a new key: whoever knew the old one gains nothing by what the new account may do,
 * and keeps nothing of what the old one might. The cookie names the account, since outposts read it there.
 */
async function hand(ctx: Ctx, session: Session, to: { user: Row; impersonator: number | null }, reply: Reply): Promise<void> {
  const rekeyed = await transact(ctx, async ctx => {
    const rekeyed = await rekeySession(ctx, session)
    if (!rekeyed) throw invalidObject('The session was replaced by another request.')
    await ctx.db
      .updateTable('session')
      .set({ user: to.user.id as number, impersonator: to.impersonator })
      .where('session_hash', '=', rekeyed.session.session_hash)
      .execute()
    return rekeyed
  })
  reply.setCookie(SESSION_COOKIE, sessionCookieValue(ctx, rekeyed.key, to.user), sessionCookieOptions(ctx, rekeyed.session))
  const state = browserStateCookie(ctx, rekeyed.session, to.user)
  reply.setCookie(BROWSER_STATE_COOKIE, state.value, state.options)
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
        await hand(ctx, session as unknown as Session, { user, impersonator: original!.id as number }, reply)
      })
    },
  },
  'GET /core/users/impersonate_end/': {
    status: 204,
    handler: async (ctx, _request, reply) => {
      const { session, user, impersonator } = ctx.caller
      if (!session || !impersonator) return
      await transact(ctx, async ctx => {
        await hand(ctx, session as unknown as Session, { user: impersonator, impersonator: null }, reply)
        await recordEvent(ctx, 'impersonation_ended', { impersonated: person(user) })
      })
    },
  },
}
