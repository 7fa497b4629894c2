import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { Row } from '../../src/api/model.ts'
import { DatabaseTarget } from '../../src/blueprints/database-target.ts'
import { applyBlueprint } from '../../src/blueprints/importer.ts'
import { parseBlueprint } from '../../src/blueprints/parse.ts'
import { aUser } from '../builders.ts'
import { assertDone, FlowVisitor } from '../flows.ts'
import { ownServer } from '../harness.ts'
import { codeIn } from '../codes.ts'
import { mailbox } from '../sent-codes.ts'

const A = '/api/v3'
const mails = await mailbox()
const server = await ownServer(mails.env)
const { app, ctx, deps, admin } = server
after(mails.close)

/** Applies an example as an operator does, by the API's own rights. */
async function applyExample(name: string): Promise<void> {
  const folder = join(deps.root, 'blueprints')
  const path = `example/flow-authenticator-${name}-setup.yaml`
  const target = new DatabaseTarget(ctx, { folder, system: null, protect: false })
  const document = parseBlueprint(readFileSync(join(folder, path), 'utf8'))
  const { success, logs } = await applyBlueprint(document, target, { name: path, system: null, protect: false, now: ctx.now })
  assert.ok(success, JSON.stringify(logs))
}

test('R-312 the set-up stage for codes by mail exists, its code arrives by mail, and so does that of the next sign-in', async () => {
  await applyExample('email')
  const { body: stages } = await admin.get(`${A}/stages/authenticator/email/?search=default-authenticator-email-setup`)
  assert.partialDeepStrictEqual(stages.results, [{ meta_model_name: 'authentik_stages_authenticator_email.authenticatoremailstage' }])

  const user = await aUser(ctx, { password: 'a password' })
  const visitor = new FlowVisitor(app)
  await visitor.signIn(user.username as string, 'a password')
  const { body: settings } = await visitor.get(`${A}/stages/all/user_settings/`)
  const { configure_url: url, component } = settings.find((one: Row) => one.title === 'Email Device')
  assert.equal(component, 'ak-user-settings-authenticator-email')
  const { path } = await visitor.follow(url)
  const slug = path.split('/')[3]!
  assert.equal((await visitor.challenge(slug)).email_required, false)
  const [mail] = await mails.delivered(server)
  assert.deepEqual([mail!.to, mail!.headers.subject], [[user.email], 'Your sign-in code'])
  assertDone(await visitor.challenge(slug, '', { code: codeIn(mail!.text) }), '/')

  const again = new FlowVisitor(app)
  const asked = await again.signIn(user.username as string, 'a password')
  assert.equal(asked.component, 'ak-stage-authenticator-validate')
  const SIGN_IN = 'default-authentication-flow'
  await again.challenge(SIGN_IN, '', { selected_challenge: asked.device_challenges[0] })
  const [second] = await mails.delivered(server)
  assertDone(await again.challenge(SIGN_IN, '', { code: codeIn(second!.text) }), '/')
  assert.equal((await again.get(`${A}/core/users/me/`)).body.user.username, user.username)
})

for (const kind of ['sms', 'duo']) {
  test(`the example for ${kind} makes a flow that people find in their settings`, async () => {
    await applyExample(kind)
    const { body } = await admin.get(`${A}/stages/authenticator/${kind}/?search=default-authenticator-${kind}-setup`)
    assert.equal(body.results.length, 1)
    assert.equal((await admin.get(`${A}/flows/instances/default-authenticator-${kind}-setup/`)).status, 200)
    const { body: settings } = await admin.get(`${A}/stages/all/user_settings/`)
    assert.ok(settings.some((one: Row) => one.component === `ak-user-settings-authenticator-${kind}`))
  })
}
