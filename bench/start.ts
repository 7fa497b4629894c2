import { setTimeout as delay } from 'node:timers/promises'
import type { Benchmark } from './run.ts'
import { median } from './lib/load.ts'
import { makeHome, startSignet } from './lib/signet.ts'

const RUNS = 5
/** Memory of a server that has been left alone for so long. */
const IDLE = 5_000 // ms

/**
 * From the start of the process to the first 200 of the readiness probe, with an empty data directory (keys, schema and defaults are
 * made) and with one that is there, and the memory of a server that nobody uses.
 */
export const benchmark: Benchmark = {
  order: 10,
  async run(say) {
    const fresh: number[] = []
    const existing: number[] = []
    const cpu: number[] = []
    const firstCpu: number[] = []
    const memory: number[] = []
    for (let run = 0; run < RUNS; run++) {
      const home = await makeHome('sqlite')
      try {
        const first = await startSignet(home)
        fresh.push(first.readyAfter)
        firstCpu.push(first.usage().cpu)
        await first.stop()
        const second = await startSignet(home)
        existing.push(second.readyAfter)
        cpu.push(second.usage().cpu)
        await delay(IDLE)
        memory.push(second.usage().rss)
        await second.stop()
      } finally {
        await home.remove()
      }
    }
    const range = (values: number[]) => ({ 'median ms': median(values), 'slowest ms': Math.max(...values) })
    say({
      case: 'start on an existing database',
      figures: range(existing),
      cpu: median(cpu),
      goal: { text: '≤ 800 ms', met: median(existing) <= 800 },
    })
    say({
      case: 'start on an empty directory',
      figures: range(fresh),
      cpu: median(firstCpu),
      goal: { text: '≤ 2000 ms', met: median(fresh) <= 2000 },
    })
    say({
      case: 'memory when idle',
      figures: { 'median MiB': median(memory), 'largest MiB': Math.max(...memory) },
      goal: { text: '≤ 110 MiB', met: median(memory) <= 110 },
    })
  },
}
