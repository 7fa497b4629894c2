import type { X509Certificate } from 'node:crypto'
import type { Deps } from './deps.ts'
import type { Row } from './api/model.ts'
import { inTransaction } from './db/database.ts'

/** Who is behind a call, and what they may do. Built once per request. */
export type Caller = {
  /** The account that acts; null for visitors and for the program itself. */
  user: Row | null
  /** The program itself: start-up, blueprints, command line. May everything, leaves events without a user. */
  system: boolean
  superuser: boolean
  /** Global permissions, as `app.codename`. */
  permissions: ReadonlySet<string>
  /** Keys of the roles held directly and through groups; object permissions hang on them. */
  roles: readonly string[]
  /** The browser's session, when the call came with one. */
  session: Row | null
  /** The token that was presented, when the call came with one. */
  token: Row | null
  /** The expression that acts, where it is not the caller themselves; events name it. `callers` are the keys of those that led to it. */
  expression?: { kind: string; name: string; pk: string | null; callers: readonly string[] }
  /** Who really acts while `user` is only looked through. */
  impersonator: Row | null
}

/** What is known of the request that led here; null for jobs and the command line. */
export type RequestInfo = {
  id: string
  method: string
  path: string
  query: string
  /** Address of the client behind trusted proxies. */
  clientIp: string
  userAgent: string
  /** Scheme and host as the browser sees them, e.g. `https://id.example.org`. */
  origin: string
  host: string
  headers: Readonly<Record<string, string | string[] | undefined>>
  /** The certificate that the client showed, to us or to a trusted proxy. Nobody has looked at its issuer. */
  certificate?: () => X509Certificate | undefined
}

/** What an operation gets: the program's parts, who is calling and from where. */
export type Ctx = Deps & {
  caller: Caller
  request: RequestInfo | null
  /** What notifications themselves cause: its events call no rule, or they would go round in circles. Jobs that it queues inherit it. */
  unnoticed?: true
}

/** Nobody: a visitor who has not signed in. */
export const visitor: Caller = {
  user: null,
  system: false,
  superuser: false,
  permissions: new Set(),
  roles: [],
  session: null,
  token: null,
  impersonator: null,
}

/** The program itself. */
export const system: Caller = { ...visitor, system: true, superuser: true }

/** The context of work that the program does on its own account. */
export const systemContext = (deps: Deps): Ctx => ({ ...deps, caller: system, request: null })

/** The same context, for what notifications cause. */
export const unnoticed = (ctx: Ctx): Ctx => ({ ...ctx, unnoticed: true })

/** Runs `work` in one transaction (joining the one already open) and hands it a context bound to that. */
export const transact = <T>(ctx: Ctx, work: (ctx: Ctx) => Promise<T>): Promise<T> =>
  inTransaction(ctx.database, ctx.db, db => work({ ...ctx, db }))
