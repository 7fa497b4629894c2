import { statfs } from 'node:fs/promises'
import { performance } from 'node:perf_hooks'
import { Counter, Gauge, Registry } from 'prom-client'
import type { Config } from '../config.ts'
import { exposition, makeMetrics, type Metrics } from '../observability/metrics.ts'
import { VERSION } from '../version.ts'

export type Observed = { metrics: Metrics; exposition: () => Promise<{ contentType: string; text: string }> }

/** The program's metrics, with those of its process. */
export function processMetrics(config: Pick<Config, 'entries' | 'worker' | 'data_dir'>): Observed {
  const registry = new Registry()
  addProcess(registry)
  addDisk(registry, config.data_dir)
  const metrics = makeMetrics(registry)
  metrics.settings(config.entries)
  metrics.adminWorkers.set({ version: VERSION, version_matched: 'true' }, 1)
  metrics.taskWorkers.set(config.worker.threads)
  return { metrics, exposition: () => exposition(registry) }
}

/** The space that is left for the data folder, and so for a SQLite database; not shown where there is no such folder. */
function addDisk(registry: Registry, folder: string): void {
  void new Gauge({
    name: 'signet_data_free_bytes',
    help: 'Space left on the disk of the data folder, in bytes.',
    registers: [registry],
    async collect() {
      // Where the disk cannot be asked nothing is told, rather than a wrong figure.
      const disk = await statfs(folder).catch(() => undefined)
      if (disk) this.set(disk.bavail * disk.bsize)
      else this.remove()
    },
  })
}

/**
 * Memory, CPU and event loop, read when somebody looks. The library's own set measures the loop with a timer that wakes the process
 * a hundred times a second, also when nothing happens.
 */
function addProcess(registry: Registry): void {
  const registers = [registry]
  const { timeOrigin } = performance // eslint-disable-line signet/ambient -- when this process began
  const eventLoopUtilization: typeof performance.eventLoopUtilization = (a, b) => performance.eventLoopUtilization(a, b)
  let spent = 0
  let since = eventLoopUtilization()
  const start = new Gauge({ name: 'process_start_time_seconds', help: 'When the process started, in seconds since 1970.', registers })
  start.set(timeOrigin / 1_000)
  void new Counter({
    name: 'process_cpu_seconds_total',
    help: 'CPU time spent, in seconds.',
    registers,
    collect() {
      const { user, system } = process.cpuUsage()
      this.inc((user + system) / 1e6 - spent)
      spent = (user + system) / 1e6
    },
  })
  const gauge = (name: string, help: string, value: () => number) =>
    void new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(value())
      },
    })
  gauge('process_resident_memory_bytes', 'Memory in use, in bytes.', () => process.memoryUsage.rss())
  gauge('nodejs_heap_size_used_bytes', 'JavaScript memory in use, in bytes.', () => process.memoryUsage().heapUsed)
  gauge('nodejs_eventloop_utilization', 'Share of the time since the last look in which the event loop was busy.', () => {
    const now = eventLoopUtilization()
    const { utilization } = eventLoopUtilization(now, since)
    since = now
    return utilization
  })
}
