import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, rmSync, watch } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

/** Debian's oidc-agent: keeps people's tokens for programs of the command line, as ssh-agent keeps keys. */
export type Agent = {
  /** Begins an account; hears each line that the program prints, and resolves when it has ended well. */
  generate: (args: readonly string[], line: (text: string) => void) => Promise<void>
  /** The access token of an account, as a program would ask for it. */
  token: (account: string, args?: readonly string[]) => Promise<string>
  stop: () => Promise<void>
}

const PASSWORD = 'for the files of one test'

/** The program ends within this; else it waits for somebody: ms. */
const LONGEST = 120_000

/** Runs a program to its end. @throws Error with what it said, unless it ends well */
async function finished(child: ChildProcess, said: string[]): Promise<void> {
  const killed = setTimeout(() => child.kill('SIGKILL'), LONGEST)
  const [code] = (await once(child, 'close')) as [number | null]
  clearTimeout(killed)
  if (code !== 0) throw new Error(`${child.spawnfile} ended with ${code}:\n${said.join('\n')}`)
}

/** Starts an agent with a home of its own. */
export async function startAgent(): Promise<Agent> {
  const home = mkdtempSync(join(tmpdir(), 'signet-agent-'))
  mkdirSync(join(home, '.oidc-agent'), { mode: 0o700 })
  const socket = join(home, 'socket')
  const env = { PATH: process.env.PATH, HOME: home, TMPDIR: home, OIDC_SOCK: socket, OIDC_PASSWORD: PASSWORD, LANG: 'C' }
  // It says nothing; it listens.
  const watching = new AbortController()
  const ready = new Promise<void>(resolve => {
    watch(home, { signal: watching.signal }, () => existsSync(socket) && resolve())
  })
  const daemon = spawn('oidc-agent', ['--console', '--socket-path', socket, '--no-webserver'], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const killed = () => daemon.kill('SIGKILL')
  process.once('exit', killed)
  const ended = once(daemon, 'exit').then(() => process.off('exit', killed))
  const said: string[] = []
  createInterface({ input: daemon.stderr }).on('line', line => said.push(line))
  createInterface({ input: daemon.stdout }).on('line', line => said.push(line))
  await Promise.race([ready, ended.then(() => Promise.reject(new Error(`oidc-agent ended:\n${said.join('\n')}`)))])
  watching.abort()

  const run = async (program: string, args: readonly string[], line?: (text: string) => void): Promise<string> => {
    // Into a pipe it would say all of it at its end.
    const child = spawn('stdbuf', ['-oL', program, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
    const out: string[] = []
    const told: string[] = []
    for (const [input, keep] of [
      [child.stdout, out],
      [child.stderr, told],
    ] as const)
      createInterface({ input }).on('line', text => {
        keep.push(text)
        line?.(text)
      })
    await finished(child, [...told, ...out])
    return out.join('\n')
  }
  return {
    generate: async (args, line) =>
      void (await run('oidc-gen', ['--prompt=none', '--confirm-default', '--no-url-call', '--pw-env=OIDC_PASSWORD', ...args], line)),
    token: (account, args = []) => run('oidc-token', [...args, account]),
    async stop() {
      daemon.kill('SIGTERM')
      await ended
      rmSync(home, { recursive: true, force: true })
    },
  }
}
