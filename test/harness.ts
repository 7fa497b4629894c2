import type { FastifyInstance, InjectOptions } from 'fastify'
import { subscribe } from 'node:diagnostics_channel'
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { after } from 'node:test'
import pino from 'pino'
import { createApp } from '../src/app.ts'
import { assemble, openConfigured } from '../src/assemble.ts'
import { boot } from '../src/boot.ts'
import { systemContext, type Ctx } from '../src/context.ts'
import { makePasswords } from '../src/core/password/passwords.ts'
import type { Database } from '../src/db/database.ts'
import type { Deps } from '../src/deps.ts'
import { useOutgoing } from '../src/http/outgoing/client.ts'
import { makeOutgoing } from '../src/http/outgoing/outgoing.ts'
import { ENGINE, installation, stopDatabases, templateReady } from './installation.ts'
import { memoryFolder } from './memory.ts'

export { ENGINE }

export type Answer = {
  status: number
  headers: Record<string, string | string[] | undefined>
  body: any
  text: string
  cookies: { name: string; value: string; [attribute: string]: unknown }[]
}

/** Calls over HTTP with one identity. Bodies are JSON unless `payload` says otherwise. */
export type Client = {
  request: (
    method: string,
    path: string,
    options?: { body?: unknown; headers?: Record<string, string>; payload?: string; query?: Record<string, string> },
  ) => Promise<Answer>
  get: (path: string, headers?: Record<string, string>) => Promise<Answer>
  post: (path: string, body?: unknown, headers?: Record<string, string>) => Promise<Answer>
  put: (path: string, body?: unknown) => Promise<Answer>
  patch: (path: string, body?: unknown) => Promise<Answer>
  delete: (path: string) => Promise<Answer>
}

export type TestServer = {
  app: FastifyInstance
  deps: Deps
  /** The program's own context: for arranging what a test needs. */
  ctx: Ctx
  /** What the server says in its log, one object a line. */
  logged: Record<string, unknown>[]
  clock: {
    advance: (ms: number) => void
    /** Stops the time, however long the machine takes for what follows; `advance` moves it on. */
    hold: () => void
    /** Back to the time of the day, and on with it. */
    reset: () => void
  }
  /** A client that presents a bearer token, or nothing. */
  client: (token?: string) => Client
  /** A client with a token of a superuser. */
  admin: Client
  adminToken: string
}

/** Where the server is reached in tests. */
export const HOST = 'id.example.test'

/** One request, and its whole answer: into an app without a socket, or over one. */
export type Send = (request: { method: string; url: string; headers: Record<string, string>; payload?: string }) => Promise<Answer>

const injected =
  (app: FastifyInstance): Send =>
  async request => {
    const response = await app.inject(request as InjectOptions)
    return answerOf(response.statusCode, response.headers as Answer['headers'], response.payload, response.cookies)
  }

/** An answer as tests look at it. */
export function answerOf(status: number, headers: Answer['headers'], text: string, cookies: Answer['cookies']): Answer {
  const json = /json/.test(String(headers['content-type'])) && text !== ''
  return { status, headers, body: json ? JSON.parse(text) : text, text, cookies }
}

/** A client over one app; `prepare` may add headers to each call, `seen` looks at each answer. */
export function clientOf(
  app: FastifyInstance | Send,
  prepare: () => Record<string, string> = () => ({}),
  seen: (answer: Answer) => void = () => {},
): Client {
  const send = typeof app === 'function' ? app : injected(app)
  const request: Client['request'] = async (method, path, options = {}) => {
    const headers = { host: HOST, 'x-forwarded-proto': 'https', ...prepare(), ...options.headers }
    const payload = options.payload ?? (options.body === undefined ? undefined : JSON.stringify(options.body))
    const type: Record<string, string> = payload !== undefined && !('content-type' in headers) ? { 'content-type': 'application/json' } : {}
    const url = options.query ? `${path}${path.includes('?') ? '&' : '?'}${new URLSearchParams(options.query).toString()}` : path
    const answer = await send({ method, url, headers: { ...type, ...headers }, ...(payload !== undefined && { payload }) })
    seen(answer)
    return answer
  }
  return {
    request,
    get: (path, headers) => request('GET', path, { headers }),
    post: (path, body, headers) => request('POST', path, { body, headers }),
    put: (path, body) => request('PUT', path, { body }),
    patch: (path, body) => request('PATCH', path, { body }),
    delete: path => request('DELETE', path),
  }
}

// Not in the time of whichever test is the first to need it.
await templateReady()

const cleanups: (() => Promise<void>)[] = []
// At the top of the module: inside a test the hook would end with that test, and take the shared server along.
after(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup()
  await stopDatabases()
})

/** As cheap as argon2 can be: no test takes part in guessing passwords. */
const CHEAP = { memoryCost: 8, timeCost: 1, parallelism: 1 }

async function build(env: Record<string, string>, options: OwnOptions = {}): Promise<TestServer> {
  const folder = mkdtempSync(join(memoryFolder(), 'signet-test-'))
  const config = await installation(folder, env, options.restore ? { anew: true } : options)
  const logged: Record<string, unknown>[] = []
  const log = pino(
    { level: 'debug', base: null },
    { write: (line: string) => void logged.push(JSON.parse(line) as Record<string, unknown>) },
  )
  let held = options.at && Date.now()
  let offset = options.at && held !== undefined ? options.at.getTime() - held : 0
  const now = () => new Date((held ?? Date.now()) + offset)
  const database = await openConfigured({ config, log })
  const restored = await options.restore?.(database)
  // For the runner, when nothing is heard of this process for long.
  subscribe('signet:test-silent', lines => void (lines as string[]).push(...database.obstacles().map(obstacle => `${folder}: ${obstacle}`)))
  const assembled = await assemble({ config, log, now, root: process.cwd() }, database)
  const deps = options.realHashes ? assembled : { ...assembled, passwords: makePasswords({ cost: CHEAP }) }
  useOutgoing(
    config,
    makeOutgoing(config.outgoing_allow, {
      timeout: config.http_timeout * 1000,
      resolve: () => Promise.reject(new Error('tests reach no other machine')),
    }),
  )
  await boot(deps)
  const app = await createApp(deps)
  await app.ready()
  cleanups.push(async () => {
    await app.close()
    await database.close()
    rmSync(folder, { recursive: true, force: true })
  })
  const ctx = systemContext(deps)
  const client: TestServer['client'] = token =>
    clientOf(app, (): Record<string, string> => (token === undefined ? {} : { authorization: `Bearer ${token}` }))
  const adminToken = restored ?? (await anAdministrator(ctx))
  return {
    app,
    deps,
    ctx,
    logged,
    clock: {
      advance: ms => void (offset += ms),
      hold: () => void (held ??= Date.now()),
      reset() {
        offset = 0
        held = undefined
      },
    },
    client,
    admin: client(adminToken),
    adminToken,
  }
}

/** Makes one, and answers a token. */
async function anAdministrator(ctx: Ctx): Promise<string> {
  const { aUser, aToken, adminsGroup } = await import('./builders.ts')
  return aToken(ctx, await aUser(ctx, { username: 'test-admin', name: 'Test Admin', groups: [await adminsGroup(ctx)] }))
}

let shared: Promise<TestServer> | undefined

/**
 * The server that all test files of this process share: a database each would make the suite ten times slower. Each file begins at the time
 * of the day, whatever the one before it did to the clock.
 */
export const server = (): Promise<TestServer> =>
  (shared ??= build({}).then(made => {
    subscribe('signet:test-file', made.clock.reset)
    return made
  }))

type OwnOptions = {
  /** Nothing in common with any other: see `installation`. */
  anew?: boolean
  /** Fills the database, which is empty, before the server begins to use it; answers the token of an administrator. */
  restore?: (database: Database) => Promise<string>
  /** The time from the beginning on, at which it is held. */
  at?: Date
  /** Passwords cost what they cost outside of tests. */
  realHashes?: boolean
}

/** A server of one's own, for tests that change what is configured by environment or for the whole installation. */
export const ownServer = (env: Record<string, string> = {}, options?: OwnOptions): Promise<TestServer> => build(env, options)
