import assert from 'node:assert/strict'
import { test } from 'node:test'
import { poolThreads } from './thread-pool.ts'

test('Whatever says how many threads the pool has, work is handed to at least one.', () => {
  for (const [told, threads] of [
    ['8', 8],
    ['1', 1],
    ['0', 4],
    ['-3', 4],
    ['many', 4],
    ['', 4],
    ['100000', 128],
  ] as const)
    assert.equal(poolThreads(told), threads, told)
})
