/**
 * A process of its own for the tests of `migrate`: opens the database that its argument describes and migrates it on `go`. Tells its
 * parent when it is inside the migration (and then waits for another `go`), when it has to wait, and what it applied.
 */
import type { DatabaseOptions } from './database.ts'
import { openDatabase } from './database.ts'
import type { Migration } from './migrate.ts'
import { migrate } from './migrate.ts'
import { fixtureMigration } from './fixture.ts'

const say = (message: unknown) => process.send!(message)
const go = () => new Promise(resolve => process.once('message', resolve))

const slow: Migration = {
  name: '20260102T0000_slow',
  async up(schema) {
    await schema.table('slow', t => [t.id(), t.text('name').notNull()])
    say({ inside: true })
    await go()
  },
}

const database = await openDatabase(JSON.parse(process.argv[2]!) as DatabaseOptions)
say({ ready: true })
await go()
const applied = await migrate(database, [fixtureMigration, slow], {
  now: () => new Date(0),
  programVersion: '1.0.0',
  retryEvery: 10,
  onWaiting: holder => say({ waiting: holder }),
})
await database.close()
say({ applied })
process.disconnect!()
