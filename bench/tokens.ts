import { spawn } from 'node:child_process'
import { join } from 'node:path'
import type { Benchmark } from './run.ts'
import { closedLoop, Connection, median, percentile } from './lib/load.ts'
import { ended, usage } from './lib/processes.ts'
import { ADMIN_TOKEN, makeHome, startSignet, type Signet } from './lib/signet.ts'
import { PEER_CLIENT } from './peers/client.ts'

const ROUNDS = 3
const SECONDS = 2 // a round
const CLIENTS = 8

type Contender = { name: string; pid: number; origin: string }
type Form = { path: string; client: { client_id: string; client_secret: string }; form: Record<string, string> }

const basic = ({ client_id, client_secret }: Form['client']) =>
  `Basic ${Buffer.from(`${encodeURIComponent(client_id)}:${encodeURIComponent(client_secret)}`).toString('base64')}`

export const callOf = ({ path, client, form }: Form) => ({
  method: 'POST',
  path,
  headers: { authorization: basic(client), 'content-type': 'application/x-www-form-urlencoded' },
  body: new URLSearchParams(form).toString(),
})

/** Client-credentials tokens and introspection beside `oidc-provider` with its in-memory adapter, round by round in turn. */
export const benchmark: Benchmark = {
  order: 40,
  async run(say, note) {
    const home = await makeHome('sqlite')
    const signet = await startSignet(home)
    const peer = await startPeer()
    note('oidc-provider', peer.version)
    try {
      const ours: Contender = { name: 'signet', pid: signet.pid, origin: signet.origin }
      const theirs: Contender = { name: 'oidc-provider', pid: peer.pid, origin: peer.origin }
      const clients = {
        es256: await makeClient(signet, 'Signet Self-signed ECDSA Certificate'),
        rs256: await makeClient(signet, 'authentik Self-signed Certificate'),
      }
      for (const alg of ['es256', 'rs256'] as const) {
        const grant = { grant_type: 'client_credentials' }
        await duel(`client-credentials token, ${alg.toUpperCase()}`, say, [
          [ours, { path: '/application/o/token/', client: clients[alg], form: { ...grant, scope: 'profile' } }],
          [theirs, { path: '/token', client: PEER_CLIENT, form: { ...grant, scope: 'api', resource: `urn:${alg}` } }],
        ])
      }
      const token = async (contender: Contender, form: Form) => {
        const connection = new Connection(contender.origin)
        const { text } = await connection.expect(200, callOf(form))
        connection.close()
        return (JSON.parse(text) as { access_token: string }).access_token
      }
      const ourToken = await token(ours, {
        path: '/application/o/token/',
        client: clients.es256,
        form: { grant_type: 'client_credentials', scope: 'profile' },
      })
      // Its JWTs are not introspected; an opaque one is found in memory.
      const theirToken = await token(theirs, {
        path: '/token',
        client: PEER_CLIENT,
        form: { grant_type: 'client_credentials', scope: 'api' },
      })
      await duel('introspection of an access token', say, [
        [ours, { path: '/application/o/introspect/', client: clients.es256, form: { token: ourToken } }],
        [theirs, { path: '/token/introspection', client: PEER_CLIENT, form: { token: theirToken } }],
      ])
    } finally {
      await peer.stop()
      await signet.stop()
      await home.remove()
    }
  },
}

async function duel(
  name: string,
  say: Parameters<Benchmark['run']>[0],
  sides: readonly [readonly [Contender, Form], readonly [Contender, Form]],
): Promise<void> {
  const results = sides.map(() => ({ rates: [] as number[], cpu: [] as number[], p95: [] as number[] }))
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [index, [contender, form]] of sides.entries()) {
      const connections = Array.from({ length: CLIENTS }, () => new Connection(contender.origin))
      const call = callOf(form)
      const before = usage(contender.pid).cpu
      const load = await closedLoop({ clients: CLIENTS, operations: Infinity, seconds: SECONDS }, (_, client) =>
        connections[client]!.expect(200, call),
      )
      for (const connection of connections) connection.close()
      if (round === 0) continue // warms both up
      results[index]!.rates.push(load.rate)
      results[index]!.cpu.push((usage(contender.pid).cpu - before) / load.count)
      results[index]!.p95.push(percentile(load.times, 0.95))
    }
  }
  const [ours, theirs] = results.map(({ rates, cpu, p95 }) => ({ rate: median(rates), cpu: median(cpu), p95: median(p95) })) as [Side, Side]
  const ratio = ours.rate / theirs.rate
  say({
    case: name,
    figures: { 'a second': ours.rate, 'p95 ms': ours.p95 },
    cpu: ours.cpu,
    ratio: { to: 'oidc-provider', value: ratio },
    goal: { text: 'no slower', met: ratio >= 1 },
  })
  say({ case: `  oidc-provider, in memory`, figures: { 'a second': theirs.rate, 'p95 ms': theirs.p95 }, cpu: theirs.cpu })
}

type Side = { rate: number; cpu: number; p95: number }

/** A confidential client that signs with the key pair of that name. */
export async function makeClient(signet: Signet, keypair: string): Promise<Form['client']> {
  const connection = new Connection(signet.origin)
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' }
  const get = async (path: string) =>
    JSON.parse((await connection.expect(200, { path: `/api/v3/${path}`, headers })).text) as { results: { pk: string }[] }
  const post = async (path: string, body: object) =>
    JSON.parse((await connection.expect(201, { method: 'POST', path: `/api/v3/${path}`, headers, body: JSON.stringify(body) })).text) as {
      pk: number
    }
  const [key] = (await get(`crypto/certificatekeypairs/?name=${encodeURIComponent(keypair)}`)).results
  const [flow] = (await get('flows/instances/?slug=default-provider-authorization-implicit-consent')).results
  const mappings = (await get('propertymappings/provider/scope/?managed=goauthentik.io/providers/oauth2/scope-profile')).results
  const slug = keypair.toLowerCase().replaceAll(/[^a-z]+/g, '-')
  const client = { client_id: slug, client_secret: `secret of ${slug}` }
  const provider = await post('providers/oauth2/', {
    name: slug,
    ...client,
    client_type: 'confidential',
    authorization_flow: flow!.pk,
    signing_key: key!.pk,
    redirect_uris: [],
    property_mappings: mappings.map(mapping => mapping.pk),
  })
  await post('core/applications/', { name: slug, slug, provider: provider.pk })
  connection.close()
  return client
}

async function startPeer(): Promise<{ pid: number; origin: string; version: string; stop: () => Promise<void> }> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'peers/oidc-provider.ts')], { stdio: ['ignore', 'pipe', 'ignore'] })
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
