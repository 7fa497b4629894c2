import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { Statements } from './statements.ts'

/** A connection that counts what it prepares. */
function counting() {
  const connection = new DatabaseSync(':memory:')
  const prepared: string[] = []
  const prepare = connection.prepare.bind(connection)
  connection.prepare = sql => {
    prepared.push(sql)
    return prepare(sql)
  }
  return { statements: new Statements(connection), prepared }
}

test('a statement that is used again and again is prepared once, however many others come and go', () => {
  const { statements, prepared } = counting()
  const usual = 'select 42 as answer'
  for (let number = 0; number < 2_000; number++) {
    assert.deepEqual(statements.run(`select ${number} as number`, []).rows, [{ number }])
    assert.deepEqual(statements.run(usual, []).rows, [{ answer: 42 }])
  }
  assert.equal(prepared.filter(sql => sql === usual).length, 1)
  assert.equal(prepared.length, 2_001)
})

test('of statements that are all in use the oldest makes room', () => {
  const { statements, prepared } = counting()
  const round = () => {
    for (let number = 0; number < 500; number++) statements.run(`select ${number}`, [])
  }
  round()
  round()
  assert.deepEqual(statements.run('select 499', []).rows, [{ 499: 499 }])
  const before = prepared.length
  statements.run('select 499', [])
  assert.equal(prepared.length, before)
})
