import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hashToken } from '../../crypto/secrets.ts'
import { commitTogether, required, type PlannedWrite } from '../../db/planned-write.ts'
import { aParty, aSignedInBrowser, oauthServer } from './fixture.ts'
import { holdAccessToken, holdRefreshToken, spendCode, spendRefreshToken } from './grants.sql.ts'

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
    return { access: hashToken(access_token), refresh: hashToken(refresh_token) }
  }
  const { access, refresh } = await grants()
  assert.ok(await taken(holdAccessToken(access, now)))
  assert.ok(await taken(holdRefreshToken(refresh, now)))
  assert.ok(!(await taken(holdAccessToken(access, later))))
  for (const take of [holdRefreshToken, spendRefreshToken]) assert.ok(!(await taken(take(refresh, later))))
  assert.ok(await taken(spendRefreshToken(refresh, now)))
  for (const take of [holdRefreshToken, spendRefreshToken]) assert.ok(!(await taken(take(refresh, now))), 'used')

  const revoked = await grants()
  await db.updateTable('oauth2_access_token').set({ revoked_at: now }).where('token_hash', '=', revoked.access).execute()
  await db.updateTable('oauth2_refresh_token').set({ revoked_at: now }).where('token_hash', '=', revoked.refresh).execute()
  assert.ok(!(await taken(holdAccessToken(revoked.access, now))))
  for (const take of [holdRefreshToken, spendRefreshToken]) assert.ok(!(await taken(take(revoked.refresh, now))), 'revoked')

  const code = hashToken(await party.code(browser))
  assert.ok(!(await taken(spendCode(code, later))))
  assert.ok(await taken(spendCode(code, now)))
  assert.ok(!(await taken(spendCode(code, now))))
})
