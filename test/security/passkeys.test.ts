import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Row } from '../../src/api/model.ts'
import { Authenticator } from '../authenticator.ts'
import { aPasskey, anApp, aValidation } from '../authenticators.ts'
import { aUser } from '../builders.ts'
import { aFlow, aStage, assertDone, errorsOf, FlowVisitor } from '../flows.ts'
import { server } from '../harness.ts'

test('34 only the method that a stage demands satisfies it, whatever was proved before', async () => {
  const { app, ctx } = await server()
  const user = await aUser(ctx, { password: 'right' })
  const app1 = await anApp(ctx, user)
  const passkey = await aPasskey(ctx, user)
  const easy = await aValidation(ctx, { last_auth_threshold: 'hours=1' })
  const strict = await aValidation(ctx, {
    device_classes: ['webauthn'],
    webauthn_user_verification: 'required',
    last_auth_threshold: 'hours=1',
  })
  const flow = (stage: Row) => aFlow(ctx, ['identification', 'password', stage, 'user_login'])
  const [first, second] = [await flow(easy), await flow(strict)]
  const visitor = new FlowVisitor(app)
  const through = async (slug: string) => {
    await visitor.challenge(slug)
    await visitor.challenge(slug, '', { uid_field: user.username })
    return visitor.challenge(slug, '', { password: 'right' })
  }
  await through(first.slug)
  assertDone(await visitor.challenge(first.slug, '', { code: app1.code(ctx.now()) }), '/')
  assert.ok(visitor.cookies.get('authentik_mfa'))
  // A fresh code for the one stage is nothing to the other, and a code is not what that takes.
  const asked = await through(second.slug)
  assert.deepEqual(
    asked.device_challenges.map((entry: Row) => entry.device_class),
    ['webauthn'],
  )
  const byCode = await visitor.challenge(second.slug, '', { code: app1.code(new Date(ctx.now().getTime() + 30_000)) })
  assert.deepEqual(errorsOf(byCode), { code: ['No compatible device class allowed'] })
  const { challenge } = byCode.device_challenges[0]
  const touched = await visitor.challenge(second.slug, '', { webauthn: passkey.authenticator.get(challenge, { verified: false }) })
  assert.deepEqual(errorsOf(touched), { webauthn: ['Assertion failed'] })
  const { challenge: last } = touched.device_challenges[0]
  assertDone(await visitor.challenge(second.slug, '', { webauthn: passkey.authenticator.get(last) }), '/')
})

test('35 an assertion made for one stage moves no other on', async () => {
  const { app, ctx } = await server()
  const user = await aUser(ctx, { password: 'right' })
  const { authenticator } = await aPasskey(ctx, user)
  const rules = await aValidation(ctx)
  const identification = await aStage(ctx, 'identification', { webauthn_stage: rules.stage_uuid })
  const { slug } = await aFlow(ctx, [identification, 'password', await aValidation(ctx), 'user_login'])
  const visitor = new FlowVisitor(app)
  const shown = await visitor.challenge(slug)
  const early = authenticator.get(shown.passkey_challenge)
  await visitor.challenge(slug, '', { uid_field: user.username })
  await visitor.challenge(slug, '', { passkey: early })
  const asked = await visitor.challenge(slug, '', { password: 'right' })
  assert.equal(asked.component, 'ak-stage-authenticator-validate')
  assert.deepEqual(errorsOf(await visitor.challenge(slug, '', { webauthn: early })), { webauthn: ['Assertion failed'] })
})

test('82 an origin is compared whole: badexample.com is not example.com', async () => {
  const { app, ctx } = await server()
  const user = await aUser(ctx, { password: 'right' })
  const { slug } = await aFlow(ctx, ['identification', 'authenticator_webauthn'], { designation: 'stage_configuration' })
  const visitor = new FlowVisitor(app, { host: 'example.com' })
  await visitor.challenge(slug)
  let shown = await visitor.challenge(slug, '', { uid_field: user.username })
  assert.equal(shown.registration.rp.id, 'example.com')
  for (const origin of [
    'https://badexample.com',
    'https://example.com.bad.test',
    'https://a.example.com',
    'http://example.com',
    'https://example.com:8443',
    'https://example.com@bad.test',
    'null',
    '',
  ]) {
    shown = await visitor.challenge(slug, '', { response: new Authenticator({ origin }).create(shown.registration) })
    assert.match(errorsOf(shown).response![0]!, /origin/, origin)
  }
  const authenticator = new Authenticator({ origin: 'https://example.com' })
  assertDone(await visitor.challenge(slug, '', { response: authenticator.create(shown.registration) }), '/')

  // Made for one host of ours, it is worth nothing on another.
  const signIn = await aFlow(ctx, [await aValidation(ctx, { device_classes: ['webauthn'] }), 'user_login'])
  const elsewhere = new FlowVisitor(app, { host: 'badexample.com' })
  const asked = await elsewhere.challenge(signIn.slug)
  const { challenge } = asked.device_challenges[0]
  assert.equal(challenge.rpId, 'badexample.com')
  for (const deviation of [{ rpId: 'example.com' }, { origin: 'https://badexample.com', rpId: 'example.com' }]) {
    const again = await elsewhere.challenge(signIn.slug)
    const refused = await elsewhere.challenge(signIn.slug, '', {
      webauthn: authenticator.get(again.device_challenges[0].challenge, deviation),
    })
    assert.deepEqual(errorsOf(refused), { webauthn: ['Assertion failed'] })
  }
})
