import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Row } from '../../src/api/model.ts'
import { outgoingOf, useOutgoing } from '../../src/http/outgoing/client.ts'
import { Authenticator } from '../authenticator.ts'
import { aUser, unique } from '../builders.ts'
import { form } from '../contract/examples.ts'
import { assertDone, FlowVisitor, type Shown } from '../flows.ts'
import { ownServer, type Answer, type TestServer } from '../harness.ts'
import { aFacebook } from '../upstreams/facebook.ts'
import { aGitHub } from '../upstreams/github.ts'
import { aGoogle } from '../upstreams/google.ts'
import { callbackOf, onwards, through, type TestSource } from '../upstreams/sign-in.ts'
import type { Person, Upstream } from '../upstreams/upstream.ts'
import { reroute } from '../upstreams/visit.ts'

/** Signing in with accounts of others, as the operators of such an installation set it up: its recipe, from invitation to session. */

const A = '/api/v3'
const DAY = 86_400_000 // ms
const ENROLLMENT = 'invitation-social'
const INVALID = 'Invalid invite/invite not found'

let own = {} as TestServer
const sources = {} as Record<'google' | 'github' | 'facebook', TestSource>
let count = 1000
const opened: Upstream[] = []
after(() => Promise.all(opened.map(upstream => upstream.close())))

async function ok(answer: Promise<Answer>): Promise<Shown> {
  const { status, body, text } = await answer
  assert.ok(status < 300, `${status}: ${text}`)
  return body
}

before(async () => {
  own = await ownServer({ SIGNET_OUTGOING_ALLOW: '127.0.0.1', AUTHENTIK_SESSIONS__UNAUTHENTICATED_AGE: 'hours=2' })
  const upstreams: Record<keyof typeof sources, Upstream> = {
    google: await aGoogle([]),
    github: await aGitHub([]),
    facebook: await aFacebook([]),
  }
  const all = Object.values(upstreams)
  opened.push(...all)
  useOutgoing(own.deps.config, reroute(outgoingOf(own.deps.config), ...all))
  const { success, logs } = await ok(
    own.admin.request('POST', `${A}/managed/blueprints/import/`, form({ path: 'example/flow-invitation-social.yaml' })),
  )
  assert.ok(success, JSON.stringify(logs))
  for (const slug of ['google', 'github', 'facebook'] as const) {
    const registration = upstreams[slug].register(callbackOf(slug))
    const { client_id: consumer_key, client_secret: consumer_secret } = registration
    const row = await ok(own.admin.patch(`${A}/sources/oauth/${slug}/`, { enabled: true, consumer_key, consumer_secret }))
    sources[slug] = { slug, row, registration, upstream: upstreams[slug] }
  }
})

/** Somebody with an account at one of them. */
function aPerson(source: TestSource, more: Partial<Person> = {}): Person {
  const username = unique('person')
  const email = `${username}@example.test`
  const person = { id: String(++count), username, name: `Name of ${username}`, email, emailVerified: true, ...more }
  source.upstream.people.push(person)
  return person
}

const accounts = async (): Promise<number> => (await ok(own.admin.get(`${A}/core/users/?page_size=1`))).pagination.count
const me = async (browser: FlowVisitor): Promise<Shown | undefined> => (await browser.get(`${A}/core/users/me/`)).body.user
const connections = async (user: unknown): Promise<Row[]> =>
  (await ok(own.admin.get(`${A}/sources/user_connections/all/?user=${String(user)}`))).results

/** Signs in by a source, to the end of the flow that it leads to; who that is. */
async function signIn(source: TestSource, person: Person, browser = new FlowVisitor(own.app)) {
  const back = await through(browser, source, person.id)
  assert.equal(back.status, 302, back.text)
  const shown = await onwards(browser, back.headers.location)
  return { browser, shown, user: await me(browser), cookie: back.headers.location }
}

const flowKey = async (slug: string): Promise<string> => (await ok(own.admin.get(`${A}/flows/instances/${slug}/`))).pk

/** R-412: what the operators' script makes. */
async function invitation(group?: string): Promise<Shown> {
  const flow = await flowKey(ENROLLMENT)
  const fixed_data = group === undefined ? {} : { group }
  return ok(own.admin.post(`${A}/stages/invitation/invitations/`, { name: unique('invite'), flow, single_use: true, fixed_data }))
}

const isOpen = async ({ pk }: Shown): Promise<boolean> =>
  (await own.admin.get(`${A}/stages/invitation/invitations/${String(pk)}/`)).status === 200

const groupsOf = async (user: Shown): Promise<string[]> =>
  ((await ok(own.admin.get(`${A}/core/users/${String(user.pk)}/`))).groups_obj as Row[]).map(group => String(group.name)).toSorted()

describe('R-405: how the sources find accounts', () => {
  test('R-405: Google finds by its own id alone: the same address is somebody else', async () => {
    const known = await aUser(own.ctx)
    const stranger = aPerson(sources.google, { email: String(known.email) })
    const { shown, user } = await signIn(sources.google, stranger)
    assert.deepEqual([shown.component, shown.error_message, user], ['ak-stage-access-denied', INVALID, undefined])
    assert.deepEqual(await connections(known.id), [])
  })

  for (const slug of ['github', 'facebook'] as const) {
    test(`R-405: ${slug} connects the account that has the address, at the first sign-in, and finds it by its id from then on`, async () => {
      const source = sources[slug]
      const known = await aUser(own.ctx, { type: 'internal' })
      const person = aPerson(source, { email: String(known.email) })
      assert.equal((await signIn(source, person)).user?.pk, known.id)
      assert.deepEqual(
        (await connections(known.id)).map(row => [row.source, row.identifier]),
        [[source.row.pk, person.id]],
      )
      person.email = 'another@example.test'
      assert.equal((await signIn(source, person)).user?.pk, known.id)
      // Somebody else who comes by that address later is not let in by it.
      const thief = aPerson(source, { email: String(known.email), emailVerified: false })
      if (slug === 'github') {
        const back = await through(new FlowVisitor(own.app), source, thief.id)
        assert.match(back.text, /Request to authenticate with GitHub has been denied/)
      }
    })
  }

  test('R-405: all of them enrol by the invitation, and sign in by the default flow of sources', async () => {
    const [enrollment_flow, authentication_flow] = [await flowKey(ENROLLMENT), await flowKey('default-source-authentication')]
    for (const [slug, user_matching_mode] of Object.entries({ google: 'identifier', github: 'email_link', facebook: 'email_link' }))
      assert.partialDeepStrictEqual(await ok(own.admin.get(`${A}/sources/oauth/${slug}/`)), {
        user_matching_mode,
        enrollment_flow,
        authentication_flow,
      })
  })
})

test('R-406: a stranger who comes by a social account without an invitation makes no account', async () => {
  const before = await accounts()
  for (const source of Object.values(sources)) {
    const person = aPerson(source)
    const { shown, user } = await signIn(source, person)
    assert.deepEqual([shown.component, shown.error_message, user], ['ak-stage-access-denied', INVALID, undefined])
  }
  // Nor by what they type into the address.
  const browser = new FlowVisitor(own.app)
  const back = await through(browser, sources.github, aPerson(sources.github).id, 'itoken=00000000-0000-4000-8000-000000000000')
  assert.equal((await onwards(browser, back.headers.location)).error_message, INVALID)
  assert.equal(await accounts(), before)
})

describe('R-411, R-415: enrolment by invitation', () => {
  const vpn = unique('VPN Users')
  before(async () => void (await ok(own.admin.post(`${A}/core/groups/`, { name: vpn }))))

  test('R-411: the flow has its stages in their order', async () => {
    const flow = await flowKey(ENROLLMENT)
    const { results } = await ok(own.admin.get(`${A}/flows/bindings/?target=${flow}&ordering=order`))
    assert.deepEqual(
      results.map((binding: Shown) => [binding.order, binding.stage_obj.name]),
      [
        [10, 'invitation-validation'],
        [20, 'enrollment-identification'],
        [30, 'enrollment-prompt'],
        [40, 'enrollment-user-write'],
        [50, 'enrollment-login'],
      ],
    )
  })

  for (const slug of ['google', 'github', 'facebook'] as const) {
    test(`R-415: an invitation is opened, then completed with ${slug}: in both groups, no password, spent once`, async () => {
      const source = sources[slug]
      const person = aPerson(source)
      const invited = await invitation(vpn)
      const query = `itoken=${String(invited.pk)}`
      const browser = new FlowVisitor(own.app)
      const asked = await browser.challenge(ENROLLMENT, query)
      assert.deepEqual([asked.component, asked.user_fields, asked.password_fields], ['ak-stage-identification', [], false])
      assert.deepEqual(
        asked.sources.map(({ name }: Row) => name),
        ['Facebook', 'GitHub', 'Google'],
      )
      assert.equal(asked.passwordless_url, `/if/flow/invitation-passkey/?${query}`)

      const button = asked.sources.find((shown: Shown) => shown.name.toLowerCase() === slug).challenge.to
      const back = await through(browser, source, person.id, new URL(button, 'https://id.example.test').search.slice(1))
      const prompt = await onwards(browser, back.headers.location)
      assert.equal(prompt.component, 'ak-stage-prompt')
      assert.deepEqual(
        prompt.fields.map((field: Row) => [field.field_key, field.initial_value]),
        [
          ['name', person.name],
          ['email', person.email],
        ],
      )
      assert.ok(await isOpen(invited), 'looking does not use it up')
      const { pathname, search } = new URL(String(back.headers.location), 'https://id.example.test')
      assert.equal(pathname, `/if/flow/${ENROLLMENT}/`)
      assertDone(await browser.challenge(ENROLLMENT, search.slice(1), { name: 'Anna', email: person.email }), '/if/user/')

      const user = (await me(browser))!
      assert.deepEqual(await groupsOf(user), ['Allow Login Users', vpn].toSorted())
      const stored = await own.ctx.db
        .selectFrom('user')
        .selectAll()
        .where('id', '=', user.pk as number)
        .executeTakeFirstOrThrow()
      assert.deepEqual([stored.password, stored.name, stored.email, stored.type], ['!', 'Anna', person.email, 'internal'])
      // What the source calls them, or the address where it has no names.
      assert.equal(stored.username, { google: person.email, github: person.username, facebook: person.name }[slug])
      assert.deepEqual(
        (await connections(user.pk)).map(row => row.identifier),
        [person.id],
      )

      assert.ok(!(await isOpen(invited)))
      const late = new FlowVisitor(own.app)
      assert.equal((await late.challenge(ENROLLMENT, query)).error_message, INVALID)
      const used = await own.admin.get(`${A}/events/events/?action=invitation_used&ordering=-created`)
      assert.equal(
        used.body.results.filter((event: Shown) => event.context.invitation_uuid === String(invited.pk).replaceAll('-', '')).length,
        1,
      )
      // From now on the account elsewhere is enough.
      assert.equal((await signIn(source, person)).user?.pk, user.pk)
    })
  }

  test('R-415: the same with a passkey', async () => {
    const invited = await invitation(vpn)
    const query = `itoken=${String(invited.pk)}`
    const browser = new FlowVisitor(own.app)
    const asked = await browser.challenge(ENROLLMENT, query)
    const { pathname, search } = new URL(asked.passwordless_url, 'https://id.example.test')
    const slug = pathname.split('/')[3]!
    assert.equal((await browser.challenge(slug, search.slice(1))).component, 'ak-stage-prompt')
    const email = `${unique('passkey')}@example.test`
    const setup = await browser.challenge(slug, query, { name: 'Anna', email })
    assert.equal(setup.component, 'ak-stage-authenticator-webauthn')
    assertDone(await browser.challenge(slug, query, { response: new Authenticator().create(setup.registration) }), '/')
    const user = (await me(browser))!
    assert.equal(user.username, email)
    assert.deepEqual(await groupsOf(user), ['Allow Login Users', vpn].toSorted())
    const { password } = await own.ctx.db
      .selectFrom('user')
      .select('password')
      .where('id', '=', user.pk as number)
      .executeTakeFirstOrThrow()
    assert.equal(password, '!')
    assert.ok(!(await isOpen(invited)))
    for (const way of [ENROLLMENT, slug]) assert.equal((await new FlowVisitor(own.app).challenge(way, query)).error_message, INVALID)
  })

  test('R-406: the way of the passkey is shut without an invitation, and to the invitation of a flow that does not lead there', async () => {
    assert.equal((await new FlowVisitor(own.app).challenge('invitation-passkey')).error_message, INVALID)
    const flow = await flowKey('invitation-enrollment')
    const other = await ok(own.admin.post(`${A}/stages/invitation/invitations/`, { name: unique('invite'), flow, single_use: true }))
    const query = `itoken=${String(other.pk)}`
    for (const slug of ['invitation-passkey', ENROLLMENT])
      assert.equal((await new FlowVisitor(own.app).challenge(slug, query)).error_message, INVALID)
    assert.equal((await new FlowVisitor(own.app).challenge('invitation-enrollment', query)).component, 'ak-stage-prompt')
  })

  test('R-415: two who complete one invitation at once make one account', async () => {
    const invited = await invitation(vpn)
    const query = `itoken=${String(invited.pk)}`
    const racers = await Promise.all(
      [sources.github, sources.google].map(async source => {
        const person = aPerson(source)
        const browser = new FlowVisitor(own.app)
        await browser.challenge(ENROLLMENT, query)
        const back = await through(browser, source, person.id, query)
        const { search } = new URL(String(back.headers.location), 'https://id.example.test')
        await onwards(browser, back.headers.location)
        return { person, browser, query: search.slice(1) }
      }),
    )
    const before = await accounts()
    const ends = await Promise.all(
      racers.map(({ browser, person, query }) => browser.challenge(ENROLLMENT, query, { name: 'Anna', email: person.email })),
    )
    assert.deepEqual(ends.map(({ component }) => String(component)).toSorted(), ['ak-stage-access-denied', 'xak-flow-redirect'])
    assert.equal(await accounts(), before + 1)
  })

  test('R-411: a name that is taken here is made another, and a group of superusers is not given', async () => {
    const taken = await aUser(own.ctx)
    const person = aPerson(sources.github, { username: String(taken.username) })
    const admins = await ok(own.admin.post(`${A}/core/groups/`, { name: unique('admins'), is_superuser: true }))
    const query = `itoken=${String((await invitation(admins.name)).pk)}`
    const browser = new FlowVisitor(own.app)
    await browser.challenge(ENROLLMENT, query)
    const back = await through(browser, sources.github, person.id, query)
    await onwards(browser, back.headers.location)
    await browser.challenge(ENROLLMENT, new URL(String(back.headers.location), 'https://x.test').search.slice(1), {
      name: 'Anna',
      email: person.email,
    })
    const user = (await me(browser))!
    assert.equal(user.username, `${String(taken.username)}-2`)
    assert.deepEqual(await groupsOf(user), ['Allow Login Users'])
  })
})

describe('R-420: sessions of people who come by a social account', () => {
  const STAGE = 'default-source-authentication-login'
  const sessionCookie = (browser: FlowVisitor, answer: Answer) =>
    answer.cookies.find(({ name, value }) => name === 'authentik_session' && value === browser.cookies.get('authentik_session'))

  async function arriving(person: Person) {
    const browser = new FlowVisitor(own.app)
    const back = await through(browser, sources.github, person.id)
    const { pathname, search } = new URL(String(back.headers.location), 'https://id.example.test')
    const answer = await browser.get(`${A}/flows/executor/${pathname.split('/')[3]}/?query=${encodeURIComponent(search.slice(1))}`)
    assertDone(answer.body, '/if/user/')
    return { browser, cookie: sessionCookie(browser, answer)! }
  }

  test('R-420: at seconds=0 they end with the browser, and on the server after the unauthenticated age; pinned, after four weeks', async () => {
    const known = await aUser(own.ctx, { type: 'internal' })
    const person = aPerson(sources.github, { email: String(known.email) })
    const { clock, admin } = own
    try {
      const { browser, cookie } = await arriving(person)
      assert.deepEqual([cookie.expires, cookie.maxAge], [undefined, undefined])
      assert.ok(await me(browser))
      clock.advance((DAY / 24) * 2 + 1_000)
      assert.equal(await me(browser), undefined)
      clock.reset()

      const [stage] = (await ok(admin.get(`${A}/stages/user_login/?name=${STAGE}`))).results
      await ok(admin.patch(`${A}/stages/user_login/${String(stage.pk)}/`, { session_duration: 'weeks=4' }))
      const pinned = await arriving(person)
      const lasts = (pinned.cookie.expires as Date).getTime() - own.ctx.now().getTime()
      assert.ok(Math.abs(lasts - 28 * DAY) < DAY / 24, String(lasts))
      clock.advance(27 * DAY)
      assert.equal((await me(pinned.browser))?.pk, known.id)
      // Not lengthened by being used.
      clock.advance(2 * DAY)
      assert.equal(await me(pinned.browser), undefined)
    } finally {
      clock.reset()
    }
  })
})
