/** The program of the thread behind `Database.background`: one read-only connection, one question at a time. */
import type { SQLInputValue } from 'node:sqlite'
import { parentPort, workerData } from 'node:worker_threads'
import { openReader } from './open.ts'
import { Statements } from './statements.ts'

export type ReaderQuestion = { id: number; sql: string; parameters: SQLInputValue[] }

/** Rows as SQLite gave them with the declared types of their columns, or why there are none. */
export type ReaderAnswer = {
  id: number
  names: readonly string[]
  types: (string | null)[]
  rows?: unknown[][]
  error?: { message: string; code?: string; errcode?: number }
}

const statements = new Statements(openReader((workerData as { file: string }).file))

const answer = ({ id, sql, parameters }: ReaderQuestion): ReaderAnswer => {
  try {
    return { id, ...statements.raw(sql, parameters) }
  } catch (error) {
    const { message, code, errcode } = error as Error & { code?: string; errcode?: number }
    return {
      id,
      names: [],
      types: [],
      error: { message, ...(code === undefined ? {} : { code }), ...(errcode === undefined ? {} : { errcode }) },
    }
  }
}

// eslint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
parentPort!.on('message', (question: ReaderQuestion) => parentPort!.postMessage(answer(question)))
