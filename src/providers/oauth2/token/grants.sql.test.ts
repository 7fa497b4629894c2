import assert from 'node:assert/strict'
import { test } from 'node:test'
import { commitTogether, required, type PlannedWrite } from '../../../db/planned-write.ts'
import { aParty, aSignedInBrowser, oauthServer } from '../fixture.ts'
import {
  findAccessToken,
  findCode,
  findRefreshToken,
  holdAccessToken,
  holdRefreshToken,
  spendCode,
  spendRefreshToken,
} from './grants.sql.ts'

test('15 what was used, revoked or is over is neither spent nor held, at whatever moment that is asked', async () => {
  const { ctx } = await oauthServer()
  const { db } = ctx
  const party = await aParty()
  const { browser } = await aSignedInBrowser()
  const taken = async (write: PlannedWrite): Promise<boolean> => {
    const refused = new Error('refused')
    try {
      await commitTogether(ctx, [required(write, () => refused)])
      return true
    } catch (error) {
      assert.equal(error, refused)
      return false
    }
  }
  const now = ctx.now()
  const later = new Date(now.getTime() + 90 * 86_400_000)
  const grants = async () => {
    const { access_token, refresh_token } = await party.tokens(browser, { scope: 'openid offline_access' })
    return { access: (await findAccessToken(db, access_token, now))!, refresh: (await findRefreshToken(db, refresh_token, now))! }
  }
  const { access, refresh } = await grants()
  assert.ok(await taken(holdAccessToken(access, now)))
  assert.ok(await taken(holdRefreshToken(refresh, now)))
  assert.ok(!(await taken(holdAccessToken(access, later))))
  for (const take of [holdRefreshToken, spendRefreshToken]) assert.ok(!(await taken(take(refresh, later))))
  assert.ok(await taken(spendRefreshToken(refresh, now)))
  for (const take of [holdRefreshToken, spendRefreshToken]) assert.ok(!(await taken(take(refresh, now))), 'used')

  const revoked = await grants()
  await db.updateTable('oauth2_access_token').set({ revoked_at: now }).where('id', '=', revoked.access.id).execute()
  await db.updateTable('oauth2_refresh_token').set({ revoked_at: now }).where('id', '=', revoked.refresh.id).execute()
  assert.ok(!(await taken(holdAccessToken(revoked.access, now))))
  for (const take of [holdRefreshToken, spendRefreshToken]) assert.ok(!(await taken(take(revoked.refresh, now))), 'revoked')

  const code = (await findCode(db, await party.code(browser), now))!
  assert.ok(!(await taken(spendCode(code, later))))
  assert.ok(await taken(spendCode(code, now)))
  assert.ok(!(await taken(spendCode(code, now))))
})

test('15 the handle in a code or token opens nothing: without the very secret behind it nothing is found', async () => {
  const { ctx } = await oauthServer()
  const { db } = ctx
  const party = await aParty()
  const now = ctx.now()
  const { browser } = await aSignedInBrowser()
  const code = await party.code(browser)
  assert.ok(await findCode(db, code, now))
  const { access_token, refresh_token } = await party.tokens(browser, { scope: 'openid offline_access' })
  const [header, claims, signature] = access_token.split('.') as [string, string, string]
  assert.ok(await findAccessToken(db, access_token, now))
  assert.ok(await findRefreshToken(db, refresh_token, now))
  for (const altered of [
    `${header}.${claims}.`,
    `${header}.${claims}.${signature}.`,
    `${claims}.${header}.${signature}`,
    `..${signature}`,
    `.bnVsbA.${signature}`, // null
    `${claims}.a.b.c.d`, // as if it were encrypted
    access_token.slice(1),
    '',
  ])
    assert.equal(await findAccessToken(db, altered, now), undefined, altered)
  for (const [find, secret] of [
    [findCode, code],
    [findRefreshToken, refresh_token],
  ] as const) {
    for (const altered of [secret.slice(0, 32), secret.slice(0, -1), `${secret}a`, secret.slice(1), secret.toUpperCase(), '%', ''])
      assert.equal(await find(db, altered, now), undefined, altered)
  }
})
