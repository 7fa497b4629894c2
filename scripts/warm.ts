/**
 * Fills the cache of compiled code, dist/.cache, for the account that runs this, by doing what every start does: once with nothing there,
 * once with what that left, and a first visit. Node keeps such a cache for each account by itself: one that another account filled is of
 * no use.
 */
import { makeHome, startSignet } from '../bench/lib/signet.ts'

const home = await makeHome('sqlite')
try {
  const first = await startSignet(home)
  await first.stop()
  const second = await startSignet(home)
  await (await fetch(`${second.origin}/if/flow/default-authentication-flow/`)).text()
  await second.stop()
} finally {
  await home.remove()
}
