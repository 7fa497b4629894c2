import type { Benchmark } from './run.ts'
import { duel } from './lib/duel.ts'
import { Connection } from './lib/load.ts'
import { makeHome, startSignet } from './lib/signet.ts'
import { cases } from './oidc/cases.ts'
import { peerSide, startPeer } from './oidc/peer.ts'
import { signetSide } from './oidc/signet.ts'
import type { Side } from './oidc/side.ts'

/**
 * As many connections as a server has that is busy: what costs something counts where much is asked at once. The compiler is busy for the first
 * 30,000 tokens (`--trace-opt`), with a twentieth of the CPU where a token takes a millisecond.
 */
const EFFORT = { rounds: 7, seconds: 2, warmup: 15, warmupOperations: 30_000, clients: 32 }

/** What OAuth 2 and OpenID Connect cost beside `oidc-provider` with its in-memory adapter, round by round in turn. */
export const benchmark: Benchmark = {
  order: 40,
  async run(say, note, { only, ...asked }) {
    const wanted = only === undefined ? cases : cases.filter(({ name }) => name.startsWith(only))
    if (wanted.length === 0) throw new Error(`There is no case named ${only}; there are: ${cases.map(({ name }) => name).join(', ')}`)
    const effort = { ...EFFORT, ...asked }
    const home = await makeHome('sqlite')
    const signet = await startSignet(home)
    const peer = await startPeer()
    note('oidc-provider', peer.version)
    try {
      const sides = [await signetSide(signet), peerSide(peer)] as const
      for (const { title, prepare } of wanted) {
        const connections: Connection[] = []
        const contender = async (side: Side) => {
          const own = Array.from({ length: effort.clients }, () => new Connection(side.origin))
          connections.push(...own)
          return { pid: side.pid, operation: await prepare(side, own) }
        }
        const { outcomes, ratio } = await duel([await contender(sides[0]), await contender(sides[1])], effort)
        for (const connection of connections) connection.close()
        const [ours, theirs] = outcomes
        say({
          case: title,
          figures: { 'a second': ours.rate, 'p95 ms': ours.p95 },
          cpu: ours.cpu,
          ratio: { to: 'oidc-provider', value: ratio },
          goal: { text: 'no more CPU', met: ratio >= 1 },
        })
        say({ case: `  oidc-provider, in memory`, figures: { 'a second': theirs.rate, 'p95 ms': theirs.p95 }, cpu: theirs.cpu })
      }
    } finally {
      await peer.stop()
      await signet.stop()
      await home.remove()
    }
  },
}
