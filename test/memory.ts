import { accessSync, constants, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'

const ENOUGH = 1024 ** 3 // bytes

/**
 * The folder for databases of tests: in memory where the machine has room there, since what a test writes need not survive, and waiting
 * for a disk is much of its time. Never for programs: nothing may be executed there on some machines.
 */
export function memoryFolder(): string {
  const given = process.env.SIGNET_TEST_MEMORY
  if (given) return given
  const memory = '/dev/shm'
  try {
    accessSync(memory, constants.W_OK)
    const { bavail, bsize } = statfsSync(memory)
    if (bavail * bsize >= ENOUGH) return memory
  } catch (error) {
    if (!['ENOENT', 'EACCES', 'EROFS'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
  }
  return tmpdir()
}
