import type { FastifyRequest } from 'fastify'
import { visitor, type Caller, type Ctx } from '../context.ts'
import type { Row } from '../api/model.ts'
import { permissionDenied } from '../api/errors.ts'
import { hashToken } from '../crypto/secrets.ts'
import { statement } from '../db/statement.ts'
import { cached } from './cache.ts'
import { groupsOf, permissionsOf, rolesOf } from './group/membership.ts'
import { endBrokenBinding } from './session/binding.ts'
import { findSession, SESSION_COOKIE, touchSession, type Session } from './session/session.ts'

/**
 * What an account may do, by its key. Groups, roles and permissions are asked for by every request and change rarely; the account
 * itself, its tokens and sessions are never taken from here.
 */
const rightsOf = cached(['group', 'group_parent', 'user_group', 'user_role', 'group_role', 'role_permission'], async (ctx, key) => {
  const user = Number(key)
  const groups = await groupsOf(ctx.db, user)
  const roles = await rolesOf(ctx.db, user, groups)
  return { superuser: groups.some(group => group.is_superuser), roles, permissions: await permissionsOf(ctx.db, roles) }
})

/** Someone who acts as `user`: their rights are read once, here. */
export async function callerFor(
  ctx: Ctx,
  user: Row,
  how: Partial<Pick<Caller, 'session' | 'token' | 'impersonator'>> = {},
): Promise<Caller> {
  return { ...visitor, user, ...(await rightsOf(ctx, String(user.id))), ...how }
}

const userById = statement((db, id: number, active: boolean) =>
  db.selectFrom('user').selectAll().where('id', '=', id).where('is_active', '=', active),
)

/** An account that may act; undefined when it is gone or switched off. */
const activeUser = (ctx: Ctx, id: number): Promise<Row | undefined> => userById.first(ctx.db, id, true)

const refused = () => permissionDenied('Token invalid/expired')

/** Other ways than an API token to be accepted as bearer: given the credential, the user it stands for. */
export type BearerSource = (ctx: Ctx, credential: string) => Promise<number | undefined>

/**
 * Who presents this `Authorization` header. Throws 403 "Token invalid/expired" when a bearer credential is
 * good for nothing; undefined when the header is of another scheme and the session decides.
 */
export async function bearerCaller(ctx: Ctx, header: string, others: readonly BearerSource[]): Promise<Caller | undefined> {
  const [scheme, credential = '', ...rest] = header.split(' ')
  if (scheme!.toLowerCase() !== 'bearer') return undefined
  if (credential === '' || rest.length > 0) throw permissionDenied('Malformed header')
  const token = await ctx.db
    .selectFrom('token')
    .selectAll()
    .where('key_hash', '=', hashToken(credential))
    .where('intent', '=', 'api')
    .executeTakeFirst()
  if (token) {
    const expired = token.expiring && token.expires !== null && token.expires <= ctx.now()
    const user = expired ? undefined : await activeUser(ctx, token.user)
    if (!user) throw refused()
    return callerFor(ctx, user, { token })
  }
  for (const source of others) {
    const id = await source(ctx, credential)
    const user = id === undefined ? undefined : await activeUser(ctx, id)
    if (user) return callerFor(ctx, user, { token: { credential: 'oauth2' } })
  }
  throw refused()
}

/** Who the browser's session belongs to. A session of a switched-off account is nobody's. */
export async function sessionCaller(ctx: Ctx, cookie: string | undefined): Promise<{ caller: Caller; session?: Session }> {
  const session = await findSession(ctx, cookie)
  if (!session || (await endBrokenBinding(ctx, session))) return { caller: visitor }
  await touchSession(ctx, session)
  const user = session.user === null ? undefined : await activeUser(ctx, session.user)
  const impersonator = session.impersonator === null ? null : await activeUser(ctx, session.impersonator)
  // An administrator who was switched off sees nothing more, through whoever's eyes.
  if (!user || impersonator === undefined) return { caller: { ...visitor, session }, session }
  return { caller: await callerFor(ctx, user, { session: session as unknown as Row, impersonator }), session }
}

/** Finds out who is behind a browser's request; on these routes nothing but the session counts. */
export async function identifyBrowser(request: FastifyRequest): Promise<void> {
  const { caller } = await sessionCaller(request.ctx, request.cookies[SESSION_COOKIE])
  request.ctx = { ...request.ctx, caller }
}
