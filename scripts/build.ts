/**
 * Bundles the server: `src/main.ts` and what it imports become dist/server/main.js. Parts imported on first use stay files of their
 * own, so that a start reads only what it needs. The bundle starts several times faster than the sources and holds the packages too.
 */
import { existsSync, readFileSync } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { rolldown, type Plugin } from 'rolldown'

const root = dirname(import.meta.dirname)
const source = join(root, 'src')
const output = join(root, 'dist', 'server')

/** Left to be found in node_modules: native code, and what a package only tries to load. */
const external = [/^node:/, /^@node-rs\//, 'pg-native', 'pg-cloudflare', 'bufferutil', 'utf-8-validate']

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
    plugins: [files()],
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
    // One flat folder: the plug-in below counts on it.
    entryFileNames: '[name].js',
    chunkFileNames: '[name]-[hash].js',
    assetFileNames: '[name]-[hash][extname]',
  })
  await build.close()
  await rm(output, { recursive: true, force: true })
  await rename(fresh, output)
}

/**
 * Keeps `new URL('…', import.meta.url)` true in the bundle, where the file that says it lies elsewhere: a TypeScript file (a worker)
 * becomes an entry of its own, another file inside src/ is copied, and a path outside src/ (blueprints/, dist/web/) is made
 * relative to the bundle. A package that a synchronous function loads on first use, `createRequire(import.meta.url)('…')`, is bundled
 * too and still loaded then. Other uses of `import.meta` would silently name another place; they stop the build.
 */
function files(): Plugin {
  const lazily = /\bcreateRequire\(import\.meta\.url\)\(('[^']+')\)/g
  const location = /new URL\(\s*(['"])(\.[^'"]*)\1,\s*import\.meta\.url\s*,?\s*\)/g
  return {
    name: 'files',
    transform: {
      filter: { id: new RegExp(`^${RegExp.escape(source + sep)}`), code: 'import.meta' },
      handler(code, id) {
        const changed = code.replaceAll(lazily, 'require($1)').replace(location, (_, _quote, path: string) => {
          const target = resolve(dirname(id), path)
          if (target === source || !target.startsWith(source + sep)) {
            const slash = path.endsWith('/') || /(^|\/)\.\.?$/.test(path) ? '/' : ''
            return `new URL('${relative(output, target) || '.'}${slash}', import.meta.url)`
          }
          if (!existsSync(target)) this.error(`${id}: there is no ${path}`)
          const reference = /\.ts$/.test(target)
            ? this.emitFile({ type: 'chunk', id: target })
            : this.emitFile({
                type: 'asset',
                name: relative(dirname(target), target),
                originalFileName: target,
                source: readFileSync(target),
              })
          return `new URL(import.meta.ROLLDOWN_FILE_URL_${reference})`
        })
        const rest = changed.replaceAll(/new URL\('[^']+', import\.meta\.url\)/g, '').replaceAll(/^\s*(\/\/|\/?\*).*$/gm, '')
        if (/\bimport\.meta\.(url|dirname|filename|main|resolve)\b/.test(rest))
          this.error(`${id}: the bundle lies elsewhere; name files as new URL('./file', import.meta.url)`)
        return changed === code ? null : { code: changed, map: null }
      },
    },
  }
}
