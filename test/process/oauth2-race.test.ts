import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { before, describe, test } from 'node:test'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { codeIn } from '../codes.ts'
import { Browser, PASSWORD, RACERS, tally, thePair } from './pair.ts'

/** What OAuth 2 and second factors give out once, with two server processes over one database. */

const BASE = 'https://id.example.test/application/o'
/** Both are known by one name. */
const BEHIND_PROXY = { 'x-forwarded-host': 'id.example.test', 'x-forwarded-proto': 'https' }
const BACK = 'https://app.example.test/back'
const MANAGED = 'goauthentik.io/providers/oauth2/scope-'

type Client = { pk: number; slug: string; client_id: string; client_secret: string }

describe('two processes over one database', () => {
  let pair: Awaited<ReturnType<typeof thePair>>
  let client: Client
  let person: Browser
  before(async () => {
    pair = await thePair()
    client = await aClient('raced')
    person = await signedIn('akadmin')
  })

  async function signedIn(uid_field: string): Promise<Browser> {
    const browser = new Browser(pair.origins[0]!)
    await browser.step('default-authentication-flow', '')
    await browser.step('default-authentication-flow', '', { uid_field })
    assert.equal((await browser.step('default-authentication-flow', '', { password: PASSWORD })).component, 'xak-flow-redirect')
    return browser
  }

  async function aClient(name: string): Promise<Client> {
    const flow = await pair.api('GET', '/flows/instances/default-provider-authorization-implicit-consent/')
    const mappings = await pair.api('GET', '/propertymappings/provider/scope/?page_size=100')
    const wanted = ['openid', 'offline_access'].map(scope => MANAGED + scope)
    const provider = await pair.api('POST', '/providers/oauth2/', {
      name,
      authorization_flow: flow.pk,
      redirect_uris: [{ matching_mode: 'strict', url: BACK }],
      property_mappings: mappings.results
        .filter(({ managed }: { managed: string }) => wanted.includes(managed))
        .map((one: Client) => one.pk),
    })
    await pair.api('POST', '/core/applications/', { name, slug: name, provider: provider.pk })
    return { pk: provider.pk, slug: name, client_id: provider.client_id, client_secret: provider.client_secret }
  }

  const post = (origin: string, endpoint: string, form: Record<string, string>, headers: Record<string, string> = {}) =>
    fetch(`${origin}/application/o/${endpoint}/`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...BEHIND_PROXY, ...headers },
      body: new URLSearchParams(form),
    })
  const own = (form: Record<string, string>) => ({ client_id: client.client_id, client_secret: client.client_secret, ...form })

  /** Fifty send the same at once, in turn to one process and the other; the answers' bodies. */
  async function race(form: Record<string, string>, headers: Record<string, string> = {}): Promise<Record<string, any>[]> {
    const answers = await Promise.all(Array.from({ length: RACERS }, (_, index) => post(pair.originOf(index), 'token', form, headers)))
    return Promise.all(answers.map(async answer => (await answer.json()) as Record<string, any>))
  }
  const told = (answers: Record<string, any>[]) => tally(answers.map(answer => (answer.access_token ? 'tokens' : answer.error)))
  const oneOf = (error: string) => ({ tokens: 1, [error]: RACERS - 1 })

  /** What the winner got is worth nothing after the others came. */
  async function assertEnded(answers: Record<string, any>[]): Promise<void> {
    const { access_token, refresh_token } = answers.find(answer => answer.access_token)!
    for (const origin of pair.origins) {
      const userinfo = await fetch(`${origin}/application/o/userinfo/`, { headers: { authorization: `Bearer ${access_token}` } })
      assert.equal(userinfo.status, 401)
      if (refresh_token) assert.equal((await post(origin, 'token', own({ grant_type: 'refresh_token', refresh_token }))).status, 400)
    }
  }

  async function aCode(browser = person): Promise<string> {
    const query = new URLSearchParams({
      client_id: client.client_id,
      redirect_uri: BACK,
      response_type: 'code',
      scope: 'openid offline_access',
      prompt: 'consent',
    })
    const answer = await browser.send('GET', `/application/o/authorize/?${query.toString()}`)
    if (new URL(answer.headers.get('location')!, BASE).origin !== new URL(BACK).origin) {
      const slug = 'default-provider-authorization-implicit-consent'
      const { token } = await browser.step(slug, '')
      const done = await browser.step(slug, '', { token })
      return new URL(done.to as string).searchParams.get('code')!
    }
    return new URL(answer.headers.get('location')!).searchParams.get('code')!
  }
  const exchange = (code: string) => own({ grant_type: 'authorization_code', code, redirect_uri: BACK })

  test('13 of fifty who bring one code, one gets tokens, and the others end them', async () => {
    const answers = await race(exchange(await aCode()))
    assert.deepEqual(told(answers), oneOf('invalid_grant'))
    await assertEnded(answers)
  })

  test('15 of fifty who bring one refresh token, one gets tokens, and the others end the family', async () => {
    const first = await (await post(pair.origins[1]!, 'token', exchange(await aCode()))).json()
    const answers = await race(own({ grant_type: 'refresh_token', refresh_token: (first as { refresh_token: string }).refresh_token }))
    assert.deepEqual(told(answers), oneOf('invalid_grant'))
    await assertEnded(answers)
  })

  test('19 of fifty who bring one device code, one gets tokens, and the others end them', async () => {
    const begun = (await (await post(pair.origins[0]!, 'device', own({ scope: 'openid' }))).json()) as Record<string, string>
    let location: string | null = `/device?code=${begun.user_code}`
    while (location?.startsWith('/') && !location.startsWith('/if/flow/'))
      location = (await person.send('GET', location)).headers.get('location')
    const slug = /^\/if\/flow\/([^/]+)\//.exec(location!)![1]!
    let shown = await person.step(slug, '')
    while (shown.component === 'ak-stage-consent') shown = await person.step(slug, '', { token: shown.token })
    assert.equal(shown.component, 'ak-provider-oauth2-device-code-finish')
    const answers = await race(own({ grant_type: 'urn:ietf:params:oauth:grant-type:device_code', device_code: begun.device_code! }))
    assert.deepEqual(told(answers), oneOf('invalid_grant'))
    await assertEnded(answers)
  })

  test('16 what is taken away in one process is worth nothing in the other at the next request', async () => {
    const { api } = pair
    const ways: Record<string, (user: number) => Promise<unknown>> = {
      'a deleted session': user => api('DELETE', `/core/authenticated_sessions/bulk_delete/?user_pks=${user}`),
      'a disabled account': user => api('PATCH', `/core/users/${user}/`, { is_active: false }),
    }
    for (const [index, [way, take]] of Object.entries(ways).entries()) {
      const { pk, username } = await api('POST', '/core/users/', { username: `taken-${index}`, name: 'Taken' })
      await api('POST', `/core/users/${pk}/set_password/`, { password: PASSWORD })
      const bought = (await (await post(pair.origins[1]!, 'token', exchange(await aCode(await signedIn(username as string))))).json()) as {
        access_token: string
        refresh_token: string
      }
      await take(pk as number)
      await assertEnded([bought])
      assert.ok(bought.refresh_token, way)
    }
  })

  test('23 of fifty who bring one assertion of a client, one gets tokens', async () => {
    const prover = await aClient('prover')
    await pair.api('POST', '/signet/oauth2_clients/', { provider: prover.pk, token_endpoint_auth_method: 'client_secret_jwt' })
    const client_assertion = await new SignJWT({})
      .setProtectedHeader({ alg: 'HS256' })
      .setIssuer(prover.client_id)
      .setSubject(prover.client_id)
      .setAudience(`${BASE}/token/`)
      .setIssuedAt()
      .setExpirationTime('1m')
      .setJti(randomUUID())
      .sign(new TextEncoder().encode(prover.client_secret))
    const answers = await race({
      grant_type: 'client_credentials',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion,
    })
    assert.deepEqual(told(answers), oneOf('invalid_client'))
  })

  test('23 of fifty who bring one proof of a key, one gets tokens', async () => {
    const { privateKey, publicKey } = await generateKeyPair('ES256')
    const dpop = await new SignJWT({ jti: randomUUID(), htm: 'POST', htu: `${BASE}/token/` })
      .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: await exportJWK(publicKey) })
      .setIssuedAt()
      .sign(privateKey)
    const answers = await race(own({ grant_type: 'client_credentials', scope: 'openid' }), { dpop })
    assert.deepEqual(told(answers), oneOf('invalid_dpop_proof'))
  })

  test('46 of fifty browsers that send one mailed code, one gets in', async () => {
    const { api, smtp } = pair
    const stage = (kind: string, values: object) => api('POST', `/stages/${kind}/`, { name: `mailed ${kind}`, ...values })
    const flowOf = async (slug: string, stages: { pk?: string }[]) => {
      const flow = await api('POST', '/flows/instances/', { name: slug, slug, title: slug, designation: 'authentication' })
      for (const [order, { pk }] of stages.entries()) await api('POST', '/flows/bindings/', { target: flow.pk, stage: pk, order })
      return slug
    }
    const identification = await stage('identification', { user_fields: ['username'] })
    const login = await stage('user_login', {})
    const mail = await stage('authenticator/email', { use_global_settings: true })
    const validate = await stage('authenticator/validate', {
      not_configured_action: 'deny',
      device_classes: ['email'],
      email_otp_throttling_factor: 0,
    })
    const setup = await flowOf('mailed-setup', [identification, mail, login])
    const signIn = await flowOf('mailed-sign-in', [identification, validate, login])
    const { username, email } = await api('POST', '/core/users/', { username: 'mailed', name: 'Mailed', email: 'mailed@example.test' })
    const codeAt = async (number: number) => codeIn((await smtp.arrived(number, ({ to }) => to.includes(email as string))).at(-1)!.text)

    const first = new Browser(pair.origins[0]!)
    await first.step(setup, '')
    assert.equal((await first.step(setup, '', { uid_field: username })).component, 'ak-stage-authenticator-email')
    assert.equal((await first.step(setup, '', { code: await codeAt(1) })).component, 'xak-flow-redirect')

    const field = await Promise.all(
      pair.racers().map(async ({ browser }) => {
        await browser.step(signIn, '')
        return { browser, shown: await browser.step(signIn, '', { uid_field: username }) }
      }),
    )
    await field[0]!.browser.step(signIn, '', { selected_challenge: field[0]!.shown.device_challenges[0] })
    const code = await codeAt(2)
    const ends = await Promise.all(field.map(({ browser }) => browser.step(signIn, '', { code })))
    assert.deepEqual(tally(ends.map(({ component }) => component as string)), {
      'xak-flow-redirect': 1,
      'ak-stage-authenticator-validate': RACERS - 1,
    })
  })
})
