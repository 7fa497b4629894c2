import { parseArgs } from 'node:util'
import { ConfigError } from '../config.ts'
import { CommandError, UsageError, type Command, type Terminal } from './command.ts'
import { commands, DEFAULT_COMMAND } from './commands.ts'

/**
 * Runs the command that the arguments name. Answers its exit code: 0 done, 1 failed with a sentence on stderr, 2 written wrongly.
 * Errors that are no sentence for the person at the terminal are thrown.
 */
export async function runCommand(args: readonly string[], terminal: Terminal): Promise<number> {
  const [first = DEFAULT_COMMAND, ...rest] = args
  if (['--help', '-h', 'help'].includes(first)) return printHelp(rest, terminal)
  // The two spellings that people try.
  const [name, given] = first.startsWith('-')
    ? [first === '--version' ? 'version' : DEFAULT_COMMAND, first === '--version' ? rest : args]
    : [first.replaceAll('-', '_'), rest]
  const entry = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (!entry) {
    terminal.stderr.write(`signet: there is no command ${JSON.stringify(first)}\n\n${overview()}`)
    return 2
  }
  const command = await entry.load()
  if (given.includes('--help') || given.includes('-h')) {
    terminal.stdout.write(usage(name, command))
    return 0
  }
  try {
    const { values, positionals } = parse(command, given)
    return (await command.run(terminal, values, positionals)) ?? 0
  } catch (error) {
    if (error instanceof UsageError) terminal.stderr.write(`signet: ${error.message}\n\n${usage(name, command)}`)
    else if (error instanceof ConfigError)
      terminal.stderr.write(
        `signet: the configuration cannot be used:\n${error.problems.map(problem => `  ${problem.variable}: got ${problem.held}, expected ${problem.expected}\n`).join('')}`,
      )
    else if (error instanceof CommandError) terminal.stderr.write(`${error.message}\n`)
    else throw error
    return error instanceof UsageError ? 2 : error instanceof CommandError ? error.exitCode : 1
  }
}

function parse(command: Command, args: readonly string[]): { values: Record<string, string | boolean | undefined>; positionals: string[] } {
  const [least, most] = command.positionals ?? [0, 0]
  try {
    const { values, positionals } = parseArgs({ args: [...args], options: command.options ?? {}, allowPositionals: true, strict: true })
    if (positionals.length < least) throw new UsageError('an argument is missing')
    if (positionals.length > most) throw new UsageError(`${JSON.stringify(positionals[most])} is one argument too many`)
    return { values: values as Record<string, string | boolean | undefined>, positionals }
  } catch (error) {
    if (error instanceof UsageError) throw error
    throw new UsageError((error as Error).message.split('. ')[0])
  }
}

async function printHelp([name]: readonly string[], terminal: Terminal): Promise<number> {
  const entry = name !== undefined && Object.hasOwn(commands, name) ? commands[name] : undefined
  terminal.stdout.write(entry ? usage(name!, await entry.load()) : overview())
  return 0
}

const usage = (name: string, { arguments: shown, help }: Command): string =>
  `Usage: signet ${[name, shown].filter(Boolean).join(' ')}\n\n${help.trim()}\n`

function overview(): string {
  const width = Math.max(...Object.keys(commands).map(name => name.length))
  const lines = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}\n`)
  return `Usage: signet <command> [argument…]\n\n${lines.join('')}\nsignet <command> --help tells more. Settings come from the environment: SIGNET_… or AUTHENTIK_….\n`
}
