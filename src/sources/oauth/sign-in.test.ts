import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { Row } from '../../api/model.ts'
import { aUser, unique } from '../../../test/builders.ts'
import { assertDone, FlowVisitor } from '../../../test/flows.ts'
import { anOpenIDProvider } from '../../../test/upstreams/openid.ts'
import { aSource, onwards, sourceServer, through } from '../../../test/upstreams/sign-in.ts'
import type { Person } from '../../../test/upstreams/upstream.ts'

const server = await sourceServer()
const { app, ctx, admin } = server
const people: Person[] = []
const upstream = await anOpenIDProvider(people)
after(upstream.close)

/** Somebody with an account at the upstream. */
function aPerson(more: Partial<Person> = {}): Person {
  const id = unique('person')
  const person = { id, username: id, name: `Name of ${id}`, email: `${id}@example.test`, emailVerified: true, ...more }
  people.push(person)
  return person
}

const userNamed = (name: string) => ctx.db.selectFrom('user').selectAll().where('username', '=', name).executeTakeFirst()
const connections = (source: Row) =>
  ctx.db
    .selectFrom('user_source_connection')
    .selectAll()
    .where('source', '=', source.pk as string)
    .execute()
const me = async (browser: FlowVisitor) => (await browser.get('/api/v3/core/users/me/')).body.user?.username as string | undefined

test('somebody new gets an account, connected with the source, and comes back to it', async () => {
  const source = await aSource(server, upstream)
  const person = aPerson()
  const browser = new FlowVisitor(app)
  const back = await through(browser, source, person.id, 'next=%2Fif%2Fuser%2F%3Fx%3D1')
  assert.equal(back.status, 302, back.text)
  assert.equal(back.headers.location, '/if/flow/default-source-enrollment/?next=%2Fif%2Fuser%2F%3Fx%3D1')
  assertDone(await onwards(browser, back.headers.location), '/if/user/?x=1')
  assert.equal(await me(browser), person.username)
  const user = (await userNamed(person.username))!
  assert.partialDeepStrictEqual(user, {
    name: person.name,
    email: person.email,
    path: `goauthentik.io/sources/${source.slug}`,
    type: 'external',
    attributes: { 'goauthentik.io/user/sources': [source.slug] },
  })
  assert.equal(user.password, '!', 'no password is set')
  const [connection] = await connections(source.row)
  assert.partialDeepStrictEqual(connection, { user: user.id, identifier: person.id })
  const stored = await ctx.db
    .selectFrom('user_oauth_source_connection')
    .selectAll()
    .where('id', '=', connection!.id)
    .executeTakeFirstOrThrow()
  assert.match(stored.access_token!, /^v1\./, 'tokens are sealed')
  assert.ok(stored.expires! > ctx.now())

  const again = new FlowVisitor(app)
  const known = await through(again, source, person.id)
  assert.equal(known.headers.location, '/if/flow/default-source-authentication/')
  assertDone(await onwards(again, known.headers.location), '/if/user/')
  assert.equal(await me(again), person.username)
  assert.equal((await connections(source.row)).length, 1)
  const events = (await admin.get(`/api/v3/events/events/?username=${person.username}&actions=login&actions=source_linked`)).body.results
  assert.deepEqual(
    events.map((event: Row) => [event.action, (event.context as any).source.name]),
    [
      ['login', source.slug],
      ['login', source.slug],
      ['source_linked', source.slug],
    ],
  )
})

test('whoever is signed in connects the source with their account, once', async () => {
  const source = await aSource(server, upstream)
  const person = aPerson()
  const user = await aUser(ctx, { password: 'a long password' })
  const browser = new FlowVisitor(app)
  await browser.signIn(String(user.username), 'a long password')
  const back = await through(browser, source, person.id)
  assert.deepEqual([back.status, back.headers.location], [302, '/if/user/#/settings;page-sources'])
  assert.deepEqual(
    (await connections(source.row)).map(row => [row.user, row.identifier]),
    [[user.id, person.id]],
  )
  assert.equal((await through(browser, source, person.id)).headers.location, '/if/user/#/settings;page-sources')
  assert.equal((await connections(source.row)).length, 1)
  // Nobody else gets it.
  const other = await aUser(ctx, { password: 'a long password' })
  const elsewhere = new FlowVisitor(app)
  await elsewhere.signIn(String(other.username), 'a long password')
  const refused = await through(elsewhere, source, person.id)
  assert.match(refused.text, /connected to another account/)
  assert.deepEqual(
    (await connections(source.row)).map(row => row.user),
    [user.id],
  )
  // And it signs them in.
  const later = new FlowVisitor(app)
  await onwards(later, (await through(later, source, person.id)).headers.location)
  assert.equal(await me(later), user.username)
})
