import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aRole, aToken, aUser } from '../../test/builders.ts'
import { ownServer } from '../../test/harness.ts'
import type { Job } from './job.ts'
import { makeRunner } from './runner.ts'
import { syncSchedules } from './schedules.ts'

const URL = '/api/v3/tasks/schedules/'
const HOUR = 3_600_000

const aJob = (name: string, crontab: string) => {
  const runs: number[] = []
  const job: Job = { name, description: `Does ${name}.`, schedule: { crontab }, run: async ctx => void runs.push(ctx.now().getTime()) }
  return { job, runs }
}

test('administrators pause schedules, put them at other times, and have them run now', async () => {
  const { admin, client, ctx, clock } = await ownServer()
  const { job, runs } = aJob('hourly', '0 * * * *')
  await syncSchedules(ctx, [job])
  const find = async () => (await admin.get(`${URL}?actor_name=hourly`)).body.results[0]
  const schedule = await find()
  assert.partialDeepStrictEqual(schedule, {
    identifier: 'hourly',
    uid: 'hourly',
    crontab: '0 * * * *',
    rel_obj_app_label: '',
    rel_obj_id: null,
    last_task_status: null,
  })
  const path = `${URL}${schedule.id}/`
  const runner = makeRunner(ctx, [job])

  assert.equal((await admin.post(`${path}send/`)).status, 204)
  await runner.step()
  assert.deepEqual([runs.length, (await find()).last_task_status], [1, 'done'])

  assert.equal((await admin.patch(path, { paused: true })).status, 200)
  clock.advance(2 * HOUR)
  await runner.step()
  assert.equal(runs.length, 1)
  const moved = await admin.put(path, { crontab: '30 * * * *', paused: false })
  assert.equal(moved.status, 200, moved.text)
  assert.match(moved.body.next_run, /:30:00/)
  // What an administrator chose outlives restarts, and new versions that would have it otherwise.
  await syncSchedules(ctx, [job])
  await syncSchedules(ctx, [aJob('hourly', '0 3 * * *').job])
  assert.equal((await find()).crontab, '30 * * * *')
  for (const crontab of ['whenever', '', '61 * * * *']) assert.equal((await admin.patch(path, { crontab })).status, 400)

  const listed = async (query: string) => (await admin.get(`${URL}?actor_name=hourly&${query}`)).body.pagination.count
  assert.deepEqual(
    await Promise.all(['rel_obj_id__isnull=true', 'rel_obj_id__isnull=false', 'rel_obj_id=nonsense', 'paused=false'].map(listed)),
    [1, 0, 0, 1],
  )
  const viewer = await aUser(ctx)
  await aRole(ctx, viewer, ['authentik_tasks_schedules.view_schedule'])
  const looking = client(await aToken(ctx, viewer))
  assert.equal((await looking.get(path)).status, 200)
  assert.equal((await looking.post(`${path}send/`)).status, 403)
  assert.equal((await looking.patch(path, { paused: true })).status, 403)
})
