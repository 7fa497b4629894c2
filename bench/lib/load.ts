import { Agent, request, type OutgoingHttpHeaders } from 'node:http'

export type Answer = { status: number; headers: Record<string, string | string[] | undefined>; text: string }
export type Call = { method?: string; path: string; headers?: OutgoingHttpHeaders; body?: string }

/** One keep-alive connection to a server, as one browser or program has. */
export class Connection {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 })
  readonly #origin: string

  constructor(origin: string) {
    this.#origin = origin
  }

  send({ method = 'GET', path, headers = {}, body }: Call): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }
      const call = request(`${this.#origin}${path}`, { method, agent: this.#agent, headers: { ...length, ...headers } }, answer => {
        let text = ''
        answer.setEncoding('utf8')
        answer.on('data', (chunk: string) => (text += chunk))
        answer.once('end', () => resolve({ status: answer.statusCode!, headers: answer.headers, text }))
        answer.once('error', reject)
      })
      call.once('error', reject)
      call.end(body)
    })
  }

  /** As `send`, for a step that a benchmark cannot go on without. */
  async expect(status: number, call: Call): Promise<Answer> {
    const answer = await this.send(call)
    if (answer.status !== status)
      throw new Error(`${call.method ?? 'GET'} ${call.path} answered ${answer.status}, not ${status}: ${answer.text.slice(0, 500)}`)
    return answer
  }

  close(): void {
    this.#agent.destroy()
  }
}

export type Load = {
  /** Operations that were completed. */
  count: number
  seconds: number
  /** Operations a second. */
  rate: number
  /** Sorted, ms. */
  times: Float64Array
}

/**
 * `clients` callers at once, each of which begins its next operation when the last one is over, until both bounds allow no more.
 * An operation that throws ends the benchmark.
 * @param operation gets its number among all, and that of its caller
 */
export async function closedLoop(
  { clients, operations, seconds }: { clients: number; operations: number; seconds: number },
  operation: (number: number, client: number) => Promise<unknown>,
): Promise<Load> {
  const times: number[] = []
  const begun = performance.now()
  let next = 0
  const caller = async (client: number) => {
    while (next < operations && performance.now() - begun < seconds * 1000) {
      const number = next++
      const before = performance.now()
      await operation(number, client)
      times.push(performance.now() - before)
    }
  }
  await Promise.all(Array.from({ length: clients }, (_, client) => caller(client)))
  const took = (performance.now() - begun) / 1000
  return { count: times.length, seconds: took, rate: times.length / took, times: Float64Array.from(times).sort() }
}

/**
 * An operation every `every` ms, whether or not those before have ended: how long each took from the moment it was due. What visitors
 * feel who do not know of one another.
 */
export async function openLoop(
  { every, count }: { every: number; count: number },
  operation: (number: number) => Promise<unknown>,
): Promise<Float64Array> {
  const begun = performance.now()
  const times: Promise<number>[] = []
  for (let number = 0; number < count; number++) {
    const due = begun + number * every
    const wait = due - performance.now()
    if (wait > 0) await new Promise(resolve => setTimeout(resolve, wait))
    times.push(operation(number).then(() => performance.now() - due))
  }
  return Float64Array.from(await Promise.all(times)).sort()
}

/** The value that this share of sorted values does not exceed. */
export const percentile = (sorted: Float64Array, share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(sorted.length * share) - 1))] ?? Number.NaN

export const median = (values: readonly number[]): number => percentile(Float64Array.from(values).sort(), 0.5)
