import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, readFileSync, statSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { freePort } from '../ports.ts'
import { aDataFolder, BOOTSTRAP, start, type Program } from './program.ts'

const REPOSITORY = resolve(import.meta.dirname, '../..')

/** The instructions of the Dockerfile's last stage, each with its arguments in one line. */
function lastStage(): { name: string; args: string }[] {
  const text = readFileSync(join(REPOSITORY, 'Dockerfile'), 'utf8')
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll(/\\\n\s*/g, '')
  const all = text.split('\n').flatMap(line => {
    const [, name, args] = /^([A-Z]+) (.*)$/.exec(line) ?? []
    return name === undefined || args === undefined ? [] : [{ name, args }]
  })
  return all.slice(all.findLastIndex(({ name }) => name === 'FROM'))
}

/** What the image holds of ours, below a folder that stands for its `/`; nothing that the Dockerfile does not copy. */
function unpack(root: string): { cwd: string; env: Record<string, string>; command: string[]; healthcheck: string[] } {
  let cwd = '/'
  const env: Record<string, string> = {}
  const commands: Record<string, string[]> = {}
  const copy = (from: string, to: string) => {
    const target = join(root, resolve(cwd, to), to.endsWith('/') ? basename(from) : '')
    mkdirSync(dirname(target), { recursive: true })
    // Of the build stage there is the repository, built; the Node that comes with its base image is the one that runs this.
    if (from === '/usr/local/bin/node') symlinkSync(process.execPath, target)
    else cpSync(join(REPOSITORY, from.replace(/^\/app\//, '')), target, { recursive: true, filter: path => !path.includes('/dist/.') })
  }
  for (const { name, args } of lastStage()) {
    if (name === 'WORKDIR') cwd = args
    if (name === 'COPY') {
      const [, from, to] = /^--from=build (\S+) (\S+)$/.exec(args) ?? assert.fail(`COPY ${args}`)
      copy(from!, to!)
    }
    if (name === 'ENV')
      for (const [, key, value] of args.matchAll(/(\w+)=(\S+)/g)) env[key!] = value!.startsWith('/') ? join(root, value!) : value!
    if (name === 'RUN') {
      for (const [, target, link] of args.matchAll(/ln -s (\S+) (\S+)/g)) {
        mkdirSync(dirname(join(root, link!)), { recursive: true })
        symlinkSync(join(root, target!), join(root, link!))
      }
    }
    const [, list] = /(\[.*\])$/.exec(args) ?? []
    if (['ENTRYPOINT', 'CMD', 'HEALTHCHECK'].includes(name)) commands[name] = JSON.parse(list ?? assert.fail(`${name} ${args}`)) as string[]
  }
  env['PATH'] = `${join(root, 'usr/local/bin')}:/usr/bin:/bin`
  return { cwd: join(root, cwd), env, command: [...commands['ENTRYPOINT']!, ...commands['CMD']!], healthcheck: commands['HEALTHCHECK']! }
}

describe('the container image', () => {
  const { folder, remove } = aDataFolder(tmpdir())
  let image: ReturnType<typeof unpack>
  let env: Record<string, string>
  let program: Program
  before(async () => {
    image = unpack(folder)
    env = { ...image.env, ...BOOTSTRAP, SIGNET_LISTEN__HTTP: `127.0.0.1:${await freePort()}` }
    program = await start({ data: env['SIGNET_DATA_DIR']!, env, command: image.command, cwd: image.cwd })
  })
  after(async () => {
    await program.stop('SIGKILL')
    remove()
  })

  const healthcheck = async () => {
    const [file, ...args] = image.healthcheck
    const [code] = await once(spawn(file!, args, { env, cwd: image.cwd, stdio: 'ignore' }), 'exit')
    return code as number | null
  }

  test('starts by its entry point with nothing but what it holds', async () => {
    assert.deepEqual(image.command, ['signet', 'server'])
    assert.equal((await fetch(`${program.origin}/-/health/ready/`)).status, 200)
    assert.equal((await program.api('GET', '/core/users/me/')).user.username, 'akadmin')
    const page = await fetch(`${program.origin}/if/flow/default-authentication-flow/`)
    assert.match(await page.text(), /name="uid_field"/)
    const [script] = /\/static\/dist\/bundle\/[\w-]+\.js/.exec(
      await (await fetch(`${program.origin}/if/flow/default-authentication-flow/`)).text(),
    )!
    assert.equal((await fetch(program.origin + script)).status, 200)
  })

  test('keeps its data where the volume is', () => {
    assert.ok(statSync(join(folder, 'data/signet.db')).size > 0)
  })

  test('is healthy while it runs, and ends in order', async () => {
    assert.equal(await healthcheck(), 0)
    assert.equal(await program.stop(), 0)
    assert.equal(await healthcheck(), 1)
  })
})
