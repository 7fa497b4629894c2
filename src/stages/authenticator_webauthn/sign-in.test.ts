import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import type { Authenticator, Deviation } from '../../../test/authenticator.ts'
import { aPasskey, aValidation } from '../../../test/authenticators.ts'
import { aUser, unique } from '../../../test/builders.ts'
import { aFlow, aStage, assertDone, errorsOf, FlowVisitor, type Shown } from '../../../test/flows.ts'
import { HOST, server } from '../../../test/harness.ts'
import type { Row } from '../../api/model.ts'

const YUBIKEY = 'cb69481e-8ff7-4039-93ec-0a2729a154a8'
const UNKNOWN = '00000000-0000-0000-0000-000000000000'

type Way = {
  open: (visitor: FlowVisitor, slug: string, user: Row) => Promise<Shown>
  flow: (rules: Row) => Promise<{ slug: string }>
  options: (shown: Shown) => Record<string, any>
  field: 'webauthn' | 'passkey'
  error: (shown: Shown) => string | undefined
}

/** The three places where passkeys are taken. */
const WAYS: Record<string, Way> = {
  'as a second factor': {
    flow: async rules => {
      const { ctx } = await server()
      return aFlow(ctx, ['identification', 'password', await aValidation(ctx, rules), 'user_login'])
    },
    async open(visitor, slug, user) {
      await visitor.challenge(slug)
      await visitor.challenge(slug, '', { uid_field: user.username })
      return visitor.challenge(slug, '', { password: 'right' })
    },
    options: shown => shown.device_challenges[0].challenge,
    field: 'webauthn',
    error: shown => errorsOf(shown).webauthn?.[0],
  },
  'in a flow of its own': {
    flow: async rules => {
      const { ctx } = await server()
      return aFlow(ctx, [await aValidation(ctx, { device_classes: ['webauthn'], ...rules }), 'user_login'])
    },
    open: (visitor, slug) => visitor.challenge(slug),
    options: shown => shown.device_challenges[0].challenge,
    field: 'webauthn',
    error: shown => errorsOf(shown).webauthn?.[0],
  },
  'where a name is asked for': {
    flow: async rules => {
      const { ctx } = await server()
      const stage = await aStage(ctx, 'identification', { webauthn_stage: (await aValidation(ctx, rules)).stage_uuid })
      return aFlow(ctx, [stage, 'user_login'])
    },
    open: (visitor, slug) => visitor.challenge(slug),
    options: shown => shown.passkey_challenge,
    field: 'passkey',
    error: shown => errorsOf(shown).non_field_errors?.[0],
  },
}

async function at(way: Way, rules: Row = {}, device: Row = {}) {
  const { app, ctx } = await server()
  const user = await aUser(ctx, { password: 'right' })
  const passkey = await aPasskey(ctx, user, device)
  const { slug } = await way.flow(rules)
  const visitor = new FlowVisitor(app)
  const shown = await way.open(visitor, slug, user)
  assert.ok(way.options(shown), JSON.stringify(shown))
  const answer = (assertion: unknown) => visitor.challenge(slug, '', { [way.field]: assertion })
  return { ctx, user, slug, visitor, shown, answer, ...passkey }
}

const sessionOf = async (user: Row) => {
  const { ctx } = await server()
  return ctx.db
    .selectFrom('session')
    .selectAll()
    .where('user', '=', user.id as number)
    .executeTakeFirst()
}

const eventsAbout = async (action: string, user: Row) => {
  const { ctx } = await server()
  const rows = await ctx.db.selectFrom('event').selectAll().where('action', '=', action).execute()
  return rows.filter(row => (row.user as Row).pk === user.id)
}

for (const [name, way] of Object.entries(WAYS)) {
  test(`${name}: a passkey signs in, and the login says by what`, async () => {
    const { ctx, user, shown, answer, authenticator, device } = await at(way, {}, { aaguid: YUBIKEY, device_type: YUBIKEY, sign_count: 7 })
    assertDone(await answer(authenticator.get(way.options(shown))), '/')
    const session = await sessionOf(user)
    const args = session!.auth_method_args as Row
    if (name === 'as a second factor') {
      assert.equal(session!.auth_method, 'password')
      assert.partialDeepStrictEqual(args, { mfa_devices: [{ pk: device.id, name: 'A passkey' }] })
    } else {
      assert.equal(session!.auth_method, 'auth_webauthn_pwl')
      assert.partialDeepStrictEqual(args, {
        device: { app: 'authentik_stages_authenticator_webauthn', model_name: 'webauthndevice', pk: String(device.id), name: 'A passkey' },
        device_type: { model_name: 'webauthndevicetype', name: 'YubiKey 5 Series' },
      })
    }
    const stored = await ctx.db
      .selectFrom('authenticator')
      .innerJoin('webauthn_device', 'webauthn_device.id', 'authenticator.id')
      .select(['sign_count', 'last_used'])
      .where('authenticator.id', '=', device.id as number)
      .executeTakeFirstOrThrow()
    assert.equal(stored.sign_count, 8)
    assert.ok(stored.last_used)
  })

  test(`${name}: options, checks and events are those of the stage (abuse 82)`, async () => {
    const { shown, device } = await at(
      way,
      { webauthn_user_verification: 'discouraged', webauthn_hints: ['hybrid'] },
      { transports: ['usb'] },
    )
    const { challenge, ...rest } = way.options(shown)
    assert.match(challenge, /^[\w-]{43}$/)
    assert.deepEqual(rest, {
      timeout: 300_000,
      rpId: HOST,
      allowCredentials: name === 'as a second factor' ? [{ type: 'public-key', id: device.credential_id, transports: ['usb'] }] : [],
      userVerification: 'discouraged',
      hints: ['hybrid'],
    })
    const wrong: Deviation[] = [
      { origin: `https://bad${HOST}` },
      { origin: `https://${HOST}.evil.test` },
      { origin: `http://${HOST}` },
      { origin: `https://${HOST}:444` },
      { origin: 'https://example.test' },
      { rpId: 'example.test' },
      { rpId: `bad${HOST}` },
      { challenge: 'AAAA' },
      { type: 'webauthn.create' },
      { present: false },
      { verified: false },
      { damaged: true },
      { signedBy: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey },
      { userHandle: Buffer.from('another').toString('base64url') },
    ]
    const strict = await at(way, { webauthn_user_verification: 'required' })
    let { shown: current } = strict
    for (const deviation of wrong) {
      const before = way.options(current).challenge
      current = await strict.answer(strict.authenticator.get(way.options(current), deviation))
      assert.equal(way.error(current), 'Assertion failed', JSON.stringify(deviation))
      assert.notEqual(way.options(current).challenge, before, 'a challenge serves once')
    }
    for (const nonsense of [
      {},
      { id: 'x' },
      { id: strict.authenticator.id, rawId: 'x', type: 'public-key', response: {} },
      { id: 1, response: 1 },
    ]) {
      current = await strict.answer(nonsense)
      assert.equal(way.error(current), 'Assertion failed')
    }
    assert.equal(await sessionOf(strict.user), undefined)
    assertDone(await strict.answer(strict.authenticator.get(way.options(current))), '/')
    const easy = await at(way, { webauthn_user_verification: 'preferred' })
    assertDone(await easy.answer(easy.authenticator.get(way.options(easy.shown), { verified: false, userHandle: null })), '/')
  })

  test(`${name}: an assertion counts once, in the browser and the stage that asked for it`, async () => {
    const first = await at(way)
    const good = first.authenticator.get(way.options(first.shown))
    const damaged = await first.answer({ ...good, type: 'password' })
    assert.equal(way.error(damaged), 'Assertion failed')
    assert.equal(way.error(await first.answer(good)), 'Assertion failed', 'its challenge is spent')
    const other = new FlowVisitor((await server()).app)
    await way.open(other, first.slug, first.user)
    assert.equal(way.error(await other.challenge(first.slug, '', { [way.field]: good })), 'Assertion failed', 'another browser')
  })

  test(`${name}: unknown, unconfirmed and deleted devices are none`, async () => {
    const { ctx, user, slug, shown, answer, visitor, authenticator, device } = await at(way)
    const stranger = await aPasskey(ctx, await aUser(ctx))
    stranger.authenticator.credentialId.fill(7)
    assert.equal(way.error(await answer(stranger.authenticator.get(way.options(shown)))), 'Invalid device')
    const second = await aPasskey(ctx, user)
    const change = (values: Row) =>
      ctx.db
        .updateTable('authenticator')
        .set(values)
        .where('id', '=', device.id as number)
        .execute()
    for (const values of [{ confirmed: false }, { confirmed: true, deleted: ctx.now() }]) {
      await change(values)
      const options = way.options(await visitor.challenge(slug))
      assert.equal(way.error(await answer(authenticator.get(options))), 'Invalid device')
    }
    assertDone(await answer(second.authenticator.get(way.options(await visitor.challenge(slug)))), '/')
  })

  test(`${name}: a counter that goes back is refused and reported, one that is not counted is not`, async () => {
    const { user, shown, answer, authenticator, device } = await at(way, {}, { sign_count: 10 })
    let current = shown
    for (const counter of [10, 3, 0]) {
      current = await answer(authenticator.get(way.options(current), { counter }))
      assert.equal(way.error(current), 'Assertion failed')
    }
    // What is not signed raises no alarm.
    current = await answer(authenticator.get(way.options(current), { counter: 2, damaged: true }))
    const events = await eventsAbout('suspicious_request', user)
    assert.equal(events.length, 3)
    assert.partialDeepStrictEqual(events[0]!.context, { device: { pk: device.id }, counter: { stored: 10 } })
    assertDone(await answer(authenticator.get(way.options(current), { counter: 11 })), '/')
  })
}

test('another person’s passkey is no second factor, with or without a device of one’s own', async () => {
  const way = WAYS['as a second factor']!
  const { ctx, shown, answer, user } = await at(way)
  const other = await aPasskey(ctx, await aUser(ctx))
  assert.equal(way.error(await answer(other.authenticator.get(way.options(shown)))), 'Invalid device')
  assert.equal((await eventsAbout('login_failed', user)).length, 1)
  const { app } = await server()
  const bare = await aUser(ctx, { password: 'right' })
  const { slug } = await aFlow(ctx, [
    'identification',
    'password',
    await aValidation(ctx, {
      not_configured_action: 'configure',
      configuration_stages: [
        (await aStage(ctx, 'authenticator_webauthn')).stage_uuid,
        (await aStage(ctx, 'authenticator_webauthn')).stage_uuid,
      ],
    }),
    'user_login',
  ])
  const visitor = new FlowVisitor(app)
  const asked = await way.open(visitor, slug, bare)
  assert.equal(asked.device_challenges.length, 0)
  const refused = await visitor.challenge(slug, '', { webauthn: other.authenticator.get({ challenge: 'x', rpId: HOST }) })
  assert.deepEqual(errorsOf(refused), { webauthn: ['No compatible device class allowed'] })
})

test('the second factor offers all of a person’s passkeys at once', async () => {
  const way = WAYS['as a second factor']!
  const { ctx, user, visitor, slug, device } = await at(way)
  const second = await aPasskey(ctx, user)
  const shown = await visitor.challenge(slug)
  assert.deepEqual(
    shown.device_challenges.map((entry: Row) => [entry.device_class, entry.device_uid]),
    [['webauthn', String(device.id)]],
  )
  assert.deepEqual(
    way.options(shown).allowCredentials.map((entry: Row) => entry.id),
    [device.credential_id, second.device.credential_id],
  )
})

test('device types that a stage does not take are passed over, or refused where nobody was known', async () => {
  const { ctx, app } = await server()
  for (const name of ['in a flow of its own', 'where a name is asked for']) {
    const way = WAYS[name]!
    const { shown, answer, authenticator } = await at(way, { webauthn_allowed_device_types: [YUBIKEY] })
    const refused = await answer(authenticator.get(way.options(shown)))
    assert.equal(way.error(refused), 'Invalid device type. Contact your Signet administrator for help.')
    const open = await at(way, { webauthn_allowed_device_types: [UNKNOWN] })
    assertDone(await open.answer(open.authenticator.get(way.options(open.shown))), '/')
  }
  const user = await aUser(ctx, { password: 'right' })
  const plain = await aPasskey(ctx, user)
  const key = await aPasskey(ctx, user, { aaguid: YUBIKEY, device_type: YUBIKEY })
  const way = WAYS['as a second factor']!
  const { slug } = await way.flow({ webauthn_allowed_device_types: [YUBIKEY] })
  const visitor = new FlowVisitor(app)
  const shown = await way.open(visitor, slug, user)
  assert.deepEqual(
    way.options(shown).allowCredentials.map((entry: Row) => entry.id),
    [key.device.credential_id],
  )
  const refused = await visitor.challenge(slug, '', { webauthn: plain.authenticator.get(way.options(shown)) })
  assert.match(way.error(refused)!, /^Invalid device type/)
})

test('without anybody known, a passkey is asked for in authentication flows alone', async () => {
  const { ctx, app } = await server()
  const stage = await aValidation(ctx)
  const signIn = await aFlow(ctx, [stage, 'user_login'])
  const shown = await new FlowVisitor(app).challenge(signIn.slug)
  assert.deepEqual(
    shown.device_challenges.map(({ challenge: _, ...rest }: Row) => rest),
    [{ device_class: 'webauthn', device_uid: '-1', last_used: null }],
  )
  const other = await aFlow(ctx, [stage, 'dummy'], { designation: 'stage_configuration' })
  assert.equal((await new FlowVisitor(app).challenge(other.slug)).component, 'ak-stage-dummy')
})

test('passkeys of deactivated accounts sign nobody in', async () => {
  for (const name of ['in a flow of its own', 'where a name is asked for']) {
    const way = WAYS[name]!
    const { ctx, user, shown, answer, authenticator } = await at(way)
    await ctx.db
      .updateTable('user')
      .set({ is_active: false })
      .where('id', '=', user.id as number)
      .execute()
    assert.equal((await answer(authenticator.get(way.options(shown)))).component, 'ak-stage-access-denied')
    assert.equal(await sessionOf(user), undefined)
  }
})

test('the page that asks for a name takes no passkey unless its stage says by which rules', async () => {
  const { ctx, app } = await server()
  const user = await aUser(ctx)
  const { authenticator } = await aPasskey(ctx, user)
  const { slug } = await aFlow(ctx, ['identification', 'user_login'])
  const visitor = new FlowVisitor(app)
  assert.equal((await visitor.challenge(slug)).passkey_challenge, null)
  const refused = await visitor.challenge(slug, '', { passkey: authenticator.get({ challenge: 'x', rpId: HOST }) })
  assert.deepEqual(errorsOf(refused), { non_field_errors: ['No identification data provided.'] })
})

test('two answers with one counter: one gets through', async () => {
  const way = WAYS['in a flow of its own']!
  const { app } = await server()
  const first = await at(way, {}, { sign_count: 1 })
  const second = new FlowVisitor(app)
  const shown = await way.open(second, first.slug, first.user)
  const make = (authenticator: Authenticator, options: Record<string, any>) => authenticator.get(options, { counter: 2 })
  const answers = await Promise.all([
    first.answer(make(first.authenticator, way.options(first.shown))),
    second.challenge(first.slug, '', { webauthn: make(first.authenticator, way.options(shown)) }),
  ])
  assert.deepEqual(new Set(answers.map(answer => answer.component)), new Set(['ak-stage-authenticator-validate', 'xak-flow-redirect']))
})

test('a stage names the types it takes', async () => {
  const { admin } = await server()
  const made = await admin.post('/api/v3/stages/authenticator/validate/', {
    name: unique('validate'),
    webauthn_allowed_device_types: [YUBIKEY],
  })
  assert.deepEqual(
    [made.status, made.body.webauthn_allowed_device_types_obj],
    [201, [{ aaguid: YUBIKEY, description: 'YubiKey 5 Series' }]],
  )
  const kept = await admin.put(`/api/v3/stages/authenticator/validate/${made.body.pk}/`, { name: made.body.name })
  assert.deepEqual(kept.body.webauthn_allowed_device_types, [YUBIKEY])
})
