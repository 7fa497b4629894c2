import { AsyncLocalStorage } from 'node:async_hooks'
import type { Row } from '../api/model.ts'
import { systemContext, type Ctx } from '../context.ts'
import type { Database } from '../db/database.ts'
import type { Deps } from '../deps.ts'
import { LruMap } from '../lib/lru.ts'
import type { Decision } from '../policies/engine.ts'
import { inputOf } from './input.ts'
import { explanationId } from './id.ts'
import { traceOf, type Answered } from './trace.ts'

/**
 * Explanations of refusals, written after the person has been answered. The same refusal again within ten minutes counts on the one
 * that is there. What cannot be written is told in the server's log, whole.
 */

const DAY = 86_400_000 // ms
/** How long an explanation is kept. */
const KEPT = 30 * DAY
const SAME = 600_000 // ms: within this time the same refusal is the same explanation
/** Most explanations kept, of people and of visitors apart: whoever is not signed in cannot push out those of others. */
const MOST = { people: 20_000, visitors: 2_000 } as const
/** Writes after which the table is looked at again. */
const LOOK_AFTER = 200
/** Most that waits in memory; what comes beyond that is told in the log alone. */
const MOST_WAITING = 1_000

/** A refusal, from the place where it happens. */
export type Refusal = Omit<Answered, 'input' | 'passing' | 'decision' | 'user'> & {
  /** Where: `flow`, `authorize`, `launch` … */
  surface: string
  user: Row | null
  /** What the engine found, where it was asked. */
  decision?: Decision
}

type Waiting = { ctx: Ctx; id: string; surface: string; answered: Answered; at: Date; clientIp: string | null; requestId: string | null }
/** Without the question: what it holds is for its digest alone. */
const answerOf = ({ mode, findings, membership, empty, duration }: Decision) => ({ mode, findings, membership, empty, duration })

type Repeated = { id: string; at: Date; requestId: string | null; log: Ctx['log'] }

/** Whatever is under way around a refusal (a transaction, say) is not around its writing. */
const outside = AsyncLocalStorage.snapshot()

class Writer {
  readonly #database: Database
  readonly #recent: LruMap<string, string>
  #waiting: Waiting[] = []
  #repeated: Repeated[] = []
  #written = 0
  #running: Promise<void> | undefined

  constructor(deps: Deps) {
    this.#database = deps.database
    this.#recent = new LruMap({ max: 5_000, ttlMs: SAME, now: deps.now })
  }

  /** Takes a refusal; answers the id that the person is shown. */
  add(ctx: Ctx, { surface, user, decision, ...rest }: Refusal): string {
    const at = ctx.now()
    const requestId = ctx.request?.id ?? null
    const clientIp = ctx.request?.clientIp ?? null
    const pk = typeof user?.id === 'number' ? user.id : null
    const findings = decision?.findings ?? []
    const same = JSON.stringify([rest, surface, pk, user?.username, clientIp, findings.map(({ binding, result }) => [binding, result])])
    const known = this.#recent.get(same)
    if (known !== undefined) {
      if (this.#repeated.length < MOST_WAITING) this.#repeated.push({ id: known, at, requestId, log: ctx.log })
      this.#schedule()
      return known
    }
    const id = explanationId(ctx.randomBytes)
    this.#recent.set(same, id)
    const answered: Answered = {
      ...rest,
      passing: false,
      user: user && { pk, username: String(user.username) },
      decision: decision ? answerOf(decision) : null,
      input: inputOf(ctx, decision?.request ?? { user, context: {} }),
    }
    const waiting = { ctx, id, surface, answered, at, clientIp, requestId }
    if (this.#waiting.length < MOST_WAITING) this.#waiting.push(waiting)
    else this.#tell(waiting, new Error('too many explanations wait'))
    this.#schedule()
    return id
  }

  #schedule(): void {
    this.#running ??= outside(async () => {
      await new Promise(setImmediate)
      try {
        await this.#write()
      } finally {
        this.#running = undefined
      }
    })
  }

  /** Waits until everything taken so far is written. */
  async flush(): Promise<void> {
    while (this.#running) await this.#running
  }

  async #write(): Promise<void> {
    while (this.#waiting.length > 0 || this.#repeated.length > 0) {
      const waiting = this.#waiting
      const repeated = this.#repeated
      this.#waiting = []
      this.#repeated = []
      for (const one of waiting) {
        try {
          await this.#insert(one)
        } catch (error) {
          this.#tell(one, error)
        }
      }
      for (const one of repeated) {
        try {
          await this.#count(one)
        } catch (error) {
          one.log.error({ err: error, explanation: one.id }, 'a repeated refusal could not be counted')
        }
      }
    }
  }

  async #insert({ ctx, id, surface, answered, at, clientIp, requestId }: Waiting): Promise<void> {
    const { db } = this.#database
    const { stages: _, ...trace } = await traceOf({ ...systemContext(ctx), db }, answered)
    await db
      .insertInto('explanation')
      .values({
        explanation_uuid: ctx.uuid(),
        id,
        kind: answered.kind,
        surface,
        reason: answered.reason,
        application: answered.target.application,
        flow: answered.target.flow,
        target_name: answered.target.name,
        user: answered.user?.pk ?? null,
        username: answered.user?.username ?? '',
        trace: JSON.stringify(trace),
        client_ip: clientIp,
        request_id: requestId,
        count: 1,
        created: at,
        last_seen: at,
        expires: new Date(at.getTime() + KEPT),
      })
      .execute()
    this.#written += 1
    if (this.#written % LOOK_AFTER === 0) await this.#bound()
  }

  async #count({ id, at, requestId }: Omit<Repeated, 'log'>): Promise<void> {
    await this.#database.db
      .updateTable('explanation')
      .set(eb => ({ count: eb('count', '+', 1), last_seen: at, request_id: requestId }))
      .where('id', '=', id)
      .execute()
  }

  /** Deletes the oldest beyond what is kept. */
  async #bound(): Promise<void> {
    const { db } = this.#database
    for (const [operator, most] of [
      ['is not', MOST.people],
      ['is', MOST.visitors],
    ] as const) {
      const last = await db
        .selectFrom('explanation')
        .select('last_seen')
        .where('user', operator, null)
        .orderBy('last_seen', 'desc')
        .limit(1)
        .offset(most)
        .executeTakeFirst()
      if (last) await db.deleteFrom('explanation').where('user', operator, null).where('last_seen', '<=', last.last_seen).execute()
    }
  }

  #tell({ ctx, id, surface, answered, at, clientIp, requestId }: Waiting, error: unknown): void {
    const { input: _, ...rest } = answered
    ctx.log.error(
      { err: error, explanation: { id, surface, at: at.toISOString(), client_ip: clientIp, request_id: requestId, ...rest } },
      'an explanation could not be stored',
    )
  }
}

const writers = new WeakMap<Database, Writer>()

function writerOf(deps: Deps): Writer {
  const known = writers.get(deps.database)
  if (known) return known
  const made = new Writer(deps)
  writers.set(deps.database, made)
  return made
}

/** Keeps why somebody was refused; answers the id under which an administrator finds it, e.g. `K7QF-2M9D`. Writes later. */
export const explainRefusal = (ctx: Ctx, refusal: Refusal): string => writerOf(ctx).add(ctx, refusal)

/** Waits until every explanation taken so far is stored: before one is looked for, and at the end of the program. */
export const storeExplanations = async (deps: Pick<Deps, 'database'>): Promise<void> => writers.get(deps.database)?.flush()
