/** Blueprint files on disk: discovery, reading by a path that somebody else wrote, and what !Env and !File may see. */
import { createHash } from 'node:crypto'
import { constants, open, readdir, realpath } from 'node:fs/promises'
import { isAbsolute, join, sep } from 'node:path'
import type { SystemAccess } from './evaluate.ts'
import { MAX_BYTES } from './limits.ts'

export type BlueprintFile = {
  /** Below the blueprint directory, with `/` between its parts. */
  path: string
  modified: Date
  /** SHA-512 of the bytes, hex. */
  hash: string
  source: string
}

const MISSING = new Set(['ENOENT', 'ENOTDIR', 'EISDIR', 'EACCES', 'ELOOP', 'ENAMETOOLONG', 'ERR_INVALID_ARG_VALUE'])
const isMissing = (error: unknown) => MISSING.has((error as NodeJS.ErrnoException).code ?? '')

/** A regular file of at most `MAX_BYTES` + 1 bytes, so that the parser still sees that one is too large. */
async function readRegular(path: string): Promise<{ bytes: Buffer; modified: Date } | null> {
  try {
    // Opening without waiting: a named pipe would otherwise hold the start of the server up for ever.
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    const stat = await file.stat()
    if (!stat.isFile()) return null
    // Files of the kernel have no size before they are read.
    const room = 1 + (stat.size === 0 ? MAX_BYTES : Math.min(stat.size, MAX_BYTES))
    const { buffer, bytesRead } = await file.read(Buffer.alloc(room), 0, room, 0)
    return { bytes: buffer.subarray(0, bytesRead), modified: stat.mtime }
  } catch (error) {
    if (isMissing(error)) return null
    throw error
  }
}

/**
 * Reads one blueprint by its path below `root`. The path may come from the API: hidden parts, `..`, and links that lead out of
 * the directory are treated as missing.
 * @returns null when there is no such file.
 */
export async function readBlueprint(root: string, path: string): Promise<BlueprintFile | null> {
  const parts = path.split('/')
  if (isAbsolute(path) || !path.endsWith('.yaml') || parts.some(part => part === '' || part.startsWith('.') || part.includes('\\')))
    return null
  try {
    const [base, real] = await Promise.all([realpath(root), realpath(join(root, path))])
    if (!real.startsWith(base + sep)) return null
    const file = await readRegular(real)
    return (
      file && {
        path,
        modified: file.modified,
        hash: createHash('sha512').update(file.bytes).digest('hex'),
        source: file.bytes.toString('utf8'),
      }
    )
  } catch (error) {
    if (isMissing(error)) return null
    throw error
  }
}

/** Paths of the YAML files below a directory; hidden ones are left out, links to directories are not followed. */
async function yamlBelow(root: string, folder = ''): Promise<string[]> {
  const entries = await readdir(join(root, folder), { withFileTypes: true }).catch((error: unknown) => {
    if (isMissing(error)) return []
    throw error
  })
  const paths: string[] = []
  for (const entry of entries) {
    if (entry.name.startsWith('.')) continue
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`
    if (entry.isDirectory()) paths.push(...(await yamlBelow(root, path)))
    else if (path.endsWith('.yaml')) paths.push(path)
  }
  return paths
}

/** All blueprints below `root`, sorted by path; none when the directory does not exist. */
export async function listBlueprints(root: string): Promise<BlueprintFile[]> {
  const paths = await yamlBelow(root)
  const files = await Promise.all(paths.sort().map(path => readBlueprint(root, path)))
  return files.filter(file => file !== null)
}

/** What !Env and !File see in blueprints of the server's own file system. Relative paths of !File start at the working directory. */
export function systemAccess(environment: Readonly<Record<string, string | undefined>>): SystemAccess {
  return {
    env: name => (Object.hasOwn(environment, name) ? environment[name] : undefined),
    async readFile(path) {
      const file = await readRegular(path)
      return file === null || file.bytes.length > MAX_BYTES ? null : file.bytes.toString('utf8')
    },
  }
}
