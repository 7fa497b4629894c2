/**
 * Bundles the server: `src/main.ts` and what it imports become dist/server/main.js. Parts imported on first use stay files of their
 * own, so that a start reads only what it needs. The bundle starts several times faster than the sources and holds the packages too.
 */
import { rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { rolldown } from 'rolldown'
import { files } from './build-files.ts'

const root = dirname(import.meta.dirname)
const source = join(root, 'src')
const output = join(root, 'dist', 'server')

/** Left to be found in node_modules: native code, what a package only tries to load, and what only routes with schemas need (see src/app.ts). */
const external = [
  /^node:/,
  /^@node-rs\//,
  'pg-native',
  'pg-cloudflare',
  'bufferutil',
  'utf-8-validate',
  '@fastify/ajv-compiler',
  '@fastify/fast-json-stringify-compiler',
]

try {
  await bundle(join(source, 'main.ts'))
} catch (error) {
  // Its stack is the bundler's; the message names our file.
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}

async function bundle(entry: string): Promise<void> {
  const fresh = `${output}.${process.pid}`
  const build = await rolldown({
    input: { main: entry },
    platform: 'node',
    external,
    plugins: [files({ source, output })],
    onLog(level, log, report) {
      // Packages' own oddities are theirs to mend; ours stop the build.
      if (log.id?.includes('node_modules') || log.code === 'CIRCULAR_DEPENDENCY') return
      report(level === 'warn' ? 'error' : level, log)
    },
  })
  await build.write({
    dir: fresh,
    format: 'esm',
    sourcemap: true,
    // The text of a bundle is kept in memory: half of it would be packages' documentation.
    comments: { jsdoc: false },
    // One character beyond Latin-1 makes V8 keep two bytes for each of a whole file.
    charset: 'ascii',
    // One flat folder: the plug-in counts on it.
    entryFileNames: '[name].js',
    chunkFileNames: '[name]-[hash].js',
    assetFileNames: '[name]-[hash][extname]',
  })
  await build.close()
  await rm(output, { recursive: true, force: true })
  await rename(fresh, output)
}
