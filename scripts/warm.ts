/**
 * Fills the cache of compiled code, dist/.cache, for the account that runs this, by doing what every start does: once with nothing there,
 * once with what that left, and a first sign-in. Node keeps such a cache for each account by itself: one that another account filled is of
 * no use.
 */
import { Browser } from '../bench/lib/browser.ts'
import { Connection } from '../bench/lib/load.ts'
import { ADMIN_PASSWORD, makeHome, startSignet } from '../bench/lib/signet.ts'

const home = await makeHome('sqlite')
try {
  const first = await startSignet(home)
  await first.stop()
  const second = await startSignet(home)
  const connection = new Connection(second.origin)
  await connection.expect(200, { path: '/if/flow/default-authentication-flow/' })
  await new Browser(connection).signIn('akadmin', ADMIN_PASSWORD)
  connection.close()
  await second.stop()
} finally {
  await home.remove()
}
