import { readConfig, type Shown } from '../config.ts'
import { CommandError, type Command } from './command.ts'

export const dumpConfig: Command = {
  arguments: '[--sources] [key]',
  help: `
Prints the settings in force as JSON, secrets as ******. With a key (web.threads, or a group such as web) prints that alone.

  --sources   prints key, value and where it comes from, a line each

Ends with 1 for a key that is no setting, or when the configuration cannot be used.`,
  options: { sources: { type: 'boolean' } },
  positionals: [0, 1],
  async run({ source, stdout }, values, [key]) {
    const { entries } = readConfig(source)
    const wanted = key === undefined ? entries : entries.filter(entry => entry.key === key || entry.key.startsWith(`${key}.`))
    if (wanted.length === 0) throw new CommandError(`There is no setting ${key}.`)
    if (values.sources) {
      for (const { key, value, source } of wanted) stdout.write(`${key}=${JSON.stringify(value)}\t${source}\n`)
      return
    }
    const tree: { [name: string]: Shown } = {}
    for (const { key, value } of wanted) put(tree, key.split('.'), value)
    const shown = (key?.split('.') ?? []).reduce<Shown>((value, name) => (value as { [name: string]: Shown })[name]!, tree)
    stdout.write(`${typeof shown === 'string' ? shown : JSON.stringify(shown, null, 4)}\n`)
  },
}

function put(tree: { [name: string]: Shown }, [name = '', ...rest]: readonly string[], value: Shown): void {
  if (rest.length === 0) tree[name] = value
  else put((tree[name] ??= {}) as { [name: string]: Shown }, rest, value)
}
