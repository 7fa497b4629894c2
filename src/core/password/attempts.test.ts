import assert from 'node:assert/strict'
import { test } from 'node:test'
import { unique } from '../../../test/builders.ts'
import { server } from '../../../test/harness.ts'
import { visitorAt } from '../../../test/policies.ts'
import type { Ctx } from '../../context.ts'
import { admitAttempt, noteRightPassword, noteWrongPassword, SlowDownError, type Attempt } from './attempts.ts'

let count = 0
/** An address that no other test uses. */
const anAddress = () => `2001:db8:${(++count).toString(16)}::1`

/** A clock that only these attempts have. */
function at(ctx: Ctx, address: string, time: { now: number }): Ctx {
  return { ...visitorAt(ctx, address), now: () => new Date(time.now) }
}

/** Seconds that an attempt has to wait; 0 when it may come. */
async function pause(ctx: Ctx, attempt: Attempt): Promise<number> {
  try {
    await admitAttempt(ctx, attempt)
    return 0
  } catch (error) {
    assert.ok(error instanceof SlowDownError)
    return error.seconds
  }
}

const wrong = async (ctx: Ctx, attempt: Attempt, times: number) => {
  for (let i = 0; i < times; i++) await noteWrongPassword(ctx, attempt)
}

test('after some wrong passwords each further one takes twice as long', async () => {
  const { ctx } = await server()
  const time = { now: ctx.now().getTime() }
  const here = at(ctx, anAddress(), time)
  const attempt = { account: unique('name') }
  await wrong(here, attempt, 4)
  assert.equal(await pause(here, attempt), 0)
  const pauses: number[] = []
  for (let i = 0; i < 12; i++) {
    await wrong(here, attempt, 1)
    pauses.push(await pause(here, attempt))
    time.now += pauses.at(-1)! * 1000
    assert.equal(await pause(here, attempt), 0)
  }
  assert.deepEqual(pauses, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300])
  await wrong(here, attempt, 1)
  assert.equal(await pause(here, { account: attempt.account.toUpperCase() }), 300)
  time.now += 15 * 60_000
  await wrong(here, attempt, 1)
  assert.equal(await pause(here, attempt), 0)
})

test('a right password from another address is never refused, however many wrong ones came from anywhere', async () => {
  const { ctx } = await server()
  const time = { now: ctx.now().getTime() }
  const attempt = { account: unique('name') }
  for (let i = 0; i < 20; i++) await wrong(at(ctx, anAddress(), time), attempt, 2)
  const fresh = at(ctx, anAddress(), time)
  assert.equal(await pause(fresh, attempt), 0)
  // Under attack, a new address has one try for free, one that belongs to the account more.
  await wrong(fresh, attempt, 1)
  assert.equal(await pause(fresh, attempt), 1)
  assert.equal(await pause(fresh, { ...attempt, known: async () => true }), 0)
  assert.equal(await pause(fresh, { account: unique('name') }), 0)
})

test('a right password forgets the wrong ones that came from there', async () => {
  const { ctx } = await server()
  const time = { now: ctx.now().getTime() }
  const here = at(ctx, anAddress(), time)
  const attempt = { account: unique('name') }
  await wrong(here, attempt, 8)
  assert.equal(await pause(here, attempt), 8)
  await noteRightPassword(here, attempt)
  assert.equal(await pause(here, attempt), 0)
})

test('an address that guesses for many accounts waits too, but not who is at home there', async () => {
  const { ctx } = await server()
  const time = { now: ctx.now().getTime() }
  const here = at(ctx, '2001:db8:ff:1::1', time)
  // Other hosts of the same network count for it.
  const neighbour = at(ctx, '2001:db8:ff:1:abcd::7', time)
  await Promise.all(Array.from({ length: 99 }, () => noteWrongPassword(neighbour, { account: unique('name') })))
  assert.equal(await pause(here, { account: unique('name') }), 0)
  await wrong(neighbour, { account: unique('name') }, 3)
  assert.equal(await pause(here, { account: unique('name') }), 4)
  assert.equal(await pause(here, { account: unique('name'), known: async () => true }), 0)
  assert.equal(await pause(at(ctx, '2001:db8:ff:2::1', time), { account: unique('name') }), 0)
})

test('many at once are all counted', async () => {
  const { ctx } = await server()
  const time = { now: ctx.now().getTime() }
  const here = at(ctx, anAddress(), time)
  const attempt = { account: 5_000_000 + count }
  await Promise.all(Array.from({ length: 9 }, () => noteWrongPassword(here, attempt)))
  assert.equal(await pause(here, attempt), 16)
})
