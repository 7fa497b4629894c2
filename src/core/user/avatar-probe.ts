import type { Config } from '../../config.ts'
import type { Ctx } from '../../context.ts'
import { outgoingOf } from '../../http/outgoing/client.ts'
import { OutgoingError } from '../../http/outgoing/error.ts'
import { LruMap } from '../../lib/lru.ts'
import { QueueFullError, TurnQueue } from '../../lib/turn-queue.ts'

/** How long an answer counts, and how long a host that cannot be reached is left alone. */
const LIFE = 8 * 3_600_000 // ms
const TIMEOUT = 2_000 // ms
const MOST = 20_000

type Probes = { pictures: LruMap<string, boolean>; silent: LruMap<string, true>; asking: Map<string, Promise<boolean>>; queue: TurnQueue }

const known = new WeakMap<Config, Probes>()

function probesOf({ config, now }: Ctx): Probes {
  let probes = known.get(config)
  if (!probes) {
    probes = {
      pictures: new LruMap({ max: MOST, ttlMs: LIFE, now }),
      silent: new LruMap({ max: 1_000, ttlMs: LIFE, now }),
      asking: new Map(),
      queue: new TurnQueue({ concurrency: 4, maxWaiting: 2_000 }),
    }
    known.set(config, probes)
  }
  return probes
}

/** Whether there is a picture at an address, as far as it is known without asking. Undefined: nobody has asked. */
export function knownPicture(ctx: Ctx, url: string): boolean | undefined {
  const { pictures, silent } = probesOf(ctx)
  const answer = pictures.get(url)
  if (answer !== undefined) return answer
  const host = URL.parse(url)?.host
  return host === undefined || silent.has(host) ? false : undefined
}

/**
 * Asks, by HEAD, whether there is a picture at an address. Whoever asks for the same one meanwhile gets the same answer. Never rejects.
 * @param owner questions of one owner wait for each other, so that a person does not wait for somebody's list
 */
export function askForPicture(ctx: Ctx, url: string, owner: string): Promise<boolean> {
  const probes = probesOf(ctx)
  const already = knownPicture(ctx, url)
  if (already !== undefined) return Promise.resolve(already)
  let asking = probes.asking.get(url)
  if (!asking) {
    asking = probe(ctx, probes, url, owner).finally(() => probes.asking.delete(url))
    probes.asking.set(url, asking)
  }
  return asking
}

async function probe(ctx: Ctx, { pictures, silent, queue }: Probes, url: string, owner: string): Promise<boolean> {
  try {
    return await queue.run(owner, async () => {
      // The host may have turned out to be silent while this question waited.
      const already = knownPicture(ctx, url)
      if (already !== undefined) return already
      const { status, headers } = await outgoingOf(ctx.config)(url, { method: 'HEAD', timeout: TIMEOUT, connectTimeout: TIMEOUT })
      const found = status >= 200 && status < 300 && (headers['content-type'] ?? '').startsWith('image/')
      pictures.set(url, found)
      return found
    })
  } catch (error) {
    // Too many questions at once: another time.
    if (error instanceof QueueFullError) return false
    if (!(error instanceof OutgoingError)) throw error
    const host = URL.parse(url)?.host
    if (host !== undefined) silent.set(host, true)
    ctx.log.info({ host, reason: error.message }, 'no avatars from host')
    return false
  }
}
