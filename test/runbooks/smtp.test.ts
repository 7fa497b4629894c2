import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { generateKeypair } from '../../src/crypto/self-signed.ts'
import { jobs } from '../../src/tasks/jobs.ts'
import { makeRunner } from '../../src/tasks/runner.ts'
import { aUser } from '../builders.ts'
import { aFlow, aStage, FlowVisitor } from '../flows.ts'
import { ownServer } from '../harness.ts'
import { mailServer } from '../smtp.ts'

const APP_PASSWORD = 'abcd efgh ijkl mnop'
const { certificate: cert, key } = await generateKeypair(
  { commonName: 'mail.example.test', alternativeNames: ['127.0.0.1'], validityDays: 2, algorithm: 'ecdsa' },
  { now: () => new Date() },
)
const known = getCACertificates('default')
setDefaultCACertificates([...known, cert])

/** A submission server as mail providers run them: nothing goes in without encryption and an app password. */
const smtp = await mailServer({
  authOptional: false,
  disabledCommands: [],
  key,
  cert,
  onAuth({ username, password }, session, done) {
    if (!session.secure || username !== 'operator@example.test' || password !== APP_PASSWORD)
      return done(Object.assign(new Error('Username and Password not accepted'), { responseCode: 535 }))
    done(null, { user: username })
  },
})
const { admin, app, clock, ctx } = await ownServer()
const runner = makeRunner(ctx, jobs)
after(async () => {
  setDefaultCACertificates(known)
  await smtp.close()
})

test('R-313 mail goes out by host and port with TLS on, SSL off and an app password; a wrong one is told to the operator', async () => {
  const settings = {
    use_global_settings: false,
    host: '127.0.0.1',
    port: smtp.port,
    username: 'operator@example.test',
    password: APP_PASSWORD,
    use_tls: true,
    use_ssl: false,
    from_address: 'operator@example.test',
    subject: 'Reset your password',
  }
  const stage = await admin.post('/api/v3/stages/email/', { name: 'submission', ...settings })
  assert.equal(stage.status, 201, stage.text)
  assert.ok(!('password' in stage.body), 'the app password is shown to nobody')
  const { slug } = await aFlow(ctx, [await aStage(ctx, 'identification', { user_fields: ['email'] }), { stage_uuid: stage.body.pk }], {
    designation: 'recovery',
  })
  const user = await aUser(ctx)
  const ask = async () => {
    const visitor = new FlowVisitor(app)
    await visitor.challenge(slug)
    await visitor.challenge(slug, '', { uid_field: user.email })
    clock.advance(1_000)
    await runner.step()
  }

  await ask()
  assert.partialDeepStrictEqual(smtp.mails, [{ to: [user.email], secure: true, user: 'operator@example.test' }])

  assert.equal((await admin.patch(`/api/v3/stages/email/${stage.body.pk}/`, { password: 'wrong' })).status, 200)
  await ask()
  assert.equal(smtp.mails.length, 1)
  const { results } = (await admin.get('/api/v3/events/events/?action=configuration_error&ordering=-created')).body
  assert.match(JSON.stringify(results), /Username and Password not accepted/)
  assert.ok(!JSON.stringify(results).includes(APP_PASSWORD))
})
