/**
 * What every npm script starts with: installs and builds what is missing, then becomes the program.
 *
 *     node scripts/bootstrap.mjs [--built] [file] [argument…]
 *
 * `--built` asks for the bundles in dist/ too; without a file the preparation is all. Runs on Node 20, where that is all a machine has; the program runs on Node 26.
 */
import { become } from '../bin/become.mjs'
import { build, environment, findNode, install, root } from './prepare.mjs'

const args = process.argv.slice(2)
const built = args[0] === '--built'
if (built) args.shift()

try {
  install()
  if (built) build()
  if (args.length > 0) {
    process.chdir(root)
    become(findNode(), args, environment())
  }
} catch (error) {
  process.stderr.write(`signet: ${error.message}\n`)
  process.exitCode = 1
}
