/**
 * Keeps package-lock.json complete, so that `npm ci` takes it on every machine: npm leaves out the optional packages for other
 * platforms that it could not find when it wrote the file, and then calls the file out of step with package.json. Their versions stand in
 * the packages that want them. Also takes out download addresses, which belong to whoever installed, not to the project.
 *
 * npm runs this after each change of what is installed (`dependencies` in package.json); `npm run check` runs it with --check.
 * Plain JavaScript, since that may happen on an old Node.
 */
import { readFileSync, writeFileSync } from 'node:fs'

const file = 'package-lock.json'
const before = readFileSync(file, 'utf8')
const lock = JSON.parse(before)
const packages = lock.packages

for (const entry of Object.values(packages)) if (!entry.link) delete entry.resolved
for (const [path, entry] of Object.entries(packages)) {
  if (!path.includes('node_modules/')) continue
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const platform = platformOf(name)
    if (!platform || !/^\d/.test(version)) continue
    const nested = `${path}/node_modules/${name}`
    const hoisted = `node_modules/${name}`
    if (packages[nested] || packages[hoisted]?.version === version) continue
    packages[packages[hoisted] ? nested : hoisted] = { version, ...(entry.dev && { dev: true }), optional: true, ...platform }
  }
}

lock.packages = Object.fromEntries(Object.entries(packages).sort(([a], [b]) => a.localeCompare(b, 'en')))
const after = `${JSON.stringify(lock, null, 2)}\n`
const complete = Object.keys(JSON.parse(before).packages).length === Object.keys(packages).length && !/"resolved": "[^"]*:\/\//.test(before)

if (process.argv[2] !== '--check') {
  if (!complete) writeFileSync(file, after)
} else if (!complete) {
  console.error(
    'package-lock.json lacks platform packages or holds addresses, and npm ci would refuse it elsewhere; mend it with: npm run fix -- lock',
  )
  process.exitCode = 1
}

/** What npm would read in the manifest of a package named `@x/binding-linux-x64-gnu`; undefined when the name tells no platform. */
function platformOf(name) {
  const known =
    /(aix|android|darwin|freebsd|linux|openharmony|sunos|win32)-(arm64|arm|ia32|loong64|ppc64|riscv64|s390x|universal|x64)(?:-?(\w+))?$/
  const [, os, cpu, abi = ''] = known.exec(name) ?? []
  if (name.endsWith('-wasm32-wasi')) return { cpu: ['wasm32'] }
  if (!os || !cpu) return undefined
  const libc = abi.startsWith('gnu') ? ['glibc'] : abi.startsWith('musl') ? ['musl'] : undefined
  return { os: [os], ...(cpu !== 'universal' && { cpu: [cpu] }), ...(os === 'linux' && libc && { libc }) }
}
