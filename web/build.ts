/**
 * Builds the browser's files, the server's views, and compressed copies of what compresses. `npm run build -w web`;
 * with `-- --watch` builds again when a file changes, without the copies.
 */
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import { build } from 'vite'

const configFile = fileURLToPath(new URL('vite.config.ts', import.meta.url))
const output = fileURLToPath(new URL('../dist/web', import.meta.url))
const watched = process.argv.includes('--watch')

await build({ configFile, logLevel: 'warn' }) // first, since it empties the folder
await build({ configFile, logLevel: 'warn', build: { ssr: true } })
if (watched) {
  const watch = { build: { watch: {}, emptyOutDir: false } }
  await build({ configFile, ...watch })
  await build({ configFile, ...watch, build: { ...watch.build, ssr: true } })
} else {
  await compress()
}

async function compress(): Promise<void> {
  for (const entry of await readdir(output, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !/\.(js|css|svg)$/.test(entry.name) || entry.parentPath.includes('.server')) continue
    const path = join(entry.parentPath, entry.name)
    const content = await readFile(path)
    await writeFile(`${path}.gz`, gzipSync(content, { level: 9 }))
    await writeFile(`${path}.br`, brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: content.length } }))
  }
}
