import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after } from 'node:test'
import { throwawayPostgres } from '../postgres.ts'
import { mailServer } from '../smtp.ts'
import { aFolder, run } from './program.ts'

/** Two server processes over one database, for what must be true once. */

const TOKEN = 'a-token-of-the-test-that-nobody-else-knows'
export const PASSWORD = 'a long enough one'
export const RACERS = 50

/** A browser without a screen that talks to one of the processes. */
export class Browser {
  readonly #origin: string
  readonly #cookies = new Map<string, string>()

  constructor(origin: string) {
    this.#origin = origin
  }

  async send(method: string, path: string, body?: object): Promise<Response> {
    const response = await fetch(new URL(path, this.#origin), {
      method,
      redirect: 'manual',
      headers: {
        cookie: [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; '),
        'x-authentik-csrf': this.#cookies.get('authentik_csrf') ?? '',
        ...(body && { 'content-type': 'application/json' }),
      },
      ...(body && { body: JSON.stringify(body) }),
    })
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line)!
      this.#cookies.set(name!, value!)
    }
    return response
  }

  /** One step of a flow: what it shows after its own redirects. */
  async step(slug: string, query: string, body?: object): Promise<Record<string, any>> {
    const path = `/api/v3/flows/executor/${slug}/?query=${encodeURIComponent(query)}`
    let response = await this.send(body ? 'POST' : 'GET', path, body)
    for (let hop = 0; response.status === 302 && hop < 10; hop++) response = await this.send('GET', response.headers.get('location')!)
    assert.equal(response.status, 200, await response.clone().text())
    return (await response.json()) as Record<string, any>
  }
}

let pair: ReturnType<typeof begin> | undefined
const ending: (() => Promise<unknown>)[] = []
// At the top of the module: what files of one test process share ends with the process.
after(async () => {
  for (const end of ending.reverse()) await end()
})

/** The two processes, the same for all tests of a process. */
export const thePair = () => (pair ??= begin())

async function begin() {
  const postgres = await throwawayPostgres()
  ending.push(() => postgres.stop())
  const smtp = await mailServer()
  ending.push(async () => smtp.close())
  const { host, port, user, password } = postgres
  const env = {
    SIGNET_POSTGRESQL__HOST: host,
    SIGNET_POSTGRESQL__PORT: String(port),
    SIGNET_POSTGRESQL__USER: user,
    SIGNET_POSTGRESQL__PASSWORD: password,
    SIGNET_POSTGRESQL__NAME: await postgres.createDatabase(),
    SIGNET_SECRET_KEY: randomBytes(32).toString('hex'),
    SIGNET_PUBLIC_URL: 'https://id.example.test',
    AUTHENTIK_BOOTSTRAP_TOKEN: TOKEN,
    AUTHENTIK_BOOTSTRAP_PASSWORD: PASSWORD,
    ...smtp.env,
  }
  const programs = [run(['server'], { ...env, SIGNET_DATA_DIR: aFolder() }), run(['server'], { ...env, SIGNET_DATA_DIR: aFolder() })]
  ending.push(() => Promise.all(programs.map(program => program.stop())))
  const origins = await Promise.all(
    programs.map(async program => {
      const { http } = await program.addresses()
      await program.ready()
      return http.origin
    }),
  )

  async function api(method: string, path: string, body?: object): Promise<Record<string, any>> {
    const response = await fetch(`${origins[0]}/api/v3${path}`, {
      method,
      headers: { authorization: `Bearer ${TOKEN}`, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    assert.ok(response.ok, `${method} ${path}: ${text}`)
    return text === '' ? {} : (JSON.parse(text) as Record<string, any>)
  }

  let changes = 0
  /** Resolves when the second knows all configuration that the first was given: of changes it hears in their order, soon and not at once. */
  async function known(): Promise<void> {
    const { results } = await api('GET', '/core/brands/?default=true')
    const title = async () =>
      ((await (await fetch(`${origins[1]}/api/v3/core/brands/current/`)).json()) as Record<string, string>).branding_title
    await title() // which is remembered from here on
    const branding_title = `Pair ${++changes}`
    await api('PATCH', `/core/brands/${results[0].brand_uuid}/`, { branding_title })
    while ((await title()) !== branding_title);
  }

  return {
    smtp,
    origins,
    known,
    /** The API of the first, as its administrator. */
    api,
    /** One for each racer, in turn. */
    originOf: (index: number) => origins[index % origins.length]!,
    racers: () => Array.from({ length: RACERS }, (_, index) => ({ index, browser: new Browser(origins[index % origins.length]!) })),
    token: TOKEN,
  }
}

/** How often each value stands in a list. */
export const tally = (values: readonly string[]): Record<string, number> =>
  Object.fromEntries([...new Set(values)].map(value => [value, values.filter(other => other === value).length]))
