import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { ParseArgsConfig } from 'node:util'
import type { ConfigSource } from '../config.ts'

/** What a command may touch of the world; tests hand in their own. */
export type Terminal = {
  source: ConfigSource
  /** The program's own folder, which holds `blueprints/` and `dist/web/`. */
  root: string
  now: () => Date
  stdin: NodeJS.ReadableStream & { isTTY?: boolean; setRawMode?: (raw: boolean) => unknown }
  stdout: { write: (text: string) => unknown }
  stderr: { write: (text: string) => unknown }
}

type Options = NonNullable<ParseArgsConfig['options']>
export type OptionValues = Readonly<Record<string, string | boolean | undefined>>

/** A command of the program. */
export type Command = {
  /** Its arguments, as the help shows them behind the name. */
  arguments: string
  /** What it does, what it prints and what it ends with: the text of `--help`. */
  help: string
  options?: Options
  /** How many arguments besides the options: at least, at most. */
  positionals?: readonly [number, number]
  /** Resolves to the exit code; nothing means 0. */
  run: (terminal: Terminal, values: OptionValues, positionals: readonly string[]) => Promise<number | void>
}

/** Ends a command with a sentence for the person who gave it. */
export class CommandError extends Error {
  readonly exitCode: number
  constructor(message: string, options: { exitCode?: number; cause?: unknown } = {}) {
    super(message, { cause: options.cause })
    this.name = 'CommandError'
    this.exitCode = options.exitCode ?? 1
  }
}

/** The text of a file that somebody named; relative to where they stand. @throws CommandError */
export async function fileText({ source }: Terminal, file: string): Promise<string> {
  try {
    return await readFile(resolve(source.cwd, file), 'utf8')
  } catch (error) {
    throw new CommandError(`${file} cannot be read: ${(error as Error).message}`, { cause: error })
  }
}

/** The command was written wrongly: its usage is shown, and the exit code is 2. */
export class UsageError extends Error {}

/** The text of an option that takes one. */
export const textOption = (values: OptionValues, name: string): string | undefined => {
  const value = values[name]
  return typeof value === 'string' ? value : undefined
}
