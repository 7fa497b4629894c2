import type { FastifyInstance } from 'fastify'
import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, realpath, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join, relative, sep } from 'node:path'
import type { Deps } from '../deps.ts'
import { nameError, namedType } from './file-kinds.ts'

/** Uploaded pictures: files below one folder, served to everybody who knows their names. */

/** At most this many files: a folder is no database. */
const MAX_FILES = 10_000

/** Where uploads lie. */
export const mediaFolder = ({ config }: Pick<Deps, 'config'>): string =>
  join(config.storage.media.file.path ?? config.storage.file.path, 'media', 'public')

const missing = (error: unknown): boolean => ['ENOENT', 'ENOTDIR', 'EISDIR'].includes((error as NodeJS.ErrnoException).code ?? '')

/** A stored file's place; undefined for names that no upload could have. */
const placeOf = (deps: Pick<Deps, 'config'>, name: string): string | undefined =>
  nameError(name) === undefined ? join(mediaFolder(deps), ...name.split('/')) : undefined

/** The bytes of an upload; undefined when there is none of that name, or a link leads out of the folder. */
export async function readMedia(deps: Pick<Deps, 'config'>, name: string): Promise<Buffer | undefined> {
  const place = placeOf(deps, name)
  if (place === undefined) return undefined
  try {
    const root = await realpath(mediaFolder(deps))
    const real = await realpath(place)
    return real.startsWith(root + sep) ? await readFile(real) : undefined
  } catch (error) {
    if (missing(error)) return undefined
    throw error
  }
}

/** Keeps an upload, in place of one of the same name. Readers see the old file or the new one, never half of one. */
export async function writeMedia(deps: Pick<Deps, 'config' | 'uuid'>, name: string, bytes: Uint8Array): Promise<void> {
  const place = placeOf(deps, name)!
  await mkdir(dirname(place), { recursive: true })
  const draft = join(dirname(place), `.${deps.uuid()}`)
  await writeFile(draft, bytes, { flag: 'wx' })
  await rename(draft, place)
}

/** Deletes an upload; false when there was none. */
export async function removeMedia(deps: Pick<Deps, 'config'>, name: string): Promise<boolean> {
  if ((await readMedia(deps, name)) === undefined) return false
  await rm(placeOf(deps, name)!)
  return true
}

/** Names of all uploads, sorted. */
export async function listMedia(deps: Pick<Deps, 'config'>): Promise<string[]> {
  const root = mediaFolder(deps)
  try {
    const entries = await readdir(root, { recursive: true, withFileTypes: true })
    return entries
      .filter(entry => entry.isFile())
      .map(entry => relative(root, join(entry.parentPath, entry.name)).replaceAll(sep, '/'))
      .filter(name => nameError(name) === undefined)
      .toSorted()
      .slice(0, MAX_FILES)
  } catch (error) {
    if (missing(error)) return []
    throw error
  }
}

/** Scripts inside a picture must never run in our name: opened by itself, a file is a document without any rights. */
const SANDBOX = "default-src 'none'; style-src 'unsafe-inline'; sandbox"

/** `/files/media/public/…`, and the path that older links use. */
export function mediaSurface(app: FastifyInstance, deps: Deps): void {
  for (const prefix of ['/files/media/public/*', '/media/public/*']) {
    app.get(prefix, async (request, reply) => {
      const name = (request.params as { '*': string })['*']
      const bytes = await readMedia(deps, name)
      reply.headers({
        'X-Content-Type-Options': 'nosniff',
        'Content-Security-Policy': SANDBOX,
        'Cross-Origin-Resource-Policy': 'cross-origin',
      })
      if (bytes === undefined) return reply.code(404).type('text/plain; charset=utf-8').send('Not found.')
      const tag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`
      reply.headers({ ETag: tag, 'Cache-Control': 'public, max-age=3600' })
      if (request.headers['if-none-match'] === tag) return reply.code(304).send()
      return reply.type(namedType(name)!).send(bytes)
    })
  }
}
