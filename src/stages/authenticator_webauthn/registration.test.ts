import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { Authenticator, type Deviation } from '../../../test/authenticator.ts'
import { aUser, unique } from '../../../test/builders.ts'
import { aFlow, aStage, assertDone, errorsOf, FlowVisitor, type Shown } from '../../../test/flows.ts'
import { HOST, server } from '../../../test/harness.ts'
import type { Row } from '../../api/model.ts'
import { userUid } from '../../core/user/uid.ts'

const YUBIKEY = 'cb69481e-8ff7-4039-93ec-0a2729a154a8'

/** Somebody at the stage that sets up a passkey. */
async function atSetUp(values: Row = {}, user?: Row) {
  const { app, ctx } = await server()
  const person = user ?? (await aUser(ctx, { password: 'right' }))
  const stage = await aStage(ctx, 'authenticator_webauthn', values)
  const { slug } = await aFlow(ctx, ['identification', stage], { designation: 'stage_configuration' })
  const visitor = new FlowVisitor(app)
  await visitor.challenge(slug)
  const shown = await visitor.challenge(slug, '', { uid_field: person.username })
  assert.equal(shown.component, 'ak-stage-authenticator-webauthn')
  const answer = (response: unknown) => visitor.challenge(slug, '', { component: 'ak-stage-authenticator-webauthn', response })
  return { ctx, user: person, slug, visitor, shown, answer }
}

const devices = async (user: Row) => {
  const { ctx } = await server()
  return ctx.db
    .selectFrom('authenticator')
    .innerJoin('webauthn_device', 'webauthn_device.id', 'authenticator.id')
    .selectAll()
    .where('authenticator.user', '=', user.id as number)
    .execute()
}

const refusal = (shown: Shown): string => errorsOf(shown).response?.[0] ?? ''

test('the challenge is what browsers parse as creation options', async () => {
  const { ctx, user, shown } = await atSetUp({
    user_verification: 'required',
    authenticator_attachment: 'platform',
    hints: ['client-device'],
  })
  const { challenge, ...rest } = shown.registration as Row
  assert.match(challenge as string, /^[\w-]{43}$/)
  assert.deepEqual(rest, {
    rp: { name: 'Signet', id: HOST },
    user: { id: Buffer.from(userUid(ctx, user.id as number)).toString('base64url'), name: user.username, displayName: user.name },
    pubKeyCredParams: [-7, -8, -257].map(alg => ({ type: 'public-key', alg })),
    timeout: 300_000,
    excludeCredentials: [],
    authenticatorSelection: {
      authenticatorAttachment: 'platform',
      residentKey: 'preferred',
      requireResidentKey: false,
      userVerification: 'required',
    },
    hints: ['client-device'],
    attestation: 'direct',
    extensions: { credProps: true },
  })
})

test('a passkey is set up, with and without attestation, and is named after its type', async () => {
  for (const [aaguid, format, name, type] of [
    [YUBIKEY, 'packed', 'YubiKey 5 Series', YUBIKEY],
    [undefined, 'none', 'WebAuthn Device', null],
    ['00000000-0000-0000-0000-000000000000', 'none', 'WebAuthn Device', null],
  ] as const) {
    const { user, shown, answer } = await atSetUp()
    const authenticator = new Authenticator({ ...(aaguid && { aaguid }), counter: 4 })
    assertDone(await answer(authenticator.create(shown.registration, { format })), '/')
    const [device] = await devices(user)
    assert.deepEqual(
      [device!.name, device!.device_type, device!.confirmed, device!.credential_id, device!.sign_count, device!.rp_id, device!.transports],
      [name, type, true, authenticator.id, 5, HOST, ['internal', 'hybrid']],
    )
  }
})

test('the device that was set up is shown to its owner and to administrators', async () => {
  const { ctx, user, shown, answer } = await atSetUp()
  await answer(new Authenticator({ aaguid: YUBIKEY }).create(shown.registration))
  const { admin } = await server()
  const [device] = await devices(user)
  const { body } = await admin.get(`/api/v3/authenticators/admin/webauthn/${device!.id}/`)
  assert.partialDeepStrictEqual(body, {
    pk: device!.id,
    name: 'YubiKey 5 Series',
    aaguid: YUBIKEY,
    device_type: { aaguid: YUBIKEY, description: 'YubiKey 5 Series' },
    user: { pk: user.id, username: user.username },
  })
  assert.ok(!('public_key' in body) && !('credential_id' in body))
  const all = await admin.get(`/api/v3/authenticators/admin/all/?user=${String(user.id)}`)
  assert.partialDeepStrictEqual(all.body, [{ extra_description: 'YubiKey 5 Series', external_id: YUBIKEY, confirmed: true }])
  const events = await ctx.db.selectFrom('event').select('context').where('action', '=', 'model_created').execute()
  const own = events.filter(({ context }) => {
    const model = (context as Row).model as Row | undefined
    return model?.model_name === 'webauthndevice' && model.pk === String(device!.id)
  })
  assert.equal(own.length, 1)
  assert.doesNotMatch(JSON.stringify(own), /public_key":"[^*]/)
})

test('every demand is looked at again by the server (abuse 82)', async () => {
  const wrong: [Row, Deviation, RegExp][] = [
    [{}, { origin: `https://bad${HOST}` }, /origin/],
    [{}, { origin: `https://${HOST}.evil.test` }, /origin/],
    [{}, { origin: `http://${HOST}` }, /origin/],
    [{}, { origin: `https://${HOST}:8443` }, /origin/],
    [{}, { rpId: 'example.test' }, /RP ID/],
    [{}, { challenge: 'AAAA' }, /challenge/],
    [{}, { type: 'webauthn.get' }, /type/],
    [{}, { present: false }, /presence/],
    [{ user_verification: 'required' }, { verified: false }, /verif/],
    [{ authenticator_attachment: 'cross-platform' }, { attachment: 'platform' }, /cross-platform/],
    [{ authenticator_attachment: 'platform' }, { attachment: null }, /platform/],
    [{ resident_key_requirement: 'required' }, { discoverable: false }, /discoverable/],
    [{}, { format: 'packed', damaged: true }, /./],
    [{}, { format: 'packed', signedBy: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey }, /./],
  ]
  for (const [values, deviation, expected] of wrong) {
    const { user, shown, answer } = await atSetUp(values)
    const refused = await answer(new Authenticator().create(shown.registration, deviation))
    const text = refusal(refused)
    assert.match(text, /^Registration failed\. Error: /, JSON.stringify(deviation))
    assert.match(text, expected)
    assert.notEqual(refused.registration.challenge, shown.registration.challenge, 'a challenge serves once')
    assert.deepEqual(await devices(user), [])
    // What differs from the demand is fine where nothing is demanded.
    assertDone(
      await answer(
        new Authenticator().create(refused.registration, { attachment: (values.authenticator_attachment as 'platform') ?? 'platform' }),
      ),
      '/',
    )
  }
  const { shown, answer } = await atSetUp({ user_verification: 'preferred', resident_key_requirement: 'discouraged' })
  assertDone(await answer(new Authenticator().create(shown.registration, { verified: false, discoverable: false, attachment: null })), '/')
})

test('a challenge serves one answer in one plan', async () => {
  const { visitor, slug, shown, answer } = await atSetUp()
  const authenticator = new Authenticator()
  const good = authenticator.create(shown.registration)
  assert.equal((await visitor.challenge(slug)).registration.challenge, shown.registration.challenge, 'looking again changes nothing')
  assert.match(refusal(await answer({ ...good, type: 'password' })), /type/)
  assert.match(refusal(await answer(good)), /challenge/)
  const elsewhere = await atSetUp()
  assert.match(refusal(await elsewhere.answer(good)), /challenge/)
})

test('what is no credential is refused', async () => {
  const { answer } = await atSetUp()
  for (const nonsense of [
    {},
    { id: 'x' },
    { id: 1, rawId: 1, type: 'public-key', response: null },
    { id: 'a', rawId: 'a', type: 'public-key', response: { clientDataJSON: '!', attestationObject: '!' } },
  ])
    assert.match(refusal(await answer(nonsense)), /^Registration failed/)
  assert.deepEqual(errorsOf(await answer('text')), { response: ['Value must be a dictionary, and not have any duplicate keys.'] })
  assert.deepEqual(errorsOf(await answer(undefined)), { response: ['This field is required.'] })
})

test('a credential belongs to one device, whoever brings it', async () => {
  const first = await atSetUp()
  const authenticator = new Authenticator()
  assertDone(await first.answer(authenticator.create(first.shown.registration)), '/')
  const other = await atSetUp()
  assert.equal(refusal(await other.answer(authenticator.create(other.shown.registration))), 'Credential ID already exists.')
  const again = await atSetUp({}, first.user)
  assert.deepEqual(again.shown.registration.excludeCredentials, [
    { type: 'public-key', id: authenticator.id, transports: ['internal', 'hybrid'] },
  ])
})

test('a stage can be for devices of certain types alone, unknown ones among them', async () => {
  const unknown = '00000000-0000-0000-0000-000000000000'
  const { shown, answer } = await atSetUp({ device_type_restrictions: [YUBIKEY] })
  assert.equal(
    refusal(await answer(new Authenticator().create(shown.registration))),
    'Invalid device type. Contact your Signet administrator for help.',
  )
  const next = await answer('')
  assertDone(await answer(new Authenticator({ aaguid: YUBIKEY }).create(next.registration)), '/')
  const open = await atSetUp({ device_type_restrictions: [unknown] })
  const refused = await open.answer(new Authenticator({ aaguid: YUBIKEY }).create(open.shown.registration))
  assert.match(refusal(refused), /^Invalid device type/)
  assertDone(await open.answer(new Authenticator().create(refused.registration)), '/')
})

test('after so many attempts the flow ends', async () => {
  const { shown, answer } = await atSetUp({ max_attempts: 2 })
  const first = await answer(new Authenticator().create(shown.registration, { present: false }))
  assert.equal(first.component, 'ak-stage-authenticator-webauthn')
  const last = await answer(new Authenticator().create(first.registration, { present: false }))
  assert.deepEqual(
    [last.component, last.error_message],
    ['ak-stage-access-denied', 'Exceeded maximum attempts. Contact your Signet administrator for help.'],
  )
})

test('nobody, and an account that is only pretended, can set up nothing', async () => {
  const { app, ctx } = await server()
  const alone = await aFlow(ctx, ['authenticator_webauthn'], { designation: 'stage_configuration' })
  assert.equal((await new FlowVisitor(app).challenge(alone.slug)).component, 'ak-stage-access-denied')
  const { slug } = await aFlow(ctx, ['identification', 'authenticator_webauthn'], { designation: 'stage_configuration' })
  const visitor = new FlowVisitor(app)
  await visitor.challenge(slug)
  assert.equal((await visitor.challenge(slug, '', { uid_field: 'nobody' })).component, 'ak-stage-access-denied')
})

test('names that browsers show hold nothing that misleads (abuse 82)', async () => {
  const { ctx } = await server()
  const user = await aUser(ctx, { name: 'Ann\u202Eexe.\nlogin', username: unique('plain') })
  const { shown } = await atSetUp({}, user)
  assert.equal(shown.registration.user.displayName, 'Annexe.login')
})

test('types are there to read', async () => {
  const { admin } = await server()
  const path = '/api/v3/stages/authenticator/webauthn_device_types/'
  const found = await admin.get(`${path}?aaguid=${YUBIKEY}`)
  assert.deepEqual(found.body.results, [{ aaguid: YUBIKEY, description: 'YubiKey 5 Series' }])
  assert.deepEqual((await admin.get(`${path}${YUBIKEY}/`)).body, { aaguid: YUBIKEY, description: 'YubiKey 5 Series' })
  assert.ok((await admin.get(`${path}?search=Windows`)).body.results.length >= 3)
  assert.equal((await admin.post(path, { aaguid: YUBIKEY, description: 'x' })).status, 405)
  const stage = await admin.post('/api/v3/stages/authenticator/webauthn/', { name: unique('stage'), device_type_restrictions: [YUBIKEY] })
  assert.deepEqual([stage.status, stage.body.device_type_restrictions_obj], [201, [{ aaguid: YUBIKEY, description: 'YubiKey 5 Series' }]])
})
