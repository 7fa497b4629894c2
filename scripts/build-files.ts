import { existsSync, readFileSync } from 'node:fs'
import { dirname, relative, resolve, sep } from 'node:path'
import type { Plugin } from 'rolldown'

/**
 * Keeps `new URL('…', import.meta.url)` true in the bundle, where the file that says it lies elsewhere: a TypeScript file (a worker)
 * becomes an entry of its own, another file inside src/ is copied, and a path outside src/ (blueprints/, dist/web/) is made
 * relative to the bundle. A package that a synchronous function loads on first use, `createRequire(import.meta.url)('…')`, is bundled
 * too and still loaded then. Other uses of `import.meta` would silently name another place; they stop the build.
 * @param folders absolute paths: what is bundled, and the one flat folder that the bundle goes to
 */
export function files({ source, output }: { source: string; output: string }): Plugin {
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
