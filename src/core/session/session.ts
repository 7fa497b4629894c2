import type { CookieSerializeOptions } from '@fastify/cookie'
import { sql } from 'kysely'
import { transact, type Ctx } from '../../context.ts'
import type { Row } from '../../api/model.ts'
import { readHs256, signHs256 } from '../../crypto/hs256.ts'
import { hashToken } from '../../crypto/secrets.ts'
import { statement } from '../../db/statement.ts'
import { readCatalogue, type ForeignKey } from '../../db/catalogue.ts'
import { wakeRunners } from '../../tasks/queue.ts'
import { userUid } from '../user/uid.ts'

export const SESSION_COOKIE = 'authentik_session'
export const CSRF_COOKIE = 'authentik_csrf'

/**
 * A browser's session. The row is the single source of truth for every surface: deleting it signs the
 * browser out everywhere. The key itself is never stored, only its hash.
 */
export type Session = {
  session_hash: string
  /** Hash of its first key, by which clients know it; null while it still has that key. */
  sid: string | null
  uuid: string
  user: number | null
  /** Who really uses it, while that is another than `user`. */
  impersonator: number | null
  /** Flow plans and whatever a visit needs to remember; replaced as a whole. */
  data: Row
  created: Date
  expires: Date
  /** False: the cookie ends with the browser although the row lives until `expires`. */
  persistent: boolean
  last_used: Date
  last_ip: string
  last_user_agent: string
  auth_time: Date | null
  auth_method: string | null
  auth_method_args: Row | null
}

const KEY_BYTES = 32
/** `last_used` is written at most this often: a write per request would make the audit of sessions the busiest table. */
const TOUCH_INTERVAL = 60_000 // ms

/**
 * The cookie's value: a JWT around the session key, in the form that outposts read without verifying
 * (`sid`, `iss`, `sub`, `authenticated`, `acr`).
 */
export function sessionCookieValue(ctx: Ctx, key: string, user: Row | null): string {
  const claims = {
    sid: key,
    iss: 'authentik',
    sub: user ? userUid(ctx, user.id as number) : 'anonymous',
    authenticated: user !== null,
    acr: 'goauthentik.io/core/default',
  }
  return signHs256(claims, ctx.secrets.sessionKey)
}

/** The session key inside a cookie that we signed; undefined for anything else, whatever its shape. */
export function keyFromCookie(ctx: Ctx, cookie: string): string | undefined {
  if (cookie.length > 4096) return undefined
  const claims = readHs256(cookie, ctx.secrets.sessionKey, ctx.now())
  return claims?.iss === 'authentik' && typeof claims.sid === 'string' ? claims.sid : undefined
}

/** The living session that a cookie names. */
export async function findSession(ctx: Ctx, cookie: string | undefined): Promise<Session | undefined> {
  const key = cookie && keyFromCookie(ctx, cookie)
  if (!key) return undefined
  return livingSession(ctx, hashToken(key))
}

const byHash = statement((db, hash: string, now: Date) =>
  db.selectFrom('session').selectAll().where('session_hash', '=', hash).where('expires', '>', now),
)

/** The session with this hash as it is now; undefined when it has ended or was replaced. */
export const livingSession = async (ctx: Ctx, hash: string): Promise<Session | undefined> =>
  (await byHash.first(ctx.db, hash, ctx.now())) as Session | undefined

export type NewSession = {
  user?: number | null
  data?: Row
  /** Lifetime in ms; 0 is a session that ends with the browser and, on the server, with the unauthenticated age. */
  lifetime?: number
  authMethod?: string
  authMethodArgs?: Row
}

/** Where writes go that nobody must be promised: unless somebody is signed in by them, a session lost in a power cut is begun anew. */
const relaxed = (ctx: Ctx) => (ctx.db.isTransaction ? ctx.db : ctx.database.relaxed)

/** Opens a session and returns its key, which leaves the program only inside the cookie. */
export async function startSession(ctx: Ctx, options: NewSession = {}): Promise<{ key: string; session: Session }> {
  const key = Buffer.from(ctx.randomBytes(KEY_BYTES)).toString('base64url')
  const now = ctx.now()
  const lifetime = options.lifetime || ctx.config.sessions.unauthenticated_age
  const row = await (options.user ? ctx.db : relaxed(ctx))
    .insertInto('session')
    .values({
      session_hash: hashToken(key),
      uuid: ctx.uuid(),
      user: options.user ?? null,
      data: JSON.stringify(options.data ?? {}),
      created: now,
      expires: new Date(now.getTime() + lifetime),
      persistent: Boolean(options.lifetime),
      last_used: now,
      last_ip: ctx.request?.clientIp ?? '255.255.255.255',
      last_user_agent: ctx.request?.userAgent ?? '',
      auth_time: options.user ? now : null,
      auth_method: options.authMethod ?? null,
      auth_method_args: options.authMethodArgs ? JSON.stringify(options.authMethodArgs) : null,
    })
    .returningAll()
    .executeTakeFirstOrThrow()
  return { key, session: row as Session }
}

const references = new WeakMap<object, Promise<readonly ForeignKey[]>>()

/** What hangs on sessions, by their key. */
async function readReferences(ctx: Ctx): Promise<readonly ForeignKey[]> {
  const tables = await readCatalogue(ctx.database.db)
  return [...tables.values()].flatMap(table => table.foreign_keys.filter(({ target }) => target === 'session'))
}

function referencesToSessions(ctx: Ctx): Promise<readonly ForeignKey[]> {
  const known = references.get(ctx.database)
  if (known) return known
  const read = readReferences(ctx)
  references.set(ctx.database, read)
  return read
}

/**
 * Gives a session a new key, so that whoever knew the old one holds nothing. What hangs on it stays, and clients go on knowing it by the same
 * `sid`. Undefined when the session is gone.
 */
export async function rekeySession(ctx: Ctx, session: Session): Promise<{ key: string; session: Session } | undefined> {
  const key = Buffer.from(ctx.randomBytes(KEY_BYTES)).toString('base64url')
  const [from, to] = [session.session_hash, hashToken(key)]
  const hanging = await referencesToSessions(ctx)
  return transact(ctx, async ctx => {
    // The old row gives up what only one may have, and is thereby held until the end.
    const old = await ctx.db
      .updateTable('session')
      .set({ uuid: ctx.uuid() })
      .where('session_hash', '=', from)
      .returningAll()
      .executeTakeFirst()
    if (!old) return undefined
    const { data, auth_method_args: args } = old
    const row = await ctx.db
      .insertInto('session')
      .values({
        ...old,
        session_hash: to,
        uuid: session.uuid,
        sid: old.sid ?? from,
        data: JSON.stringify(data),
        auth_method_args: args && JSON.stringify(args),
      })
      .returningAll()
      .executeTakeFirstOrThrow()
    for (const { table, columns } of hanging)
      await sql`update ${sql.table(table)} set ${sql.ref(columns[0]!)} = ${to} where ${sql.ref(columns[0]!)} = ${from}`.execute(ctx.db)
    await ctx.db.deleteFrom('session').where('session_hash', '=', from).execute()
    return { key, session: row as Session }
  })
}

/** Replaces what a session remembers. */
export async function saveSessionData(ctx: Ctx, session: Session, data: Row): Promise<void> {
  session.data = data
  await replaceData.all(relaxed(ctx), JSON.stringify(data), session.session_hash)
}

const replaceData = statement((db, data: string, hash: string) => db.updateTable('session').set({ data }).where('session_hash', '=', hash))

/**
 * Notes that a session was used. Sessions that end with the browser live on from here by the
 * unauthenticated age; those with a fixed end keep it.
 */
export async function touchSession(ctx: Ctx, session: Session): Promise<void> {
  const now = ctx.now()
  const ip = ctx.request?.clientIp ?? session.last_ip
  if (now.getTime() - session.last_used.getTime() < TOUCH_INTERVAL && ip === session.last_ip) return
  const expires = session.persistent ? session.expires : new Date(now.getTime() + ctx.config.sessions.unauthenticated_age)
  await relaxed(ctx)
    .updateTable('session')
    .set({ last_used: now, last_ip: ip, last_user_agent: ctx.request?.userAgent ?? session.last_user_agent, expires })
    .where('session_hash', '=', session.session_hash)
    .execute()
}

/** Ends a session: everything that hangs on it goes with it, and whoever has to be told is told. */
export async function endSession(ctx: Ctx, session: Pick<Session, 'session_hash'>): Promise<void> {
  await ctx.db.deleteFrom('session').where('session_hash', '=', session.session_hash).execute()
  wakeRunners(ctx)
}

/** Ends all sessions of a user, those in which they look through another's eyes included, except one where given. */
export async function endSessionsOf(ctx: Ctx, user: number, except?: string): Promise<void> {
  await transact(ctx, async ctx => {
    let query = ctx.db.deleteFrom('session').where(row => row.or([row('user', '=', user), row('impersonator', '=', user)]))
    if (except) query = query.where('session_hash', '!=', except)
    await query.execute()
    wakeRunners(ctx)
  })
}

/** Attributes of the session cookie, as an answer sets it. */
export function sessionCookieOptions(ctx: Ctx, session: Pick<Session, 'persistent' | 'expires'>): CookieSerializeOptions {
  const secure = ctx.request?.origin.startsWith('https:') ?? false
  return {
    path: ctx.config.web.path,
    httpOnly: true,
    secure,
    // Outposts and other sites' sign-in frames need it on https; plain http cannot carry SameSite=None.
    sameSite: secure ? 'none' : 'lax',
    ...(ctx.config.cookie_domain && { domain: ctx.config.cookie_domain }),
    ...(session.persistent && { expires: session.expires }),
  }
}
