import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { Browser, PASSWORD, RACERS, tally, thePair } from './pair.ts'

/** What must be true once, with two server processes over one database. */

describe('two processes over one database', () => {
  let pair: Awaited<ReturnType<typeof thePair>>
  let api: (typeof pair)['api']
  before(async () => {
    pair = await thePair()
    api = pair.api
  })

  test('of fifty who send the form at once, one gets through a single-use invitation, and the others read why not', async () => {
    const flow = await api('GET', '/flows/instances/invitation-enrollment/')
    const group = await api('POST', '/core/groups/', { name: 'invited' })
    const invitation = await api('POST', '/signet/invitations/', { name: 'race', flow: flow.pk, groups: [group.pk] })
    const query = new URL(invitation.link).search.slice(1)
    const field = pair.racers()
    await Promise.all(field.map(async ({ browser }) => assert.equal((await browser.step(flow.slug, query)).component, 'ak-stage-prompt')))
    const ends = await Promise.all(
      field.map(({ index, browser }) =>
        browser.step(flow.slug, query, { username: `racer-${index}`, password: PASSWORD, password_repeat: PASSWORD }),
      ),
    )
    const told = ends.map(end => (end.component === 'xak-flow-redirect' ? 'in' : end.error_message))
    assert.deepEqual(tally(told), {
      in: 1,
      'This invitation was already used.': RACERS - 1,
    })
    const users = await api('GET', '/core/users/?search=racer-')
    assert.equal(users.pagination.count, 1)
    assert.deepEqual(users.results[0].groups, [group.pk])
    const record = await api('GET', `/signet/invitations/${invitation.pk}/`)
    assert.deepEqual([record.state, record.opened_count, record.used_count], ['used', RACERS, 1])
    assert.equal(record.used_by[0].user, users.results[0].pk)
  })

  test('of fifty who confirm one recovery link at once, one gets to choose a password, and the others read that it was used', async () => {
    const user = await api('POST', '/core/users/', { username: 'forgetful', name: 'Forgetful', email: 'forgetful@example.test' })
    const asker = new Browser(pair.origins[0]!)
    await asker.step('default-recovery-flow', '')
    await asker.step('default-recovery-flow', '', { uid_field: user.username })
    const [mail] = await pair.smtp.arrived(1, ({ to }) => to.includes(user.email as string))
    const query = new URL(/https:\S+flow_token=[\w-]+/.exec(mail!.text)![0]).search.slice(1)
    const field = await Promise.all(
      pair.racers().map(async ({ browser }) => ({ browser, challenge: await browser.step('default-recovery-flow', query) })),
    )
    assert.deepEqual(new Set(field.map(({ challenge }) => challenge.component)), new Set(['ak-stage-consent']))
    const ends = await Promise.all(
      field.map(({ browser, challenge }) => browser.step('default-recovery-flow', query, { token: challenge.token })),
    )
    const told = ends.map(end => (end.component === 'ak-stage-prompt' ? 'in' : `${end.component}: ${end.error_message}`))
    assert.deepEqual(tally(told), {
      in: 1,
      'ak-stage-access-denied: This link was used already.': RACERS - 1,
    })
  })

  test('a rule that sees an event in either process tells its people once', async () => {
    const admin = (await api('GET', '/core/users/me/')).user
    const [transport] = (await api('GET', '/events/transports/?name=default-email-transport')).results
    const [group] = (await api('GET', '/core/groups/?name=authentik+Admins')).results
    const policy = await api('POST', '/policies/expression/', {
      name: 'told',
      expression: 'return request.context["event"].action == "custom_told"',
    })
    const rule = await api('POST', '/events/rules/', { name: 'told', destination_group: group.pk, transports: [transport.pk] })
    await api('POST', '/policies/bindings/', { target: rule.pk, policy: policy.pk, order: 0 })
    await pair.known()
    await Promise.all(
      pair.origins.flatMap((origin, at) =>
        Array.from({ length: 5 }, (_, index) =>
          fetch(`${origin}/api/v3/events/events/`, {
            method: 'POST',
            headers: { authorization: `Bearer ${pair.token}`, 'content-type': 'application/json' },
            body: JSON.stringify({ action: 'custom_told', app: 'test', context: { message: `told ${at}-${index}` } }),
          }),
        ),
      ),
    )
    const told = await pair.smtp.arrived(10, mail => /told \d-\d/.test(mail.text))
    assert.equal(new Set(told.map(mail => /told \d-\d/.exec(mail.text)![0])).size, 10)
    assert.equal(told.length, 10)
    assert.ok(told.every(mail => mail.to.includes(admin.email)))
  })
})
