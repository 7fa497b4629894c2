import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { systemSource } from './config.ts'
import { runCommand } from './cli/run.ts'

// Hashing passwords runs in libuv's pool, which has four threads unless told otherwise before its first use.
if (availableParallelism() > 4) process.env.UV_THREADPOOL_SIZE ??= String(Math.min(availableParallelism(), 128))

process.exitCode = await runCommand(process.argv.slice(2), {
  source: systemSource(),
  root: fileURLToPath(new URL('../', import.meta.url)),
  now: () => new Date(),
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
})
