import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { sql } from 'kysely'
import { databases } from '../../../test/databases.ts'
import { freePort } from '../../../test/ports.ts'
import { Way } from '../../../test/way.ts'
import { isUnavailable } from '../fault.ts'

const { place, reopen } = databases().find(({ engine }) => engine === 'postgres')!

test('who asks in the moment in which the server goes away is told so, and served when it is back', async () => {
  const there = await place()
  assert.ok(there.engine === 'postgres')
  const way = new Way(await freePort(), { host: there.host, port: there.port })
  await way.open()
  after(() => way.cut())
  const reports: object[] = []
  const database = await reopen(
    { ...there, host: '127.0.0.1', port: way.port },
    { pool_size: 2, report: error => void reports.push(error as object) },
  )
  const ask = () => sql<{ one: number }>`select 1 as one`.execute(database.db)
  // One connection is asked before it knows, and no other is to be had; the other breaks while nobody has it.
  await Promise.all([ask(), ask()])
  const cut = way.cut()
  await assert.rejects(ask(), isUnavailable)
  await cut
  await assert.rejects(ask(), isUnavailable)
  for (const report of reports) assert.ok(!('client' in report))
  await way.open()
  assert.deepEqual(
    (await Promise.all([ask(), ask(), ask()])).map(({ rows }) => rows),
    [[{ one: 1 }], [{ one: 1 }], [{ one: 1 }]],
  )
})
