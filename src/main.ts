import { fileURLToPath } from 'node:url'
import { systemSource } from './config.ts'
import { runCommand } from './cli/run.ts'
import { sizePool } from './config/thread-pool.ts'

sizePool()

process.exitCode = await runCommand(process.argv.slice(2), {
  source: systemSource(),
  root: fileURLToPath(new URL('../', import.meta.url)),
  now: () => new Date(),
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
})
