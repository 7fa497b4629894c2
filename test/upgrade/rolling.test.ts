import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import type { Row } from '../../src/api/model.ts'
import { migrate } from '../../src/db/migrate.ts'
import { migrations } from '../../src/db/migrations/index.ts'
import { canonicalJson } from '../../src/db/sqlite/functions.ts'
import { databases } from '../databases.ts'
import { fill, readRecorded, versions } from './recorded.ts'

/** In an order that does not depend on the engine. */
const sorted = (rows: readonly Row[]): Row[] => rows.toSorted((a, b) => (canonicalJson(a) < canonicalJson(b) ? -1 : 1))

for (const { engine, open } of databases()) {
  for (const version of versions) {
    test(`processes of ${version} go on writing and reading while others have migrated to this version, on ${engine}`, async () => {
      const recorded = readRecorded(version)
      const database = await open()
      await migrate(database, migrations, { now: () => new Date(recorded.at), programVersion: 'now' })
      await fill(database, recorded)
      for (const [table, rows] of Object.entries(recorded.rows)) {
        if (rows.length === 0) continue
        const columns = sql.join(Object.keys(rows[0]!).map(name => sql.ref(name)))
        const read = await sql<Row>`select ${columns} from ${sql.table(table)}`.execute(database.db)
        assert.deepEqual(sorted(read.rows), sorted(rows), table)
      }
    })
  }
}
