import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { unique } from '../../../test/builders.ts'
import { aFlow, aForm, aStage, assertDone, FlowVisitor } from '../../../test/flows.ts'
import { ownServer, type TestServer } from '../../../test/harness.ts'
import { signedIn } from '../../../test/signed-in.ts'
import { ADMIN, ADMIN_PASSWORD, startSlapd, type Slapd } from '../../../test/slapd.ts'
import { createObject } from '../../api/objects.ts'
import type { Row } from '../../api/model.ts'
import { updateObject } from '../../api/store.ts'
import type { Ctx } from '../../context.ts'
import { CertificateKeyPair } from '../../crypto/model.ts'
import { accountOf, aDirectorySource, aPerson, personDn, syncNow } from './fixture.ts'
import { LDAPSource } from './model.ts'

const LDAP = 'authentik.sources.ldap.auth.LDAPBackend'
const INBUILT = 'authentik.core.auth.InbuiltBackend'

let own: TestServer
let slapd: Slapd
let ctx: Ctx
let source: Row
before(async () => {
  own = await ownServer({ SIGNET_OUTGOING_ALLOW: '127.0.0.1,localhost' })
  ctx = own.ctx
  slapd = await startSlapd({
    entries: ['plain', 'decoy', 'moving', 'copied', 'later', 'off', 'away', 'writer'].map(uid => aPerson(uid, { userPassword: 'right' })),
  })
  source = await aDirectorySource(ctx, slapd, { sync_groups: false })
  await syncNow(ctx, source)
})
after(() => slapd.stop())

/** Whether the password opens a session for the account, by these backends; `how` is what the session says. */
async function signIn(username: string, password: string, backends: readonly string[] = [LDAP]): Promise<unknown> {
  const { slug } = await aFlow(ctx, ['identification', await aStage(ctx, 'password', { backends }), 'user_login'])
  const visitor = new FlowVisitor(own.app)
  await visitor.challenge(slug)
  await visitor.challenge(slug, '', { uid_field: username })
  const answer = await visitor.challenge(slug, '', { component: 'ak-stage-password', password })
  if (answer.component === 'ak-stage-password') return false
  assertDone(answer, '/')
  const user = (await accountOf(ctx, username))!
  const session = ctx.db
    .selectFrom('session')
    .selectAll()
    .where('user', '=', user.id as number)
  return (await session.orderBy('created', 'desc').executeTakeFirstOrThrow()).auth_method
}

test('the password of the directory opens, and no other', async () => {
  assert.equal(await signIn('plain', 'right'), 'ldap')
  for (const password of ['wrong', ' right', 'Right']) assert.equal(await signIn('plain', password), false)
  assert.equal(await signIn('plain', 'right', [INBUILT]), false)
  assert.equal(await signIn(unique('nobody'), 'right'), false)
})

test('an empty password opens nothing, though directories say yes to nobody', async () => {
  const { provenBy } = await import('./backend.ts')
  const user = (await accountOf(ctx, 'plain'))!
  assert.equal(await provenBy(ctx, user, ''), undefined)
  assert.equal((await provenBy(ctx, user, 'right'))?.slug, source.slug)
})

test('whose entry it is the connection says, and not what stands in the account', async () => {
  const user = (await accountOf(ctx, 'decoy'))!
  const attributes = { ...(user.attributes as Row), distinguishedName: ADMIN, ldap_uniq: 'x' }
  await ctx.db
    .updateTable('user')
    .set({ attributes: JSON.stringify(attributes) })
    .where('id', '=', user.id as number)
    .execute()
  assert.equal(await signIn('decoy', ADMIN_PASSWORD), false)
  assert.equal(await signIn('decoy', 'right'), 'ldap')
})

test('nobody comes in whose account is off, here or there, or whose source is', async () => {
  await slapd.set(personDn('off'), { pwdAccountLockedTime: '000001010000Z' })
  await syncNow(ctx, source)
  await ctx.db.updateTable('user').set({ is_active: true }).where('username', '=', 'off').execute()
  assert.equal(await signIn('off', 'right'), false)
  await ctx.db.updateTable('user').set({ is_active: false }).where('username', '=', 'moving').execute()
  assert.equal(await signIn('moving', 'right'), false)
  await ctx.db.updateTable('user').set({ is_active: true }).where('username', '=', 'moving').execute()
  assert.equal(await signIn('moving', 'right'), 'ldap')
  await updateObject(ctx, LDAPSource, source.pbm_uuid, { enabled: false })
  assert.equal(await signIn('moving', 'right'), false)
  await updateObject(ctx, LDAPSource, source.pbm_uuid, { enabled: true })
})

test('a password may be kept here too, until it is changed there', async () => {
  await updateObject(ctx, LDAPSource, source.pbm_uuid, { password_login_update_internal_password: true })
  assert.equal(await signIn('copied', 'right', [INBUILT]), false)
  assert.equal(await signIn('copied', 'right', [INBUILT, LDAP]), 'ldap')
  assert.equal(await signIn('copied', 'right', [INBUILT]), 'password')
  const { password } = (await accountOf(ctx, 'copied'))!
  assert.equal(await signIn('copied', 'right'), 'ldap')
  assert.equal((await accountOf(ctx, 'copied'))!.password, password)

  own.clock.advance(-3_600_000)
  await ctx.db.updateTable('user').set({ password_change_date: ctx.now() }).where('username', '=', 'copied').execute()
  own.clock.reset()
  await slapd.set(personDn('copied'), { userPassword: 'changed' })
  assert.ok((await slapd.read(personDn('copied'))).pwdChangedTime)
  await syncNow(ctx, source)
  assert.equal(await signIn('copied', 'right', [INBUILT, LDAP]), false)
  assert.equal(await signIn('copied', 'changed', [INBUILT, LDAP]), 'ldap')
  await updateObject(ctx, LDAPSource, source.pbm_uuid, { password_login_update_internal_password: false })
})

test('a password that is changed here is changed there where that is asked for, and nowhere when it is refused', async () => {
  const { id } = (await accountOf(ctx, 'writer'))!
  const change = (password: string) => own.admin.post(`/api/v3/core/users/${String(id)}/set_password/`, { password })
  assert.equal((await change('kept here alone')).status, 204)
  assert.equal(await signIn('writer', 'right'), 'ldap')

  await own.admin.patch(`/api/v3/sources/ldap/${String(source.slug)}/`, { sync_users_password: true })
  assert.equal((await change('new in both')).status, 204)
  assert.equal(await signIn('writer', 'new in both'), 'ldap')
  assert.equal(await signIn('writer', 'new in both', [INBUILT]), 'password')

  const form = await aForm(ctx, [{ field_key: 'password', type: 'password' }])
  const { slug } = await aFlow(ctx, [form, 'user_write'], { designation: 'stage_configuration' })
  const browser = await signedIn(own.app, ctx, (await accountOf(ctx, 'writer'))!)
  const path = `/api/v3/flows/executor/${slug}/?query=`
  await browser.get(path)
  await browser.post(path, { component: 'ak-stage-prompt', password: 'from a flow' })
  await browser.get(path)
  assert.equal(await signIn('writer', 'from a flow'), 'ldap')

  await own.admin.patch(`/api/v3/sources/ldap/${String(source.slug)}/`, { bind_cn: personDn('plain'), bind_password: 'right' })
  const refused = await change('refused')
  assert.deepEqual([refused.status, Object.keys(refused.body)], [400, ['password']])
  assert.equal(await signIn('writer', 'from a flow', [INBUILT]), 'password')
  await own.admin.patch(`/api/v3/sources/ldap/${String(source.slug)}/`, {
    bind_cn: ADMIN,
    bind_password: ADMIN_PASSWORD,
    sync_users_password: false,
  })
})

test('passwords go over TLS with whom the certificate names, or not at all', async () => {
  const pair = await createObject(ctx, CertificateKeyPair, {
    name: unique('directory'),
    certificate_data: slapd.certificate,
    fingerprint_sha256: 'x',
    fingerprint_sha1: 'x',
    cert_expiry: ctx.now(),
    cert_subject: 'x',
    key_type: 'ec',
    kid: '',
  })
  await updateObject(ctx, LDAPSource, source.pbm_uuid, { start_tls: true })
  assert.equal(await signIn('later', 'right'), false)
  await updateObject(ctx, LDAPSource, source.pbm_uuid, { peer_certificate: pair.kp_uuid })
  assert.equal(await signIn('later', 'right'), 'ldap')
  await updateObject(ctx, LDAPSource, source.pbm_uuid, { start_tls: false, server_uri: slapd.tlsUri })
  assert.equal(await signIn('later', 'right'), 'ldap')
  await updateObject(ctx, LDAPSource, source.pbm_uuid, { peer_certificate: null, server_uri: slapd.uri })
})

test('a directory that is away keeps nobody out who has another way in', async () => {
  await updateObject(ctx, LDAPSource, source.pbm_uuid, { server_uri: 'ldap://127.0.0.1:1' })
  await ctx.db
    .updateTable('user')
    .set({ password: await ctx.passwords.hash('here') })
    .where('username', '=', 'away')
    .execute()
  assert.equal(await signIn('away', 'here', [LDAP, INBUILT]), 'password')
  assert.equal(await signIn('away', 'right', [LDAP, INBUILT]), false)
  assert.ok(own.logged.some(line => line.msg === 'a directory did not check a password'))
})
