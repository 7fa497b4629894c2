import type { Client, Registration } from './soak-client.ts'

/** Numbers in [0, 1) that a seed decides (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** What a row may be found as: more than one value when a change was sent and not acknowledged. `null`: gone. */
export type Entity = { kind: 'user' | 'group' | 'event'; path: string; field: string; may: (string | null)[] }

/** `sent`: under way when the program was killed; whether it counted nobody can know. */
type State = 'fresh' | 'sent' | 'spent'

export type Code = { code: string; state: State; access?: string }
export type Chain = { tokens: string[]; state: State }

/** Everything that the program acknowledged, and what was under way. */
export class Ledger {
  entities: Entity[] = []
  sessions: { cookie: string; username: string }[] = []
  codes: Code[] = []
  chains: Chain[] = []
  /** Answers that promise something. */
  acknowledged: Record<string, number> = {}
  /** Requests without an answer. */
  interrupted = 0
}

type Operation = { name: string; weight: number; run: () => Promise<void> | undefined }

/** Every kind of write that the load makes; each notes what it was promised only when the answer is there. */
export function operations(
  client: Client,
  app: Registration,
  ledger: Ledger,
  { people, label, random }: { people: string[]; label: string; random: () => number },
): Operation[] {
  let count = 0
  const unique = () => `${label}-${++count}`
  const pick = <T>(items: readonly T[]): T | undefined => items[Math.floor(random() * items.length)]
  const settled = (entity: Entity) => entity.may.length === 1 && entity.may[0] !== null

  const create = (kind: Entity['kind'], path: string, key: string, field: string, body: (name: string) => object) => async () => {
    const name = unique()
    const created = await client.must('POST', path, body(name))
    ledger.entities.push({ kind, path: `${path}${created[key]}/`, field, may: [name] })
  }
  /** Sends a change to a row that nothing else is changing. */
  const change = (kind: Entity['kind'], method: 'PATCH' | 'DELETE') => () => {
    const entity = pick(ledger.entities.filter(known => known.kind === kind && settled(known)))
    if (!entity) return undefined
    const value = method === 'DELETE' ? null : unique()
    entity.may.push(value)
    return (async () => {
      await client.must(method, entity.path, value === null ? undefined : { [entity.field]: value })
      entity.may = [value]
    })()
  }

  return [
    { name: 'users made', weight: 5, run: create('user', '/core/users/', 'pk', 'name', name => ({ username: name, name, groups: [] })) },
    { name: 'users renamed', weight: 3, run: change('user', 'PATCH') },
    { name: 'groups made', weight: 3, run: create('group', '/core/groups/', 'pk', 'name', name => ({ name })) },
    { name: 'groups deleted', weight: 1, run: change('group', 'DELETE') },
    {
      name: 'events made',
      weight: 3,
      run: create('event', '/events/events/', 'pk', 'app', name => ({ action: 'custom_soak', app: name, context: { soak: true } })),
    },
    {
      name: 'sign-ins',
      weight: 2,
      async run() {
        const username = pick(people)!
        ledger.sessions.push({ cookie: await client.signIn(username), username })
      },
    },
    {
      name: 'codes issued',
      weight: 4,
      run() {
        const session = pick(ledger.sessions)
        if (!session) return undefined
        return client.authorize(app, session.cookie).then(code => void ledger.codes.push({ code, state: 'fresh' }))
      },
    },
    {
      name: 'codes spent',
      weight: 3,
      run() {
        const code = pick(ledger.codes.filter(({ state }) => state === 'fresh'))
        if (!code) return undefined
        code.state = 'sent'
        return client.exchange(app, code.code).then(({ status, body }) => {
          if (status !== 200) throw new Error(`a fresh code was refused: ${status} ${JSON.stringify(body)}`)
          code.state = 'spent'
          code.access = body.access_token
          // Replaying the code afterwards must end what it bought, so some codes keep their tokens to themselves.
          if (random() < 0.7) {
            ledger.chains.push({ tokens: [body.refresh_token], state: 'fresh' })
            ledger.codes.splice(ledger.codes.indexOf(code), 1)
          }
        })
      },
    },
    {
      name: 'tokens refreshed',
      weight: 5,
      run() {
        const chain = pick(ledger.chains.filter(({ state }) => state === 'fresh'))
        if (!chain) return undefined
        chain.state = 'sent'
        return client.refresh(app, chain.tokens.at(-1)!).then(({ status, body }) => {
          if (status !== 200) throw new Error(`a fresh refresh token was refused: ${status} ${JSON.stringify(body)}`)
          chain.tokens.push(body.refresh_token)
          chain.state = 'fresh'
        })
      },
    },
  ]
}

/** An answer that never came, as fetch reports it. */
const isCutOff = (error: unknown): boolean => error instanceof TypeError || (error as { name?: string }).name === 'AbortError'

/**
 * Writes with so many hands until `isOver`, counting what was acknowledged. Ends when the last request under way has its answer or lost it.
 * @throws Error when the program answers with a failure
 */
export async function load(
  ledger: Ledger,
  all: Operation[],
  { hands, random, isOver, begun }: { hands: number; random: () => number; isOver: () => boolean; begun: () => void },
): Promise<void> {
  const total = all.reduce((sum, { weight }) => sum + weight, 0)
  const next = () => {
    let left = random() * total
    return all.find(({ weight }) => (left -= weight) < 0) ?? all[0]!
  }
  const work = async () => {
    while (!isOver()) {
      const { name, run } = next()
      const running = run()
      if (!running) continue
      begun()
      try {
        await running
        ledger.acknowledged[name] = (ledger.acknowledged[name] ?? 0) + 1
      } catch (error) {
        if (!isOver() || !isCutOff(error)) throw error
        ledger.interrupted++
      }
    }
  }
  await Promise.all(Array.from({ length: hands }, work))
}
