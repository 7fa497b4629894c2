import { link, mkdir, open, readFile, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { RandomBytes } from '../lib/random.ts'
import { LETTERS_AND_DIGITS, randomString } from '../lib/random.ts'

const LENGTH = 60
const MIN_LENGTH = 32

/**
 * The secret key: the configured one, else the one in `<data dir>/secret.key`, which is made at the first start (60 random characters,
 * readable by the owner alone). Of processes that start at once one makes it and all read the same; a file that is there is complete.
 * @throws Error when the file holds fewer than 32 characters, or cannot be read or made
 */
export async function loadSecretKey(config: { secret_key: string | null; data_dir: string }, random?: RandomBytes): Promise<string> {
  if (config.secret_key !== null) return config.secret_key
  const path = join(config.data_dir, 'secret.key')
  const key = (await read(path)) ?? (await create(config.data_dir, path, randomString(LENGTH, LETTERS_AND_DIGITS, random)))
  if (key.length < MIN_LENGTH) throw new Error(`${path} holds fewer than ${MIN_LENGTH} characters; restore it, or set SIGNET_SECRET_KEY.`)
  return key
}

async function read(path: string): Promise<string | undefined> {
  try {
    return (await readFile(path, 'utf8')).trim()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

async function create(folder: string, path: string, key: string): Promise<string> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  // Written and flushed beside, then linked: the name appears with all of its content, and only if nobody was faster.
  const draft = `${path}.${process.pid}.${randomString(8)}`
  const file = await open(draft, 'wx', 0o600)
  try {
    try {
      await file.writeFile(`${key}\n`)
      await file.sync()
    } finally {
      await file.close()
    }
    await link(draft, path)
    await syncFolder(folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    await unlink(draft)
  }
  const kept = await read(path)
  if (kept === undefined) throw new Error(`${path} vanished while it was being made.`)
  return kept
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
