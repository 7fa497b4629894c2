/** Development: the server from its sources, started again when one changes, and the web assets built again when one changes. */
import { spawn, type ChildProcess } from 'node:child_process'

const children: ChildProcess[] = [
  spawn('npm', ['run', '--silent', '--workspace', 'web', '--if-present', 'build', '--', '--watch'], { stdio: 'inherit' }),
  spawn(process.execPath, ['--watch', '--watch-preserve-output', '--enable-source-maps', 'src/main.ts', ...process.argv.slice(2)], {
    stdio: 'inherit',
  }),
]

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop(signal))
for (const child of children) {
  child.on('error', error => {
    console.error(error.message)
    stop('SIGTERM')
  })
  // One ends only when it cannot go on or was told to stop; the other alone would be half a development server.
  child.on('exit', code => {
    if (code) {
      process.exitCode = code
      stop('SIGTERM')
    }
  })
}

function stop(signal: NodeJS.Signals): void {
  for (const child of children) child.kill(signal)
}
