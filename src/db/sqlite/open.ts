import { closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { explainedOf } from '../fault.ts'
import { addFunctions } from './functions.ts'

/** Opens a connection that can only read. */
export const openReader = (file: string): DatabaseSync => {
  const connection = new DatabaseSync(file, { readOnly: true, timeout: 5000 })
  connection.exec('pragma temp_store = memory')
  addFunctions(connection)
  return connection
}

/**
 * Opens the connection that writes, and makes the file when there is none.
 * @throws DatabaseUnusableError; busy when another process is opening it at the same moment: to be tried again
 */
export const openWriter = (file: string): DatabaseSync => {
  try {
    return opened(file)
  } catch (error) {
    throw explainedOf(file, error)
  }
}

const opened = (file: string): DatabaseSync => {
  if (file !== ':memory:') {
    mkdirSync(dirname(file), { recursive: true })
    // Secrets are inside: nobody else's to read. SQLite gives its side files the same permissions.
    closeSync(openSync(file, 'a', 0o600))
  }
  const connection = new DatabaseSync(file, { timeout: 0 })
  try {
    connection.exec('pragma journal_mode = wal')
  } catch (error) {
    connection.close()
    throw error
  }
  // Commits are brought to the disk by `WalSync`, off the event loop; checkpoints by SQLite itself.
  connection.exec('pragma synchronous = normal')
  connection.exec('pragma foreign_keys = on')
  connection.exec('pragma temp_store = memory')
  connection.exec('pragma journal_size_limit = 67108864')
  addFunctions(connection)
  return connection
}
