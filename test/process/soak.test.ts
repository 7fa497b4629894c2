import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { build } from '../../scripts/prepare.mjs'
import { Soak } from './soak.ts'

const ROUNDS = 10

describe('a program that is killed in the middle of its work', () => {
  let soak: Soak
  before(async () => {
    build()
    soak = await Soak.begin(1)
  })
  after(() => soak.end())

  for (let round = 1; round <= ROUNDS; round++) {
    test(`keeps what it acknowledged and takes nothing twice (round ${round})`, () => soak.round())
  }

  test('did all kinds of work, and was under way when the end came', () => {
    const { acknowledged, interrupted } = soak.report()
    const kinds = [
      'users made',
      'users renamed',
      'groups made',
      'groups deleted',
      'events made',
      'sign-ins',
      'codes issued',
      'codes spent',
      'tokens refreshed',
    ]
    for (const kind of kinds) assert.ok(acknowledged[kind]! > 0, kind)
    assert.ok(interrupted > 0)
  })
})
