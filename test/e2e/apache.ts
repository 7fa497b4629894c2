import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, watch, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

/** Debian's. */
const MODULES = '/usr/lib/apache2/modules'
/** In the order in which they need each other. */
const LOADED = ['mpm_event', 'authn_core', 'authz_core', 'authz_user', 'alias', 'dir', 'include', 'auth_openidc']

export type Apache = {
  /** On another site than the provider's `localhost`. */
  origin: string
  /** What it said on its error log. */
  said: () => string
  stop: () => Promise<void>
}

/** What the visitor's application sees of them, by server-side includes. */
const page = (
  title: string,
  names: readonly string[],
  bye: string,
) => `<!doctype html><link rel="icon" href="data:," /><title>${title}</title><h1>${title}</h1>
${names.map(name => `<p id="${name}"><!--#echo var="${name}" --></p>`).join('\n')}
<a href="/signed-in/oidc?logout=${encodeURIComponent(bye)}">Sign out</a>`

/**
 * Apache with mod_auth_openidc before `/signed-in/`, from a folder of its own; needs no rights.
 * `directives` are the module's settings, as its manual has them.
 * @throws Error with its error log, when it does not start
 */
export async function startApache({
  port,
  directives,
  shown,
}: {
  port: number
  directives: readonly string[]
  shown: readonly string[]
}): Promise<Apache> {
  const folder = mkdtempSync(join(tmpdir(), 'signet-apache-'))
  const documents = join(folder, 'documents')
  mkdirSync(join(documents, 'signed-in'), { recursive: true })
  // Its workers may run as another user.
  for (const path of [folder, documents]) chmodSync(path, 0o755)
  writeFileSync(join(documents, 'signed-in/index.html'), page('Signed in', shown, `http://127.0.0.1:${port}/bye.html`))
  writeFileSync(join(documents, 'bye.html'), '<!doctype html><link rel="icon" href="data:," /><title>Goodbye</title><h1>Goodbye</h1>')
  const asRoot = process.getuid?.() === 0
  const log = join(folder, 'error.log')
  writeFileSync(log, '')
  const config = join(folder, 'apache.conf')
  writeFileSync(
    config,
    [
      ...LOADED.map(name => `LoadModule ${name}_module ${MODULES}/mod_${name}.so`),
      ...(asRoot ? ['User www-data', 'Group www-data'] : []),
      `ServerRoot ${folder}`,
      `DefaultRuntimeDir ${folder}`,
      `PidFile ${join(folder, 'apache.pid')}`,
      'ServerName 127.0.0.1',
      `Listen 127.0.0.1:${port}`,
      `ErrorLog ${log}`,
      'LogLevel notice',
      `DocumentRoot ${documents}`,
      'DirectoryIndex index.html',
      // Two processes are enough, and quick to start.
      'StartServers 1',
      'ServerLimit 2',
      'ThreadsPerChild 8',
      'MaxRequestWorkers 16',
      'MinSpareThreads 4',
      'MaxSpareThreads 16',
      ...directives,
      `<Directory ${documents}>`,
      '  Require all granted',
      '  Options +Includes',
      '  ForceType text/html',
      '  SetOutputFilter INCLUDES',
      '</Directory>',
      '<Location /signed-in/>',
      '  AuthType openid-connect',
      '  Require valid-user',
      '</Location>',
    ].join('\n'),
  )
  const child = spawn('apache2', ['-f', config, '-DFOREGROUND'], {
    env: { PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const killed = () => child.kill('SIGTERM')
  process.once('exit', killed)
  const early: string[] = []
  createInterface({ input: child.stderr }).on('line', line => early.push(line))
  const said = () => [...early, readFileSync(log, 'utf8')].join('\n')
  const ended = once(child, 'exit').then(() => process.off('exit', killed))
  const watching = new AbortController()
  const ready = new Promise<void>(resolve => {
    const look = () => {
      if (said().includes('resuming normal operations')) resolve()
    }
    watch(log, { signal: watching.signal }, look)
    look()
  })
  await Promise.race([ready, ended.then(() => Promise.reject(new Error(`Apache ended:\n${said()}`)))]).finally(() => watching.abort())
  return {
    origin: `http://127.0.0.1:${port}`,
    said,
    async stop() {
      child.kill('SIGTERM')
      await ended
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
