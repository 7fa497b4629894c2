import { spawn } from 'node:child_process'
import { dirname, join } from 'node:path'
import { ended } from '../lib/processes.ts'
import { CALLBACK, PEER_CLIENT, REFRESHING_CLIENT } from '../peers/client.ts'
import type { Side } from './side.ts'
import { authorizationPath } from './visitor.ts'

export type Peer = { pid: number; origin: string; version: string; stop: () => Promise<void> }

/** Starts oidc-provider and waits until it listens. */
export async function startPeer(): Promise<Peer> {
  const program = join(dirname(import.meta.dirname), 'peers/oidc-provider.ts')
  const child = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'ignore'] })
  const killNow = () => child.kill('SIGKILL')
  process.once('exit', killNow)
  const origin = await new Promise<string>((resolve, reject) => {
    let said = ''
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      said += chunk
      const found = /^(http:\S+)\n/m.exec(said)
      if (found) resolve(found[1]!)
    })
    child.once('exit', code => reject(new Error(`the peer ended with ${code}`)))
  })
  const { default: described } = (await import('oidc-provider/package.json', { with: { type: 'json' } })) as {
    default: { version: string }
  }
  return {
    pid: child.pid!,
    origin,
    version: described.version,
    async stop() {
      killNow()
      await ended(child)
      process.off('exit', killNow)
    },
  }
}

export function peerSide({ pid, origin }: Peer): Side {
  const machine = (extra: Record<string, string>) => ({ client: PEER_CLIENT, form: { scope: 'api', ...extra } })
  const side: Side = {
    name: 'oidc-provider',
    pid,
    origin,
    paths: {
      authorize: '/auth',
      token: '/token',
      userinfo: '/me',
      introspection: '/token/introspection',
      discovery: '/.well-known/openid-configuration',
      jwks: '/jwks',
    },
    machines: {
      es256: machine({ resource: 'urn:es256' }),
      rs256: machine({ resource: 'urn:rs256' }),
      claims: machine({ resource: 'urn:es256' }), // it tells nothing of machines
      introspected: machine({}), // its JWTs are not introspected; an opaque one is found in memory
    },
    applications: {
      plain: { client: PEER_CLIENT, scope: 'openid profile email' },
      refreshing: { client: REFRESHING_CLIENT, scope: 'openid profile email' },
    },
    jwt: { resource: 'urn:es256' },
    /** Through the page that asks, once for each of its clients. */
    async signIn(connection, jar) {
      for (const application of Object.values(side.applications)) {
        let path: string = authorizationPath(side, application)
        while (!path.startsWith(CALLBACK)) {
          const answer = await connection.send({ path: path.replace(origin, ''), headers: jar.headers })
          jar.keep(answer)
          const location = answer.headers['location']
          if (typeof location !== 'string') throw new Error(`the peer signs nobody in: ${answer.status} ${answer.text.slice(0, 300)}`)
          path = location
        }
      }
    },
  }
  return side
}
