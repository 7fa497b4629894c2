import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { aUser, unique } from '../../../test/builders.ts'
import { aFlow, aStage, errorsOf, FlowVisitor, type Shown } from '../../../test/flows.ts'
import { ownServer, server, type TestServer } from '../../../test/harness.ts'
import { solve } from '../../../web/flow/proof-of-work.ts'
import type { Row } from '../../api/model.ts'

const SETUP = { designation: 'stage_configuration' }

describe('a captcha by proof of work', () => {
  async function start(stages: Parameters<typeof aFlow>[1] = []) {
    const { app, ctx } = await server()
    const captcha = await aStage(ctx, 'captcha')
    const last = await aStage(ctx, 'dummy')
    const { slug } = await aFlow(ctx, [captcha, ...stages, last], SETUP)
    const visitor = new FlowVisitor(app)
    return { app, slug, visitor, captcha, last, shown: await visitor.challenge(slug) }
  }
  const WRONG = { token: ['Invalid captcha response'] }
  const AGAIN = { token: ['Invalid captcha response. Retrying may solve this issue.'] }

  test('asks the browser for work, and lets it pass once it is done', async () => {
    const { slug, visitor, last, shown } = await start()
    assert.equal(shown.component, 'ak-stage-captcha')
    assert.equal(shown.js_url, '/static/dist/proof-of-work.js')
    assert.equal(shown.interactive, false)
    const next = await visitor.challenge(slug, '', { token: await solve(shown.site_key) })
    assert.equal(next.name, last.name)
  })

  test('asks the same for as long as the question stands', async () => {
    const { slug, visitor, shown } = await start()
    assert.equal((await visitor.challenge(slug)).site_key, shown.site_key)
  })

  test('takes a solution once, and in the browser it was asked of alone', async () => {
    const { app, slug, visitor, captcha, shown } = await start()
    const token = await solve(shown.site_key)
    const other = new FlowVisitor(app)
    await other.challenge(slug)
    assert.deepEqual(errorsOf(await other.challenge(slug, '', { token })), WRONG)
    const { slug: twice } = await aFlow((await server()).ctx, [captcha, captcha, 'dummy'], SETUP)
    const again = new FlowVisitor(app)
    const first = await again.challenge(twice)
    const spent = await solve(first.site_key)
    const second = await again.challenge(twice, '', { token: spent })
    assert.equal(second.component, 'ak-stage-captcha')
    assert.notEqual(second.site_key, first.site_key)
    assert.deepEqual(errorsOf(await again.challenge(twice, '', { token: spent })), WRONG)
    assert.equal((await visitor.challenge(slug, '', { token })).component, 'ak-stage-dummy')
  })

  test('of two processes that are given the same solution at the same moment, one takes it', async () => {
    const { ctx } = await server()
    const { judge, puzzleFor } = await import('./proof-of-work.ts')
    const puzzle = puzzleFor(ctx, 'a stage', '/proof-of-work/?bits=8', undefined)
    const token = await solve(puzzle)
    const verdicts = await Promise.all(Array.from({ length: 10 }, () => judge(ctx, 'a stage', puzzle, token)))
    assert.equal(verdicts.filter(verdict => verdict === undefined).length, 1)
    assert.equal(verdicts.filter(verdict => verdict === 'already-seen-response').length, 9)
  })

  test('refuses what is not solved, not signed, made easier or for another stage', async () => {
    const { ctx } = await server()
    const { judge, puzzleFor } = await import('./proof-of-work.ts')
    const puzzle = puzzleFor(ctx, 'a stage', '/proof-of-work/?bits=9', undefined)
    const token = await solve(puzzle)
    const [bits, end, nonce, signature] = puzzle.split('.') as [string, string, string, string]
    const numbers = token.split(':')[1]!
    assert.equal(await judge(ctx, 'another stage', puzzle, token), 'invalid-input-response')
    for (const forged of [
      `8.${end}.${nonce}.${signature}`,
      `${bits}.${Number(end) + 600}.${nonce}.${signature}`,
      `${bits}.${end}.${nonce.toLowerCase()}.${signature}`,
      `${bits}.${end}.${nonce}.${'A'.repeat(43)}`,
      '',
    ])
      assert.equal(await judge(ctx, 'a stage', forged, `${forged}:${numbers}`), 'invalid-input-response', forged)
    for (const bad of [
      '',
      '0',
      Array.from({ length: 16 }, () => '0').join(','),
      `${numbers},1`,
      numbers.replace(/^\d+/, '-1'),
      numbers.replace(/^\d+/, '1e3'),
    ])
      assert.equal(await judge(ctx, 'a stage', puzzle, `${puzzle}:${bad}`), 'invalid-input-response', bad)
    assert.equal(await judge(ctx, 'a stage', puzzle, token), undefined)
  })

  test('a solution comes too late after ten minutes; a page that is opened again then has a new question', async () => {
    const { clock } = await server()
    const { slug, visitor, shown } = await start()
    const token = await solve(shown.site_key)
    try {
      clock.advance(10 * 60_000 + 2_000)
      const refused = await visitor.challenge(slug, '', { token })
      assert.deepEqual(errorsOf(refused), AGAIN)
      assert.notEqual(refused.site_key, shown.site_key)
      assert.equal((await visitor.challenge(slug, '', { token: await solve(refused.site_key) })).component, 'ak-stage-dummy')
    } finally {
      clock.reset()
    }
  })

  test('the difficulty is set by the address, within bounds', async () => {
    const { admin } = await server()
    const body = { name: unique('captcha'), public_key: 'none', private_key: 'none' }
    for (const bits of ['7', '25', 'x', '']) {
      const answer = await admin.post('/api/v3/stages/captcha/', { ...body, api_url: `/proof-of-work/?bits=${bits}` })
      assert.equal(answer.status, 400, bits)
      assert.deepEqual(Object.keys(answer.body), ['api_url'])
    }
    const made = await admin.post('/api/v3/stages/captcha/', { ...body, api_url: '/proof-of-work/?bits=10' })
    assert.equal(made.status, 201, made.text)
    assert.equal('private_key' in made.body, false)
    const { ctx } = await server()
    const { puzzleFor } = await import('./proof-of-work.ts')
    assert.match(puzzleFor(ctx, 'a stage', '/proof-of-work/?bits=10', undefined), /^10\./)
    assert.match(puzzleFor(ctx, 'a stage', '/proof-of-work/', undefined), /^17\./)
  })

  test('addresses that browsers must not run are not kept (abuse 6)', async () => {
    const { admin } = await server()
    for (const url of [
      'javascript:alert(1)',
      'data:text/javascript,1',
      ' javascript:alert(1)',
      'vbscript:x',
      '//evil.example/x',
      '/own.js',
      'ftp://x/',
    ]) {
      const body = { name: unique('captcha'), public_key: 'none', private_key: 'none' }
      assert.deepEqual(
        (await admin.post('/api/v3/stages/captcha/', { ...body, js_url: url })).body,
        { js_url: ['Enter a valid URL.'] },
        url,
      )
      assert.deepEqual(
        (await admin.post('/api/v3/stages/captcha/', { ...body, api_url: url })).body,
        { api_url: ['Enter a valid URL.'] },
        url,
      )
    }
  })

  test('inside the identification form it is asked of known and unknown names alike, and its failure is not told', async () => {
    const { app, ctx } = await server()
    const captcha = await aStage(ctx, 'captcha')
    const password = await aStage(ctx, 'password')
    const user = await aUser(ctx, { password: 'right' })
    for (const more of [{}, { password_stage: password.stage_uuid }]) {
      const identification = await aStage(ctx, 'identification', { captcha_stage: captcha.stage_uuid, ...more })
      const { slug } = await aFlow(ctx, [identification, 'dummy'])
      for (const uid_field of [user.username, unique('nobody')]) {
        const visitor = new FlowVisitor(app)
        let shown = await visitor.challenge(slug)
        assert.equal(shown.captcha_stage.js_url, '/static/dist/proof-of-work.js')
        assert.equal(shown.captcha_stage.pending_user, '')
        for (const captcha_token of [undefined, '', 'x', null, `${String(shown.captcha_stage.site_key)}:1`]) {
          shown = await visitor.challenge(slug, '', { uid_field, password: 'right', captcha_token })
          assert.deepEqual(errorsOf(shown), { non_field_errors: ['Failed to authenticate.'] })
        }
      }
      const visitor = new FlowVisitor(app)
      const shown = await visitor.challenge(slug)
      const answer = { uid_field: user.username, password: 'right', captcha_token: await solve(shown.captcha_stage.site_key) }
      assert.equal((await visitor.challenge(slug, '', answer)).component, 'ak-stage-dummy')
    }
  })
})

describe('a captcha of a provider', () => {
  let provider: Server
  let own: TestServer
  let says: { status?: number; body: string; location?: string }
  const asked: { type: string | undefined; body: string }[] = []
  before(async () => {
    provider = createServer((request, response) => {
      let body = ''
      request.on('data', chunk => (body += String(chunk)))
      request.on('end', () => {
        asked.push({ type: request.headers['content-type'], body })
        response
          .writeHead(says.status ?? 200, { 'content-type': 'application/json', ...(says.location && { location: says.location }) })
          .end(says.body)
      })
    }).listen(0, '127.0.0.1')
    await once(provider, 'listening')
    own = await ownServer({ SIGNET_OUTGOING_ALLOW: '127.0.0.0/8' })
  })
  after(() => void provider.close())

  const apiUrl = () => `http://127.0.0.1:${(provider.address() as AddressInfo).port}/siteverify`

  async function answerTo(response: object | string, values: Row = {}): Promise<Shown> {
    const { app, ctx } = own
    says = { body: typeof response === 'string' ? response : JSON.stringify(response) }
    const captcha = await aStage(ctx, 'captcha', {
      public_key: 'site',
      private_key: 'its secret',
      api_url: apiUrl(),
      js_url: 'https://captcha.example/api.js',
      ...values,
    })
    const { slug } = await aFlow(ctx, [captcha, 'dummy'], SETUP)
    const visitor = new FlowVisitor(app)
    const shown = await visitor.challenge(slug)
    assert.partialDeepStrictEqual(shown, { component: 'ak-stage-captcha', site_key: 'site', js_url: 'https://captcha.example/api.js' })
    asked.length = 0
    return visitor.challenge(slug, '', { token: 'a token' })
  }
  const told = async (response: object | string, values: Row = {}) => errorsOf(await answerTo(response, values)).token?.[0]
  const passes = async (response: object | string, values: Row = {}) => (await answerTo(response, values)).component === 'ak-stage-dummy'

  test('is asked with the secret, the token and the address of the browser', async () => {
    assert.ok(await passes({ success: true }))
    assert.equal(asked[0]!.type, 'application/x-www-form-urlencoded')
    assert.deepEqual(Object.fromEntries(new URLSearchParams(asked[0]!.body)), {
      secret: 'its secret',
      response: 'a token',
      remoteip: '127.0.0.1',
    })
    assert.ok(await passes({ success: true }, { request_content_type: 'application/json' }))
    assert.equal(asked[0]!.type, 'application/json')
    assert.deepEqual(JSON.parse(asked[0]!.body), { secret: 'its secret', response: 'a token', remoteip: '127.0.0.1' })
  })

  test('that refuses is believed; what another attempt may mend is said', async () => {
    assert.equal(await told({ success: false, 'error-codes': ['invalid-input-secret'] }), 'Invalid captcha response')
    assert.equal(await told({ success: false }), 'Invalid captcha response')
    assert.equal(await told({ success: 'true' }), 'Invalid captcha response')
    assert.equal(
      await told({ success: false, 'error-codes': ['timeout-or-duplicate'] }),
      'Invalid captcha response. Retrying may solve this issue.',
    )
    assert.equal(await told({ success: false, 'error-codes': ['timeout-or-duplicate', 'bad-request'] }), 'Invalid captcha response')
  })

  test('may give a score, which must lie between the thresholds', async () => {
    assert.ok(await passes({ success: true, score: 0.5 }))
    assert.ok(await passes({ success: true, score: 1 }))
    assert.equal(await told({ success: true, score: 0.4 }), 'Invalid captcha response')
    assert.equal(await told({ success: true, score: 0.9 }, { score_max_threshold: 0.8 }), 'Invalid captcha response')
    assert.equal(await told({ success: true, score: 'high' }), 'Invalid captcha response')
    assert.ok(await passes({ success: true, score: 0.1 }, { score_min_threshold: -1 }))
  })

  test('is not believed when it gives no proper answer', async () => {
    assert.equal(await told('no JSON'), 'Failed to validate token')
    assert.equal(await told('[true]'), 'Failed to validate token')
    assert.equal(await told('null'), 'Failed to validate token')
    assert.equal(await told({ success: true }, { api_url: 'http://127.0.0.1:1/' }), 'Failed to validate token')
    // Addresses inside this machine's network stay out of reach unless the operator opens them.
    assert.equal(await told({ success: true }, { api_url: 'http://169.254.169.254/siteverify' }), 'Failed to validate token')
  })

  test('that redirects is not followed with the secret', async () => {
    const { app, ctx } = own
    const captcha = await aStage(ctx, 'captcha', { api_url: apiUrl(), js_url: 'https://captcha.example/api.js' })
    const { slug } = await aFlow(ctx, [captcha, 'dummy'], SETUP)
    const visitor = new FlowVisitor(app)
    await visitor.challenge(slug)
    for (const status of [302, 307, 500]) {
      says = { status, body: '{"success":true}', location: apiUrl() }
      asked.length = 0
      assert.deepEqual(errorsOf(await visitor.challenge(slug, '', { token: 'a token' })), { token: ['Failed to validate token'] })
      assert.equal(asked.length, 1)
    }
  })

  test('leaves the judgement to policies where the stage says so, with what it answered', async () => {
    const { app, ctx, admin } = own
    const response = { success: false, score: 0.1, 'error-codes': ['x'] }
    assert.ok(await passes(response, { error_on_invalid_score: false }))
    says = { body: JSON.stringify(response) }
    const captcha = await aStage(ctx, 'captcha', {
      api_url: apiUrl(),
      js_url: 'https://captcha.example/api.js',
      error_on_invalid_score: false,
    })
    const deny = await aStage(ctx, 'deny', { deny_message: 'Too low.' })
    const { slug } = await aFlow(ctx, [captcha, { stage: deny, binding: { re_evaluate_policies: true } }, 'dummy'], SETUP)
    const binding = await ctx.db
      .selectFrom('flow_stage_binding')
      .selectAll()
      .where('stage', '=', deny.stage_uuid as string)
      .executeTakeFirstOrThrow()
    const expression = `return context["captcha"]["response"]["score"] < 0.5 and context["captcha"]["stage"].name == "${String(captcha.name)}"`
    const policy = await admin.post('/api/v3/policies/expression/', { name: unique('policy'), expression })
    await admin.post('/api/v3/policies/bindings/', { policy: policy.body.pk, target: binding.policybindingmodel_ptr_id, order: 0 })
    const visitor = new FlowVisitor(app)
    await visitor.challenge(slug)
    const shown = await visitor.challenge(slug, '', { token: 'a token' })
    assert.equal(shown.error_message, 'Too low.')
  })
})
