import assert from 'node:assert/strict'
import { sql } from 'kysely'
import { test } from 'node:test'
import { matchObjects, pageOfObjects } from '../../api/store.ts'
import { orderings, searchCondition } from '../../api/filters.ts'
import { aGroup, aUser, unique } from '../../../test/builders.ts'
import { ENGINE, server } from '../../../test/harness.ts'
import { User } from '../people.ts'

const { admin, ctx } = await server()

const names = (answer: { body: { results: { username: string }[] } }) => answer.body.results.map(user => user.username)

test('a search is paged in the order that was asked for, each match once', async () => {
  const tag = unique('paged')
  for (const [index, name] of ['e', 'b', 'D', 'a', 'c'].entries()) await aUser(ctx, { username: `${tag}-${index}`, name: `${name} ${tag}` })
  const page = (number: number, more = '') => admin.get(`/api/v3/core/users/?search=${tag}&page_size=2&page=${number}${more}`)
  const first = await page(1)
  assert.deepEqual(names(first), [`${tag}-0`, `${tag}-1`])
  assert.equal(first.body.pagination.count, 5)
  assert.equal(first.body.pagination.total_pages, 3)
  assert.deepEqual(names(await page(3)), [`${tag}-4`])
  const backwards = [
    ...names(await page(1, '&ordering=-username')),
    ...names(await page(2, '&ordering=-username')),
    ...names(await page(3, '&ordering=-username')),
  ]
  assert.deepEqual(
    backwards,
    [4, 3, 2, 1, 0].map(index => `${tag}-${index}`),
  )
  // By code point: capitals first.
  assert.deepEqual(names(await page(1, '&ordering=name')), [`${tag}-2`, `${tag}-3`])
  assert.equal((await page(4)).status, 404)
})

test('words are looked for in address, name and user name, and all of them must be found', async () => {
  const tag = unique('words')
  const user = await aUser(ctx, { username: `${tag}-x`, name: 'Zoë MÜLLER', email: `${tag}@mail.example` })
  for (const search of [`${tag} zoë`, `müller ${tag}`, `MAIL.EX ${tag}-X`, `${tag} zo ë`]) {
    assert.deepEqual(names(await admin.get(`/api/v3/core/users/?search=${encodeURIComponent(search)}`)), [user.username], search)
  }
  assert.deepEqual(names(await admin.get(`/api/v3/core/users/?search=${tag}+nowhere`)), [])
})

test('a search goes with filters', async () => {
  const tag = unique('filtered')
  const group = await aGroup(ctx)
  await aUser(ctx, { username: `${tag}-out` })
  const inside = await aUser(ctx, { username: `${tag}-in`, groups: [group.group_uuid] })
  assert.deepEqual(names(await admin.get(`/api/v3/core/users/?search=${tag}&groups_by_pk=${group.group_uuid as string}`)), [
    inside.username,
  ])
})

test('what counting narrows to keys finds the same objects', async () => {
  const tag = unique('narrow')
  for (let index = 0; index < 3; index++) await aUser(ctx, { username: `${tag}-${index}` })
  const query = { search: tag }
  const asked = [searchCondition(ctx, User, query)]
  const { count, where } = await matchObjects(ctx, User, asked)
  assert.equal(count, 3)
  assert.notEqual(where[0], asked[0])
  const options = { orderBy: orderings(User, query), limit: 10, offset: 0 }
  assert.deepEqual(await pageOfObjects(ctx, User, { where, ...options }), await pageOfObjects(ctx, User, { where: asked, ...options }))
})

test('the index for searches is one that searches use', async () => {
  const condition = searchCondition(ctx, User, { search: 'someone' })!
  const select = sql`select count(*), max(id) from "user" where ${condition}`
  const plan = await ctx.database.transaction(async trx => {
    if (ENGINE === 'sqlite') return (await sql`explain query plan ${select}`.execute(trx)).rows
    // A table as small as a test's is read whole unless told otherwise.
    await sql`set local enable_seqscan = off`.execute(trx)
    await sql`set local enable_indexscan = off`.execute(trx)
    await sql`set local enable_indexonlyscan = off`.execute(trx)
    return (await sql`explain ${select}`.execute(trx)).rows
  })
  assert.match(JSON.stringify(plan), /user_search_idx/)
})
