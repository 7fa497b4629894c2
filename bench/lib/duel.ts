import { closedLoop, median, percentile } from './load.ts'
import { usage } from './processes.ts'

/** Who takes part: a process, and one operation of it as the caller with that number does it. */
export type Contender = { pid: number; operation: (client: number) => Promise<unknown> }

export type Effort = {
  /** Rounds that count. */
  rounds: number
  /** Of a round. */
  seconds: number
  /** Seconds that each side runs before anything counts, until its code is compiled; and longer, until it has done this many. */
  warmup: number
  /** Operations; of what takes long, as many as come to pass in three times that long. */
  warmupOperations: number
  /** Callers at once. */
  clients: number
}

export type Outcome = {
  /** Operations a second. */
  rate: number
  /** ms */
  p95: number
  /** ms of the process's CPU an operation. */
  cpu: number
}

/**
 * Lets two processes do the same in turn, so that whatever else the machine does hits both alike: the median of each one's rounds, and the
 * median of what the rounds say for themselves: how often the first does with the CPU that the second takes for one.
 */
export async function duel(
  sides: readonly [Contender, Contender],
  effort: Effort,
): Promise<{ outcomes: [Outcome, Outcome]; ratio: number }> {
  const { clients, rounds, seconds, warmup, warmupOperations } = effort
  const run = async ({ pid, operation }: Contender, seconds: number) => {
    const before = usage(pid).cpu
    const load = await closedLoop({ clients, operations: Infinity, seconds }, (_, client) => operation(client))
    return { rate: load.rate, p95: percentile(load.times, 0.95), cpu: (usage(pid).cpu - before) / load.count, count: load.count }
  }
  for (const side of sides) {
    let { count } = await run(side, warmup)
    for (let more = 0; more < 2 * warmup && count < warmupOperations; more += seconds) count += (await run(side, seconds)).count
  }
  const pairs: [Outcome, Outcome][] = []
  for (let round = 0; round < rounds; round++) pairs.push([await run(sides[0], seconds), await run(sides[1], seconds)])
  const middle = (index: 0 | 1): Outcome => ({
    rate: median(pairs.map(pair => pair[index].rate)),
    p95: median(pairs.map(pair => pair[index].p95)),
    cpu: median(pairs.map(pair => pair[index].cpu)),
  })
  return { outcomes: [middle(0), middle(1)], ratio: median(pairs.map(([first, second]) => second.cpu / first.cpu)) }
}
