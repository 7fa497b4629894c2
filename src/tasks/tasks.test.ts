import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ownServer } from '../../test/harness.ts'
import { aToken, aUser } from '../../test/builders.ts'
import { hashToken } from '../crypto/secrets.ts'
import { systemContext, transact, type Ctx } from '../context.ts'
import type { Job } from './job.ts'
import { jobs } from './jobs.ts'
import { cleanExpired, cleanTasks } from './jobs/purge.ts'
import { withLease } from './lease.ts'
import { claim, enqueue, LEASE, renew } from './queue.ts'
import { makeRunner } from './runner.ts'
import { nextRun, syncSchedules } from './schedules.ts'

const MINUTE = 60_000 // ms
const HOUR = 3_600_000
const DAY = 86_400_000

let own: ReturnType<typeof ownServer> | undefined
/** One for this file, since jobs are about the whole installation; its time goes forward only where a test says so. */
const installation = () => (own ??= ownServer().then(made => (made.clock.hold(), made)))

const taskAt = (ctx: Ctx, id: string) => ctx.db.selectFrom('task').selectAll().where('message_id', '=', id).executeTakeFirstOrThrow()
const statusOf = async (ctx: Ctx, id: string) => {
  const { state, aggregated_status, retries } = await taskAt(ctx, id)
  return [state, aggregated_status, retries]
}

/** A job whose runs are noted; `how` decides what becomes of each. */
function aJob(name: string, how: Job['run'] = async () => {}, rest: Partial<Job> = {}): Job & { runs: unknown[] } {
  const runs: unknown[] = []
  return { name, description: name, runs, run: async (ctx, args, run) => (runs.push(args), how(ctx, args, run)), ...rest }
}

test('a queued task runs with its arguments and keeps what it logged', async () => {
  const { ctx } = await installation()
  const job = aJob('greet', async (_ctx, { name }, { log }) => log('warning', `hello ${String(name)}`))
  const id = await transact(ctx, ctx => enqueue(ctx, 'greet', { name: 'Ada' }, { uid: 'Ada' }))
  await makeRunner(ctx, [job]).step()
  assert.deepEqual(job.runs, [{ name: 'Ada' }])
  assert.deepEqual(await statusOf(ctx, id), ['done', 'warning', 0])
  assert.partialDeepStrictEqual((await taskAt(ctx, id)).logs, [{ event: 'hello Ada', log_level: 'warning', logger: 'greet' }])
})

test('a task of a transaction that is rolled back does not exist', async () => {
  const { ctx } = await installation()
  const job = aJob('never')
  await assert.rejects(
    transact(ctx, async ctx => {
      await enqueue(ctx, 'never')
      throw new Error('rolled back')
    }),
  )
  await makeRunner(ctx, [job]).step()
  assert.deepEqual(job.runs, [])
})

test('a failed task is tried again, later each time, and given up with an event', async () => {
  const { ctx, clock } = await installation()
  const job = aJob(
    'fail',
    async () => {
      throw new Error('no luck')
    },
    { maxRetries: 2 },
  )
  const id = await enqueue(ctx, 'fail')
  const runner = makeRunner(ctx, [job])
  const first = await runner.step()
  assert.deepEqual(await statusOf(ctx, id), ['queued', 'queued', 1])
  assert.ok(first! > ctx.now())
  await runner.step()
  assert.equal(job.runs.length, 1, 'not before its time')
  clock.advance(MINUTE)
  await runner.step()
  clock.advance(MINUTE)
  await runner.step()
  assert.deepEqual([job.runs.length, await statusOf(ctx, id)], [3, ['rejected', 'error', 2]])
  const { logs, previous_logs } = await taskAt(ctx, id)
  assert.deepEqual([(logs as unknown[]).length, (previous_logs as unknown[]).length], [1, 2])
  const events = await ctx.db.selectFrom('event').select('context').where('action', '=', 'system_exception').execute()
  assert.deepEqual(
    events.map(({ context }) => (context as { message: string }).message).filter(message => message.startsWith('Task fail ')),
    ['Task fail failed: no luck'],
  )
})

test('a job that takes too long counts as failed', async () => {
  const { ctx } = await installation()
  const job = aJob('slow', (_ctx, _args, { signal }) => new Promise(resolve => signal.addEventListener('abort', () => resolve())), {
    timeLimit: 20,
    maxRetries: 0,
  })
  const id = await enqueue(ctx, 'slow')
  await makeRunner(ctx, [job]).step()
  const [status, event] = [await statusOf(ctx, id), ((await taskAt(ctx, id)).logs as { event: string }[])[0]?.event]
  assert.deepEqual([status, event], [['rejected', 'error', 0], 'not done within 0.02 s'])
})

test('of many that take a task one gets it; when its process dies another one does', async () => {
  const { ctx, clock } = await installation()
  await enqueue(ctx, 'shared')
  const owners = Array.from({ length: 10 }, (_, index) => `runner ${index}`)
  const taken = await Promise.all(owners.map(owner => claim(ctx, owner, ['shared'])))
  const [winner] = owners.filter((_, index) => taken[index])
  assert.equal(taken.filter(Boolean).length, 1)
  assert.equal(await claim(ctx, 'late', ['shared']), undefined)
  clock.advance(LEASE / 2)
  assert.equal(await renew(ctx, winner!, taken.find(Boolean)!.message_id), true)
  clock.advance(LEASE * 0.75)
  assert.equal(await claim(ctx, 'late', ['shared']), undefined, 'it was renewed')
  clock.advance(LEASE / 2)
  assert.equal((await claim(ctx, 'late', ['shared']))?.retries, 1)
  assert.equal(await renew(ctx, winner!, taken.find(Boolean)!.message_id), false)
})

test('tasks of jobs that this version does not know are left alone', async () => {
  const { ctx } = await installation()
  const id = await enqueue(ctx, 'of a newer version')
  await makeRunner(ctx, [aJob('known')]).step()
  assert.deepEqual(await statusOf(ctx, id), ['queued', 'queued', 0])
})

test('crontabs are read in UTC, and the jitter of an installation is always the same', () => {
  const from = new Date('2026-03-29T00:30:00Z')
  assert.equal(nextRun('0 2 * * *', from).toISOString(), '2026-03-29T02:00:00.000Z')
  const late = nextRun('0 2 * * *', from, { jitter: HOUR, seed: 'a' })
  assert.ok(late.getTime() > Date.parse('2026-03-29T02:00:00Z') && late.getTime() < Date.parse('2026-03-29T03:00:00Z'))
  assert.equal(nextRun('0 2 * * *', late, { jitter: HOUR, seed: 'a' }).getTime() - late.getTime(), DAY)
  assert.throws(() => nextRun('whenever', from))
})

test('a schedule queues its job once among all runners, and not while the former run is under way', async () => {
  const { ctx, clock } = await installation()
  const job = aJob('hourly', undefined, { schedule: { crontab: '0 * * * *' } })
  const runners = [makeRunner(ctx, [job]), makeRunner(ctx, [job])]
  await syncSchedules(ctx, [job])
  await Promise.all(runners.map(runner => runner.step()))
  assert.equal(job.runs.length, 0)
  clock.advance(HOUR)
  await Promise.all(runners.map(runner => runner.step()))
  assert.equal(job.runs.length, 1)
  clock.advance(10 * HOUR)
  const next = await runners[0]!.step()
  assert.equal(job.runs.length, 2, 'what was missed runs once')
  assert.ok(next! > ctx.now() && next!.getTime() <= ctx.now().getTime() + HOUR)
  await ctx.db.updateTable('schedule').set({ paused: true }).execute()
  await syncSchedules(ctx, [job])
  clock.advance(HOUR)
  await runners[0]!.step()
  assert.equal(job.runs.length, 2, 'paused')
})

test('a runner that is started notices what is queued, and ends what runs when it stops', async () => {
  const { ctx } = await installation()
  const began = Promise.withResolvers<void>()
  const job = aJob(
    'wait',
    (_ctx, _args, { signal }) => (began.resolve(), new Promise(resolve => signal.addEventListener('abort', () => resolve()))),
  )
  const runner = makeRunner(ctx, [job])
  await runner.start()
  const id = await enqueue(ctx, 'wait')
  await began.promise
  assert.equal((await taskAt(ctx, id)).state, 'running')
  await runner.stop(5_000)
  assert.equal((await taskAt(ctx, id)).state, 'done')
})

test('two that hold a lease work one after the other', async () => {
  const { deps } = await installation()
  const ctx = systemContext(deps)
  const order: string[] = []
  const first = Promise.withResolvers<void>()
  const one = withLease(ctx, 'it', async () => {
    order.push('one begins')
    await first.promise
    order.push('one ends')
  })
  const two = withLease(ctx, 'it', async () => void order.push('two'))
  setImmediate(() => first.resolve())
  await Promise.all([one, two])
  assert.ok(order.join() === 'one begins,one ends,two' || order.join() === 'two,one begins,one ends', order.join())
})

test('what is over goes; API tokens get a new key instead', async () => {
  const { ctx, clock, admin, client } = await installation()
  const user = await aUser(ctx)
  const soon = { expiring: true, expires: new Date(ctx.now().getTime() + MINUTE) }
  const api = await aToken(ctx, user, { ...soon, identifier: 'api' })
  await aToken(ctx, user, { ...soon, identifier: 'app', intent: 'app_password' })
  await aToken(ctx, user, { ...soon, identifier: 'recovery', intent: 'recovery' })
  await aToken(ctx, user, { identifier: 'stays' })
  const now = ctx.now()
  const session = (hash: string, expires: Date) => ({
    session_hash: hash,
    uuid: ctx.uuid(),
    user: null,
    data: '{}',
    created: now,
    expires,
    persistent: false,
    last_used: now,
    last_ip: '',
    last_user_agent: '',
  })
  await ctx.db
    .insertInto('session')
    .values([
      ...Array.from({ length: 1_201 }, (_, index) => session(`old ${index}`, soon.expires)),
      session('new', new Date(now.getTime() + DAY)),
    ])
    .execute()
  clock.advance(2 * MINUTE)
  const id = await enqueue(ctx, cleanExpired.name)
  await makeRunner(ctx, [cleanExpired]).step()
  assert.partialDeepStrictEqual((await taskAt(ctx, id)).logs, [{ attributes: { sessions: 1_201, tokens: 3 } }])
  assert.deepEqual(
    (await ctx.db.selectFrom('session').select('session_hash').execute()).map(row => row.session_hash),
    ['new'],
  )
  const left = await ctx.db
    .selectFrom('token')
    .select(['identifier', 'key_hash', 'key_sealed', 'expires'])
    .where('user', '=', user.id as number)
    .orderBy('identifier')
    .execute()
  assert.deepEqual(
    left.map(({ identifier }) => identifier),
    ['api', 'stays'],
  )
  const key = ctx.secrets.open(left[0]!.key_sealed)
  assert.ok(key !== api && hashToken(key) === left[0]!.key_hash && left[0]!.expires! > ctx.now())
  assert.equal((await client(api).get('/api/v3/core/users/me/')).status, 403)
  assert.equal((await client(key).get('/api/v3/core/users/me/')).status, 200)
  assert.equal((await admin.get('/api/v3/core/users/me/')).status, 200)
  const event = await ctx.db.selectFrom('event').select('context').where('action', '=', 'secret_rotate').executeTakeFirstOrThrow()
  assert.ok(!JSON.stringify(event.context).includes(key))
})

test('tasks that ended long ago go', async () => {
  const { ctx, clock } = await installation()
  const old = await enqueue(ctx, 'known')
  const runner = makeRunner(ctx, [aJob('known'), cleanTasks])
  await runner.step()
  const waiting = await enqueue(ctx, 'unknown')
  clock.advance(31 * DAY)
  await enqueue(ctx, cleanTasks.name)
  await runner.step()
  const ids = (await ctx.db.selectFrom('task').select('message_id').execute()).map(row => row.message_id)
  assert.deepEqual([ids.includes(old), ids.includes(waiting)], [false, true])
})

test('every job of the program has a name of its own and a crontab that comes', () => {
  assert.equal(new Set(jobs.map(({ name }) => name)).size, jobs.length)
  for (const { schedule } of jobs) if (schedule) nextRun(schedule.crontab, new Date(0), schedule)
})
