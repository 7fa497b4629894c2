import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { findObject } from '../api/store.ts'
import { createApp } from '../app.ts'
import { assemble, openConfigured, type Outside } from '../assemble.ts'
import { boot, EC_KEYPAIR } from '../boot.ts'
import { systemContext, type Ctx } from '../context.ts'
import { CertificateKeyPair } from '../crypto/model.ts'
import type { Deps } from '../deps.ts'
import { cachedFlows } from '../flows/definition.ts'
import { setupPending } from '../flows/setup.ts'
import { rememberedPolicies } from '../policies/engine.ts'
import { warnOfLinks } from '../mail/links.ts'
import { jobs } from '../tasks/jobs.ts'
import { makeRunner } from '../tasks/runner.ts'
import { watchCertificates } from './certificates.ts'
import { isFresh, keepPair, type PemPair } from './https-pair.ts'
import { processMetrics } from './metrics.ts'
import { readiness } from './ready.ts'
import type { Program } from './serve.ts'

/** The whole product: database, first rows, application. */
export async function startServer(outside: Outside): Promise<Program> {
  const { config } = outside
  return withDeps(outside, async deps => {
    await boot(deps)
    await warnOfLinks(deps)
    const ctx = systemContext(deps)
    const observed = processMetrics(config)
    const app = await createApp(deps, { metrics: observed.metrics })
    await app.ready()
    const runner = makeRunner(ctx, jobs, { metrics: observed.metrics })
    await runner.start()
    let unwatched = () => {}
    return {
      app: (request, response) => app.routing(request, response),
      ...(config.listen.https.length > 0 && {
        certificates: async tell => {
          unwatched = await watchCertificates(ctx, await storedPair(ctx), tell)
        },
      }),
      ready: readiness(deps.database),
      metrics: {
        key: await metricsKey(deps),
        exposition: async () => {
          observed.metrics.flowsCached.set(cachedFlows(ctx))
          observed.metrics.policiesCached.set(rememberedPolicies(ctx))
          return observed.exposition()
        },
      },
      onUpgrade: (request, socket, head) => {
        if (!app.server.emit('upgrade', request, socket, head)) socket.destroy()
      },
      setupPending: await setupPending(ctx),
      async close() {
        unwatched()
        await app.close()
        await runner.stop(10_000)
        await deps.database.close()
      },
    }
  })
}

/** Opens the database and builds the parts; closes it again when the rest of the start fails. */
export async function withDeps(outside: Outside, start: (deps: Deps) => Promise<Program>): Promise<Program> {
  const database = await openConfigured(outside)
  try {
    return await start(await assemble(outside, database))
  } catch (error) {
    await database.close()
    throw error
  }
}

/** What whoever reads metrics on the public port must present; also in `metrics.key` of the data directory, for its owner to read. */
export async function metricsKey({ config, secrets, log }: Pick<Deps, 'config' | 'secrets' | 'log'>): Promise<string> {
  const key = secrets.hmac('metrics', 'bearer')
  const file = join(config.data_dir, 'metrics.key')
  try {
    await writeFile(file, `${key}\n`, { mode: 0o600 })
    await chmod(file, 0o600)
  } catch (error) {
    log.warn({ err: error, file }, 'the key for metrics cannot be written')
  }
  return key
}

/** The certificate that all processes of the installation serve, unless it was deleted or has ended. */
async function storedPair(ctx: Ctx): Promise<PemPair | undefined> {
  const { config, log, now } = ctx
  const row = await findObject(ctx, CertificateKeyPair, EC_KEYPAIR, 'name')
  if (!row || row.key_data === '') return undefined
  const pair = { cert: row.certificate_data as string, key: row.key_data as string }
  if (!isFresh(pair, now())) return undefined
  await keepPair(config.data_dir, pair).catch((error: unknown) => log.warn({ err: error }, 'the certificate for HTTPS cannot be kept'))
  return pair
}
