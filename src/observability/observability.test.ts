import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Registry } from 'prom-client'
import type { LogLevel } from '../config.ts'
import { accessLines } from './access.ts'
import { makeLog } from './log.ts'
import { exposition, makeMetrics } from './metrics.ts'
import { redact, REDACTED, redactAddress } from './redact.ts'

function collect(level: LogLevel = 'info') {
  const text: string[] = []
  const log = makeLog({ level, now: () => new Date('2026-01-02T03:04:05.678Z') }, { write: line => void text.push(line) })
  return { log, text, lines: () => text.map(line => JSON.parse(line) as Record<string, unknown>) }
}

test('a line has event, level, timestamp, logger and request_id', () => {
  const { log, lines } = collect()
  log.child({ logger: 'signet.flows' }).child({ request_id: 'abc' }).warn({ status: 200 }, 'answered')
  log.debug('not shown')
  assert.deepEqual(lines(), [
    { level: 'warning', timestamp: '2026-01-02T03:04:05.678Z', logger: 'signet.flows', request_id: 'abc', status: 200, event: 'answered' },
  ])
})

test('a line has each name once, also when a field is called as the text is', () => {
  const { log, text } = collect()
  log.info({ event: 'a field', status: 1 }, 'the text')
  assert.equal(text.join('').match(/"event":/g)?.length, 1)
  assert.partialDeepStrictEqual(JSON.parse(text.join('')), { event: 'the text', event_field: 'a field', status: 1 })
})

test('secrets never reach the log, however they come', () => {
  const { log, text } = collect()
  const S = 'hunter2'
  const error = Object.assign(new Error('refused', { cause: new Error(`GET /?code=${S}`) }), {
    client_secret: S,
    options: { headers: { Authorization: S } },
  })
  log.info(
    {
      password: S,
      headers: { authorization: S, Cookie: S, 'set-cookie': [S], 'x-authentik-jwt': S },
      body: { client_secret: S, deep: { refresh_token: S } },
    },
    'a',
  )
  log.info(
    {
      code: S,
      list: [{ api_key: S }],
      code_verifier: S,
      url: `/x?code=${S}&scope=openid`,
      referer: `https://a.example/?next=%2Fcb%3Fcode%3D${S}%26x%3D1`,
    },
    'b',
  )
  log.child({ token: S }).error(error, 'c')
  log.error({ err: error, exception: error, error }, 'd')
  log.info({ path: `/recovery/use-token/${S}/` }, 'e')
  log.info({ event_fields: { query: `?itoken=${S}` } }, 'f')
  log.info({ req: { method: 'GET', url: `/x?token=${S}`, headers: { cookie: S } }, res: { statusCode: 200, token: S } }, 'g')
  assert.equal(text.length, 7)
  assert.match(text[6] ?? '', /"req":\{"method":"GET","url":"\/x\?token=\[redacted\]"\},"res":\{"status":200\}/)
  for (const line of text) assert.ok(!line.includes(S), line)
  assert.match(text[2] ?? '', /"exception":\{"type":"Error","message":"refused/)
})

test('a line of a request is what the log would write of the same fields', () => {
  const { log, text } = collect()
  const child = log.child({ logger: 'signet.access' })
  const access = { request_id: 'a', method: 'GET', path: '/', status: 200, ms: 0.1, remote: '::1', host: 'h:1', user: 'ann' }
  const odd = {
    ...access,
    path: '/recovery/use-token/hunter2/?code=hunter2&"\\\n\u2028ä',
    ms: 12,
    host: '"',
    user: `\u0000${'"x'.repeat(60)}\uD800`,
  }
  const headers = { user_agent: 'x"', authorization: 'hunter2', cookie: 'hunter2', referer: '/?code=hunter2', x: ['a', 'b'], empty: '' }
  for (const [one, more] of [[access, {}] as const, [odd, headers] as const]) {
    const write = accessLines(child, Object.keys(more))
    for (const level of ['info', 'error', 'debug'] as const) {
      write(level, one, Object.values(more), 'request')
      child[level]({ ...one, ...more }, 'request')
    }
  }
  assert.equal(text.length, 8)
  for (let i = 0; i < text.length; i += 2) assert.equal(text[i], text[i + 1])
  for (const line of text) assert.ok(!line.includes('hunter2'), line)
})

test('what operators look for stays', () => {
  const fields = {
    token_type: 'bearer',
    status_code: 200,
    token_uuid: 'u',
    password_policy: 'p',
    username: 'ann',
    keys: 3,
    none: null,
    token: null,
  }
  assert.deepEqual(redact(fields), fields)
  assert.deepEqual(redact({ a: { b: [1, 'x', new Date(0)] } }), { a: { b: [1, 'x', new Date(0)] } })
  const loop: Record<string, unknown> = {}
  loop['self'] = loop
  assert.match(JSON.stringify(redact(loop)), /\[deep\]/)
})

test('addresses keep all but their secret parameters', () => {
  const cases: [string, string][] = [
    ['/authorize?client_id=a&state=s&scope=openid', `/authorize?client_id=a&state=${REDACTED}&scope=openid`],
    ['https://a.example/cb#access_token=x&token_type=bearer', `https://a.example/cb#access_token=${REDACTED}&token_type=bearer`],
    ['/if/flow/x/?query=itoken%3Dabc%26y%3D1', '/if/flow/x/?query=itoken%3Dabc%26y%3D1'],
    ['/x?next=/a%3Fcode%3Dabc%26y%3D1', `/x?next=/a%3Fcode%3D${REDACTED}%26y%3D1`],
    ['/plain/path/', '/plain/path/'],
  ]
  for (const [address, expected] of cases) assert.equal(redactAddress(address), expected)
})

test('metrics have the names that dashboards know, and bounded labels (abuse case 78)', async () => {
  const registry = new Registry()
  const metrics = makeMetrics(registry)
  metrics.request('core', 'GET', 200, 0.002)
  metrics.request('evil' as 'core', 'BREW', 999, 0.002)
  for (let i = 0; i < 300; i++) metrics.flowPlanned(`flow-${i}`, 0.01)
  metrics.settings([
    { key: 'web.workers', value: 3 },
    { key: 'web.path', value: '/' },
  ])
  metrics.outpostsConnected.set({ outpost: 'o', uid: 'u', expected: '1' }, 1)
  const { contentType, text } = await exposition(registry)
  assert.match(contentType, /^text\/plain/)
  assert.match(text, /^authentik_main_request_duration_seconds_count\{dest="core"\} 1$/m)
  assert.match(text, /^authentik_main_request_duration_seconds_count\{dest="other"\} 1$/m)
  assert.match(text, /^django_http_requests_total_by_method_total\{method="other"\} 1$/m)
  assert.match(text, /^django_http_responses_total_by_status_total\{status="200"\} 1$/m)
  assert.match(text, /^signet_setting\{key="web.workers"\} 3$/m)
  assert.equal(text.match(/^authentik_flows_plan_time_count/gm)?.length, 201)
  const names = [
    'admin_workers',
    'tasks_workers',
    'tasks_queued',
    'flows_cached',
    'flows_plan_time',
    'flows_execution_stage_time',
    'flows_stage_time',
    'policies_cached',
    'policies_engine_time_total_seconds',
    'policies_execution_time',
    'property_mapping_execution_time',
    'outposts_connected',
    'outposts_last_update',
    'system_tasks',
    'system_tasks_time_seconds',
    'system_tasks_status',
  ]
  for (const name of names) assert.match(text, new RegExp(`^# TYPE authentik_${name} `, 'm'))
})
