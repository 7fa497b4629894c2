import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { throwawayPostgres, type ThrowawayPostgres } from '../postgres.ts'
import { mailServer } from '../smtp.ts'
import { aFolder, run, type Program } from './program.ts'

/** What must be true once, with two server processes over one database. */

const TOKEN = 'a-token-of-the-test-that-nobody-else-knows'
const PASSWORD = 'a long enough one'
const RACERS = 50

/** A browser without a screen that talks to one of the processes. */
class Browser {
  readonly #origin: string
  readonly #cookies = new Map<string, string>()

  constructor(origin: string) {
    this.#origin = origin
  }

  async #send(method: string, path: string, body?: object): Promise<Response> {
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
    let response = await this.#send(body ? 'POST' : 'GET', path, body)
    for (let hop = 0; response.status === 302 && hop < 10; hop++) response = await this.#send('GET', response.headers.get('location')!)
    assert.equal(response.status, 200, await response.clone().text())
    return (await response.json()) as Record<string, any>
  }
}

describe('two processes over one database', () => {
  let postgres: ThrowawayPostgres
  let smtp: Awaited<ReturnType<typeof mailServer>>
  let programs: Program[]
  let origins: string[]
  before(async () => {
    postgres = await throwawayPostgres()
    smtp = await mailServer()
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
    programs = [run(['server'], { ...env, SIGNET_DATA_DIR: aFolder() }), run(['server'], { ...env, SIGNET_DATA_DIR: aFolder() })]
    origins = await Promise.all(
      programs.map(async program => {
        const { http } = await program.addresses()
        await program.ready()
        return http.origin
      }),
    )
  })
  after(async () => {
    await Promise.all(programs.map(program => program.stop()))
    await smtp.close()
    await postgres.stop()
  })

  const racers = () => Array.from({ length: RACERS }, (_, index) => ({ index, browser: new Browser(origins[index % origins.length]!) }))

  async function api(method: string, path: string, body?: object): Promise<Record<string, any>> {
    const response = await fetch(`${origins[0]}/api/v3${path}`, {
      method,
      headers: { authorization: `Bearer ${TOKEN}`, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    })
    assert.ok(response.ok, `${method} ${path}: ${await response.clone().text()}`)
    return (await response.json()) as Record<string, any>
  }

  test('of fifty who send the form at once, one gets through a single-use invitation, and the others read why not', async () => {
    const flow = await api('GET', '/flows/instances/invitation-enrollment/')
    const group = await api('POST', '/core/groups/', { name: 'invited' })
    const invitation = await api('POST', '/signet/invitations/', { name: 'race', flow: flow.pk, groups: [group.pk] })
    const query = new URL(invitation.link).search.slice(1)
    const field = racers()
    await Promise.all(field.map(async ({ browser }) => assert.equal((await browser.step(flow.slug, query)).component, 'ak-stage-prompt')))
    const ends = await Promise.all(
      field.map(({ index, browser }) =>
        browser.step(flow.slug, query, { username: `racer-${index}`, password: PASSWORD, password_repeat: PASSWORD }),
      ),
    )
    const told = ends.map(end => (end.component === 'xak-flow-redirect' ? 'in' : end.error_message))
    assert.deepEqual(Object.fromEntries([...new Set(told)].map(text => [text, told.filter(other => other === text).length])), {
      in: 1,
      'This invitation was already used.': RACERS - 1,
    })
    const users = await api('GET', '/core/users/?search=racer-')
    assert.equal(users.pagination.count, 1)
    assert.deepEqual(users.results[0].groups, [group.pk])
    const record = await api('GET', `/signet/invitations/${invitation.pk}/`)
    assert.deepEqual([record.state, record.opened_count, record.used_count], ['used', RACERS, 1])
    assert.equal(record.used_by[0].user, users.results[0].pk)
  })

  test('of fifty who confirm one recovery link at once, one gets to choose a password, and the others read that it was used', async () => {
    const user = await api('POST', '/core/users/', { username: 'forgetful', name: 'Forgetful', email: 'forgetful@example.test' })
    const asker = new Browser(origins[0]!)
    await asker.step('default-recovery-flow', '')
    await asker.step('default-recovery-flow', '', { uid_field: user.username })
    const [mail] = await smtp.arrived(1)
    const query = new URL(/https:\S+flow_token=[\w-]+/.exec(mail!.text)![0]).search.slice(1)
    const field = await Promise.all(
      racers().map(async ({ browser }) => ({ browser, challenge: await browser.step('default-recovery-flow', query) })),
    )
    assert.deepEqual(new Set(field.map(({ challenge }) => challenge.component)), new Set(['ak-stage-consent']))
    const ends = await Promise.all(
      field.map(({ browser, challenge }) => browser.step('default-recovery-flow', query, { token: challenge.token })),
    )
    const told = ends.map(end => (end.component === 'ak-stage-prompt' ? 'in' : `${end.component}: ${end.error_message}`))
    assert.deepEqual(Object.fromEntries([...new Set(told)].map(text => [text, told.filter(other => other === text).length])), {
      in: 1,
      'ak-stage-access-denied: This link was used already.': RACERS - 1,
    })
  })

  test('a rule that sees an event in either process tells its people once', async () => {
    const admin = (await api('GET', '/core/users/me/')).user
    const [transport] = (await api('GET', '/events/transports/?name=default-email-transport')).results
    const [group] = (await api('GET', '/core/groups/?name=authentik+Admins')).results
    const policy = await api('POST', '/policies/expression/', {
      name: 'told',
      expression: 'return request.context["event"].action == "custom_told"',
    })
    const rule = await api('POST', '/events/rules/', { name: 'told', destination_group: group.pk, transports: [transport.pk] })
    await api('POST', '/policies/bindings/', { target: rule.pk, policy: policy.pk, order: 0 })
    await Promise.all(
      origins.flatMap((origin, at) =>
        Array.from({ length: 5 }, (_, index) =>
          fetch(`${origin}/api/v3/events/events/`, {
            method: 'POST',
            headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
            body: JSON.stringify({ action: 'custom_told', app: 'test', context: { message: `told ${at}-${index}` } }),
          }),
        ),
      ),
    )
    const told = await smtp.arrived(10, mail => /told \d-\d/.test(mail.text))
    assert.equal(new Set(told.map(mail => /told \d-\d/.exec(mail.text)![0])).size, 10)
    assert.equal(told.length, 10)
    assert.ok(told.every(mail => mail.to.includes(admin.email)))
  })
})
