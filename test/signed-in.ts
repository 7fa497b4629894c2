import type { FastifyInstance } from 'fastify'
import type { Row } from '../src/api/model.ts'
import type { Ctx } from '../src/context.ts'
import { CSRF_COOKIE, SESSION_COOKIE, sessionCookieValue, startSession, type Session } from '../src/core/session/session.ts'
import { clientOf, type Client } from './harness.ts'

/** A browser in which somebody is signed in: it sends its cookies, and proves with each write that it comes from our pages. */
export async function signedIn(app: FastifyInstance, ctx: Ctx, user: Row): Promise<Client & { session: Session }> {
  const { key, session } = await startSession(ctx, { user: user.id as number })
  let value = sessionCookieValue(ctx, key, user)
  const client = clientOf(
    app,
    () => ({ cookie: `${SESSION_COOKIE}=${value}; ${CSRF_COOKIE}=proof`, 'x-authentik-csrf': 'proof' }),
    ({ cookies }) => (value = cookies.find(cookie => cookie.name === SESSION_COOKIE)?.value ?? value),
  )
  return { ...client, session }
}
