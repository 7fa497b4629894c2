import { spawn } from 'node:child_process'

/**
 * Turns this process into another program. Where Node can (from 22.15 on) it is replaced, so that none waits beside the server;
 * else the program runs as a child that gets our signals and gives us its exit code.
 * @param {string} file path of the executable
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} env
 */
export function become(file, args, env) {
  if (process.execve) process.execve(file, [file, ...args], env)
  const child = spawn(file, args, { env, stdio: 'inherit' })
  const signals = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'])
  for (const signal of signals) process.on(signal, () => child.kill(signal))
  child.on('error', error => {
    process.stderr.write(`signet: ${error.message}\n`)
    process.exitCode = 1
  })
  child.on('exit', (code, signal) => {
    for (const name of signals) process.removeAllListeners(name)
    if (signal) process.kill(process.pid, signal)
    else process.exitCode = code ?? 1
  })
}
