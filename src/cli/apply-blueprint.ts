import { importBlueprint, parsedBlueprint, shippedBlueprint } from '../blueprints/once.ts'
import { CommandError, fileText, type Command } from './command.ts'
import { withContext } from './with-context.ts'

export const applyBlueprintCommand: Command = {
  arguments: '<file or path>…',
  help: `
Applies blueprints once, each wholly or not at all. A path that begins with "example/", "default/" or "system/" names one that comes with the
server; anything else is a file. Prints what was noticed; ends with 1 when one was refused.`,
  positionals: [1, 1_000],
  async run(terminal, _values, paths) {
    await withContext(terminal, async ctx => {
      for (const path of paths) {
        const document = /^(?:example|default|system)\//.test(path)
          ? await shippedBlueprint(ctx, path)
          : parsedBlueprint(await fileText(terminal, path), 'file')
        const { success, logs } = await importBlueprint(ctx, document, path)
        for (const { log_level: level, event, attributes } of logs) {
          if (level === 'warning' || level === 'error') terminal.stderr.write(`${path}: ${level}: ${event} ${JSON.stringify(attributes)}\n`)
        }
        if (!success) throw new CommandError(`${path} was not applied.`)
        terminal.stdout.write(`Applied ${path}.\n`)
      }
    })
  },
}
