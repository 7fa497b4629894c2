#!/usr/bin/env node
/**
 * The command line, `signet` and `ak` alike, and what `npm start` and the container image run: the one place that says how the
 * program is entered. Needs a built dist/ (`npm run build`); where the machine's Node is too old, the one that npm installed is used.
 */
import { existsSync } from 'node:fs'
import module from 'node:module'
import { fileURLToPath } from 'node:url'

const path = relative => fileURLToPath(new URL(relative, import.meta.url))
const program = path('../dist/server/main.js')
const installedNode = path('../node_modules/.bin/node')

if (!existsSync(program)) {
  fail('dist/server is missing; build it with: npm run build')
} else if (Number(process.versions.node.split('.')[0]) >= 26) {
  // Compiled code is kept between starts. This must come before the import, or it would miss the bundle itself.
  module.enableCompileCache(process.env.NODE_COMPILE_CACHE ?? path('../dist/.cache'))
  await import(program)
} else if (existsSync(installedNode)) {
  const { become } = await import('./become.mjs')
  become(installedNode, [path('./signet.mjs'), ...process.argv.slice(2)], process.env)
} else {
  fail(`needs Node 26, this is ${process.version}; install it with: npm ci`)
}

function fail(message) {
  process.stderr.write(`signet: ${message}\n`)
  process.exitCode = 1
}
