import { boot } from '../boot.ts'
import type { Outside } from '../assemble.ts'
import { jobs } from '../tasks/jobs.ts'
import { makeRunner } from '../tasks/runner.ts'
import { systemContext } from '../context.ts'
import { processMetrics } from './metrics.ts'
import { readiness } from './ready.ts'
import type { Program } from './serve.ts'
import { metricsKey, withDeps } from './start-server.ts'

/** Jobs alone; over HTTP it tells of its health, whatever the path. */
export const startWorker = (outside: Outside): Promise<Program> =>
  withDeps(outside, async deps => {
    await boot(deps)
    const observed = processMetrics(outside.config)
    const runner = makeRunner(systemContext(deps), jobs, { metrics: observed.metrics })
    await runner.start()
    const ready = readiness(deps.database)
    return {
      app: (_request, response) => void ready().then(answers => response.writeHead(answers ? 200 : 503, { 'content-length': '0' }).end()),
      ready,
      metrics: { key: await metricsKey(deps), exposition: observed.exposition },
      async close() {
        await runner.stop(10_000)
        await deps.database.close()
      },
    }
  })
