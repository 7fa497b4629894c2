/** What a database cannot do for a while, or at all, and how it is said. */

/** The database cannot be used as it is. The message is a sentence for the person who runs the program. */
export class DatabaseUnusableError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'DatabaseUnusableError'
  }
}

const passing = new WeakSet<object>()

/** Remembers of an error that it is the database's own, and may pass by itself. */
export function markUnavailable<E>(error: E): E {
  if (typeof error === 'object' && error !== null) passing.add(error)
  return error
}

/** Result codes of SQLite: busy, readonly, an error of the disk, a full disk. */
const PASSING_SQLITE: ReadonlySet<number> = new Set([5, 8, 10, 13])

/** Whether the database is away, busy, out of space or reads only: whoever asks again later may be served. */
export function isUnavailable(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false
  const { code, errcode, cause } = error as { code?: unknown; errcode?: unknown; cause?: unknown }
  if (passing.has(error)) return true
  if (code === 'ERR_SQLITE_ERROR' && typeof errcode === 'number' && PASSING_SQLITE.has(errcode & 0xff)) return true
  return cause !== error && isUnavailable(cause)
}

const SENTENCES: readonly { codes: readonly unknown[]; says: (file: string) => string }[] = [
  { codes: [26], says: file => `${file} is no SQLite database. It was not touched: name another file or folder, or move it away.` },
  {
    codes: [3, 8, 14, 'EACCES', 'EPERM', 'EROFS'],
    says: file =>
      `${file} cannot be written. It and its folder must belong to the account that runs the program, on a disk that is not read-only.`,
  },
  { codes: [13, 'ENOSPC', 'EDQUOT'], says: file => `${file} cannot be written: the disk is full.` },
  { codes: ['EISDIR'], says: file => `${file} is a folder, where the database should be.` },
]

/** A failure to open a SQLite file as a sentence; the error itself where there is none. */
export function explainedOf(file: string, error: unknown): unknown {
  const { code, errcode } = error as { code?: unknown; errcode?: number }
  const known = SENTENCES.find(({ codes }) => codes.includes(errcode === undefined ? code : errcode & 0xff))
  return known ? new DatabaseUnusableError(known.says(file), error) : error
}
