/** Abuse cases of what is stored at the bidding of strangers and programs. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import { aParty, oauthServer } from '../../src/providers/oauth2/fixture.ts'
import { purgeExpired } from '../../src/providers/oauth2/purge.ts'

test('83 tokens that are over are taken away in small steps, between which others are served', async () => {
  const party = await aParty()
  const { ctx } = await oauthServer()
  await party.token({ grant_type: 'client_credentials' })
  const {
    id,
    token_hash: _,
    expires: __,
    ...row
  } = await ctx.db
    .selectFrom('oauth2_access_token')
    .selectAll()
    .where('provider', '=', party.provider.pk as number)
    .executeTakeFirstOrThrow()
  const columns = sql.join(Object.keys(row).map(name => sql.ref(name)))
  const many = 3_000
  await sql`insert into oauth2_access_token (${columns}, token_hash, expires)
    with recursive number(i) as (select 1 union all select i + 1 from number where i < ${sql.lit(many)})
    select ${columns}, 'over ' || number.i, ${new Date(0)} from oauth2_access_token, number where id = ${id}`.execute(ctx.db)
  const left = async () => {
    const { count } = await ctx.db
      .selectFrom('oauth2_access_token')
      .select(eb => eb.fn.countAll<number | bigint>().as('count'))
      .where('provider', '=', party.provider.pk as number)
      .executeTakeFirstOrThrow()
    return Number(count)
  }
  const stopping = new AbortController()
  let asked = 0
  const { signal } = stopping
  // Asked before each step whether to go on.
  const throwIfAborted = () => {
    if (++asked > 2) stopping.abort()
    AbortSignal.prototype.throwIfAborted.call(signal)
  }
  await assert.rejects(purgeExpired(ctx, Object.assign(signal, { throwIfAborted })), { name: 'AbortError' })
  const between = await left()
  assert.ok(between > 1 && between < many + 1, `${between} are left after two steps`)
  await purgeExpired(ctx)
  assert.equal(await left(), 1)
})
