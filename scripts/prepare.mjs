/**
 * Brings a clone into a state in which it can run: dependencies installed, bundles built. Does nothing, quickly, when that is
 * already so. Runs on Node 20 and has no dependencies, since it is what installs them.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The repository's folder, without a slash at its end. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)))

const NODE_MAJOR = 26
/** A build takes seconds; after so long it is believed to hang. */
const LONGEST_BUILD = 600_000 // ms
const bin = join(root, 'node_modules', '.bin')

/**
 * What `npm run build` makes: the folder, the npm arguments that make it, and the sources whose change makes it stale.
 * Tests among the sources are left out, so that writing one does not cost a build.
 */
const BUNDLES = {
  server: {
    output: 'dist/server',
    command: ['run', '--silent', 'build:server'],
    sources: ['src', 'scripts/build.ts', 'package-lock.json'],
  },
  web: { output: 'dist/web', command: ['run', '--silent', 'build:web'], sources: ['web', 'package-lock.json'] },
}

/**
 * The Node that runs the product: this process's own when it is new enough, else the one that npm installed.
 * @returns {string} path of an executable
 */
export function findNode() {
  if (Number(process.versions.node.split('.')[0]) >= NODE_MAJOR) return process.execPath
  const installed = join(bin, 'node')
  if (existsSync(installed)) return installed
  throw new Error(
    `Signet needs Node ${NODE_MAJOR}: this is ${process.version}, and npm has no Node package for ${process.platform}-${process.arch}.`,
  )
}

/** The environment for child processes: `node` and the installed tools come first in the path. */
export const environment = () => ({ ...process.env, PATH: `${bin}:${process.env.PATH}` })

/** Runs `npm ci` when what is installed is not what package-lock.json asks for. */
export function install() {
  if (installed()) return
  locked(() => {
    if (installed()) return
    say('installing dependencies')
    npm(['ci', '--include=dev', '--include=optional', '--no-audit', '--no-fund', '--loglevel=error'])
    writeFileSync(stamp(), lockHash())
  })
}

/**
 * Builds the bundles whose sources changed since they were built.
 * @param {(keyof typeof BUNDLES)[]} [names]
 */
export function build(names = ['server', 'web']) {
  for (const name of names) {
    if (fresh(name)) continue
    locked(() => {
      if (fresh(name)) return
      say(`building dist/${name}`)
      const before = fingerprint(BUNDLES[name].sources)
      npm(BUNDLES[name].command, LONGEST_BUILD)
      mkdirSync(join(root, 'dist'), { recursive: true })
      writeFileSync(record(name), JSON.stringify(before))
    })
  }
}

/** Tells on stderr, so that stdout stays the program's own. */
const say = text => process.stderr.write(`signet: ${text}\n`)

const lockHash = () => sha256(readFileSync(join(root, 'package-lock.json'))) + `-${process.platform}-${process.arch}`
const stamp = () => join(root, 'node_modules', '.signet-installed')
const record = name => join(root, 'dist', `.${name}.json`)
const sha256 = data => createHash('sha256').update(data).digest('hex')

/** The stamp covers `npm ci` run from here; npm's own record covers an `npm install` by hand. */
function installed() {
  if (existsSync(stamp()) && readFileSync(stamp(), 'utf8') === lockHash()) return true
  const npmRecord = join(root, 'node_modules', '.package-lock.json')
  if (!existsSync(npmRecord)) return false
  const have = JSON.parse(readFileSync(npmRecord, 'utf8')).packages
  const want = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages
  const same = Object.entries(want).every(([path, entry]) => {
    if (!path.startsWith('node_modules/') || entry.link || (entry.optional && !forThisMachine(entry))) return true
    return have[path]?.version === entry.version && have[path]?.integrity === entry.integrity
  })
  if (same) writeFileSync(stamp(), lockHash())
  return same
}

/** Whether npm would install this optional package here. Where the C library decides, npm may skip it: no telling from here. */
const forThisMachine = entry =>
  !entry.libc && (entry.os?.includes(process.platform) ?? false) && (entry.cpu?.includes(process.arch) ?? true)

/** Times and sizes decide at once; where they differ (a new checkout, a touched file) the contents do. */
function fresh(name) {
  if (!existsSync(join(root, BUNDLES[name].output)) || !existsSync(record(name))) return false
  const built = JSON.parse(readFileSync(record(name), 'utf8'))
  const files = list(BUNDLES[name].sources)
  if (built.quick === quickly(files)) return true
  if (built.exact !== exactly(files)) return false
  writeFileSync(record(name), JSON.stringify(fingerprint(BUNDLES[name].sources)))
  return true
}

function fingerprint(sources) {
  const files = list(sources)
  return { quick: quickly(files), exact: exactly(files) }
}

const quickly = files =>
  sha256(
    files
      .map(file => {
        const { size, mtimeMs } = statSync(file)
        return `${file} ${size} ${mtimeMs}`
      })
      .join('\n'),
  )
const exactly = files => sha256(files.map(file => `${file} ${sha256(readFileSync(file))}`).join('\n'))

function list(sources) {
  const skipped = /(^|\/)(node_modules|dist|\.[^/]*)(\/|$)|\.test\.tsx?$/
  return sources
    .flatMap(source => {
      const path = join(root, source)
      if (!existsSync(path)) return []
      if (statSync(path).isFile()) return [path]
      const entries = readdirSync(path, { recursive: true, encoding: 'utf8' }).filter(entry => !skipped.test(entry))
      return entries.map(entry => join(path, entry)).filter(entry => statSync(entry).isFile())
    })
    .sort()
}

function npm(args, timeout) {
  const { status, error } = spawnSync('npm', args, { cwd: root, env: environment(), stdio: ['ignore', 2, 2], timeout })
  if (error?.code === 'ETIMEDOUT') throw new Error(`npm ${args.join(' ')} was not done within ${timeout / 60_000} minutes`)
  if (error) throw error
  if (status !== 0) throw new Error(`npm ${args.join(' ')} failed (exit code ${status})`)
}

/** One preparation at a time: two `npm ci` in one folder would take each other's files away. */
function locked(work) {
  const path = join(root, '.cache', 'prepare.lock')
  mkdirSync(dirname(path), { recursive: true })
  for (let told = false; ;) {
    try {
      const file = openSync(path, 'wx')
      writeFileSync(file, String(process.pid))
      closeSync(file)
      break
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
    }
    if (!held(path)) {
      rmSync(path, { force: true })
      continue
    }
    if (!told) say(`waiting for another process that is preparing this folder (${path})`)
    told = true
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200)
  }
  try {
    return work()
  } finally {
    rmSync(path, { force: true })
  }
}

/** Whether the process named in the lock still runs. An empty file is one whose writer is just about to name itself. */
function held(path) {
  try {
    const pid = readFileSync(path, 'utf8')
    if (pid === '') return Date.now() - statSync(path).mtimeMs < 2000
    process.kill(Number(pid), 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}
