import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, test } from 'node:test'
import { aUser } from '../../../test/builders.ts'
import { ownServer, server } from '../../../test/harness.ts'
import { ask } from '../../../test/policies.ts'
import type { Row } from '../../api/model.ts'

const judge = async (values: Row, password: string, user?: Row) => {
  const { passing, messages } = await ask('password', values, { user, context: { prompt_data: { password } } })
  return [passing, ...messages]
}

test('static rules count what is in a password', async () => {
  const rules = { length_min: 8, amount_uppercase: 2, amount_lowercase: 2, amount_digits: 1, amount_symbols: 1, error_message: 'Not good.' }
  const cases: [string, boolean][] = [
    ['ABcd1!xyz', true],
    ['ABcd1!', false],
    ['Abcd1!xyz', false],
    ['ABCD1!XYz', false],
    ['ABcd!xyzz', false],
    ['ABcd1xyzz', false],
    ['ÄBcd1!xyz', false],
  ]
  for (const [password, good] of cases) assert.deepEqual(await judge(rules, password), good ? [true] : [false, 'Not good.'], password)
  assert.deepEqual(await judge({ length_min: 3 }, '😀😀'), [false, ''])
  assert.deepEqual(await judge({ length_min: 2 }, '😀😀'), [true])
  assert.deepEqual(await judge({ amount_symbols: 1, symbol_charset: 'xy' }, 'a!'), [false, ''])
  assert.deepEqual(await judge({ length_min: 30, check_static_rules: false }, 'a'), [true])
})

test('the password is looked for in the form, then among the other facts', async () => {
  const values = { password_field: 'new', length_min: 3 }
  const said = async (context: Row) => (await ask('password', values, { context })).messages
  assert.deepEqual(await said({ prompt_data: { password: 'abcd' } }), ['Password not set in context'])
  assert.deepEqual(await said({ new: 'ab' }), [''])
  assert.deepEqual(await said({ new: 'ab', prompt_data: { new: 'abc' } }), [])
})

test('what is easy to guess is refused, also for those who know the person', async () => {
  const { ctx } = await server()
  const user = await aUser(ctx, { username: 'zyxwvut-qponmlk', name: 'Zyxwvut Qponmlk' })
  const values = { check_zxcvbn: true, zxcvbn_score_threshold: 2 }
  const weak = await judge(values, 'password1')
  assert.deepEqual(weak.slice(0, 2), [false, 'Password is too weak.'])
  assert.ok(weak.length > 2)
  assert.deepEqual(await judge(values, 'correct horse battery staple'), [true])
  assert.equal((await judge(values, 'zyxwvut-qponmlk', user))[0], false)
  assert.equal((await judge(values, 'x'.repeat(100_000)))[0], false)
})

test('leaked passwords are asked for by a piece of their hash', async () => {
  const asked: string[] = []
  const hash = (password: string) => createHash('sha1').update(password).digest('hex').toUpperCase()
  let status = 200
  const service = createServer((request, response) => {
    asked.push(request.url!)
    response.writeHead(status)
    response.end([`${'0'.repeat(35)}:5`, `${hash('leaked').slice(5)}:3`, `${hash('padding').slice(5)}:0`].join('\r\n'))
  }).listen(0, '127.0.0.1')
  await once(service, 'listening')
  after(() => service.close())
  const url = `http://127.0.0.1:${(service.address() as AddressInfo).port}/range`
  const own = await ownServer({ SIGNET_LEAKED_PASSWORDS_URL: url, SIGNET_OUTGOING_ALLOW: '127.0.0.1' })
  const said = async (password: string, values: Row = {}) => {
    const decision = await ask('password', { check_have_i_been_pwned: true, ...values }, { on: own, context: { password } })
    return [decision.passing, ...decision.messages]
  }
  assert.deepEqual(await said('leaked'), [false, 'Password exists on 3 online lists.'])
  assert.deepEqual(asked, [`/range/${hash('leaked').slice(0, 5)}`])
  assert.deepEqual(await said('leaked', { hibp_allowed_count: 3 }), [true])
  assert.deepEqual(await said('padding'), [true])
  assert.deepEqual(await said('not leaked'), [true])
  status = 503
  assert.deepEqual(await said('leaked'), [false, 'The list of leaked passwords answers with status 503.'])
  const { rows } = { rows: await own.ctx.db.selectFrom('event').select('context').where('action', '=', 'policy_exception').execute() }
  assert.match(JSON.stringify(rows), /answers with status 503/)
  assert.doesNotMatch(JSON.stringify(rows), /"leaked"/)
})

test('the flow for changing a password wants a good one', async () => {
  const { admin } = await server()
  const { results } = (await admin.get('/api/v3/policies/password/?name=default-password-change-password-policy')).body
  assert.partialDeepStrictEqual(results, [{ length_min: 8, check_zxcvbn: true, zxcvbn_score_threshold: 2, password_field: 'password' }])
  const [stage] = (await admin.get('/api/v3/stages/prompt/stages/?name=default-password-change-prompt')).body.results
  assert.deepEqual(stage.validation_policies, [results[0].pk])
})
