/**
 * `npm run api:spec`: writes `docs/api/openapi.yaml`, the description of the REST API, from the models and routes.
 * `--check` writes nothing and fails when the file is not fresh.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { openApiYaml } from '../src/admin/schema-api.ts'
import { openApiDocument } from '../src/api/openapi.ts'
import { registry } from '../src/registry.ts'

const target = new URL('../docs/api/openapi.yaml', import.meta.url)
const text = await openApiYaml(JSON.parse(JSON.stringify(openApiDocument(registry))))

if (process.argv.includes('--check')) {
  const present = await readFile(target, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw error
  })
  if (present !== text) {
    console.error('docs/api/openapi.yaml is not fresh: npm run api:spec')
    process.exitCode = 1
  }
} else {
  await mkdir(new URL('./', target), { recursive: true })
  await writeFile(target, text)
}
