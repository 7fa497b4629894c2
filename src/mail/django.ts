import type { Context, Emitter, Liquid, TagToken, Template, TopLevelToken } from 'liquidjs'

/**
 * What operators' templates, written for Django's language, use beyond what Liquid shares with it: inheritance, translated texts
 * (shown in the language they are written in), relative times, `safe`.
 */

/** A tag as an object of functions; liquidjs names no type for it. */
type TagImplOptions = Exclude<Parameters<Liquid['registerTag']>[1], new (...args: never[]) => unknown>

const QUOTED = /^\s*(?:"([^"]*)"|'([^']*)')/

const UNITS: readonly [string, number][] = [
  ['week', 604_800],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1],
]

/** `in 30 minutes`, `2 days ago`, by the largest unit that fits. */
export function naturalTime(value: unknown, now: Date): string {
  const date = value instanceof Date ? value : new Date(String(value))
  const seconds = Math.round((date.getTime() - now.getTime()) / 1_000)
  if (Number.isNaN(seconds)) return String(value)
  const [unit, length] = UNITS.find(([, length]) => Math.abs(seconds) >= length) ?? ['second', 1]
  const count = Math.round(Math.abs(seconds) / length)
  const span = `${count} ${unit}${count === 1 ? '' : 's'}`
  return seconds >= 0 ? `in ${span}` : `${span} ago`
}

/** `a=b c="d"`: names and the expressions behind them. */
const assignments = (args: string): [string, string][] =>
  [...args.matchAll(/(\w+)=("[^"]*"|'[^']*'|\S+)/g)].map(([, name, value]) => [name!, value!])

/** Teaches an engine these tags and filters. */
export function speakDjango(engine: Liquid, now: () => Date): void {
  const nothing = { parse() {}, render: () => '' }
  for (const name of ['load', 'inline_static_content', 'inline_static_binary', 'static']) engine.registerTag(name, nothing)
  engine.registerTag('extends', engine.tags.layout!)

  const translated: TagImplOptions = {
    parse(token: TagToken) {
      const quoted = QUOTED.exec(token.args)
      if (quoted) this.literal = quoted[1] ?? quoted[2] ?? ''
      else this.expression = token.args.trim().split(/\s/, 1)[0]!
    },
    *render(context: Context) {
      return (
        (this.literal as string | undefined) ?? ((yield this.liquid._evalValue(`${String(this.expression)} | escape`, context)) as string)
      )
    },
  }
  for (const name of ['trans', 'translate']) engine.registerTag(name, translated)

  const block: TagImplOptions = {
    parse(token: TagToken, rest: TopLevelToken[]) {
      const templates: Template[] = (this.templates = [])
      this.names = assignments(token.args)
      let plural = false
      while (rest.length > 0) {
        const next = rest.shift()!
        const name = (next as Partial<TagToken>).name
        if (name === 'endblocktrans' || name === 'endblocktranslate') return
        if (name === 'plural') plural = true
        else if (!plural) templates.push(this.liquid.parser.parseToken(next, rest))
      }
      throw new Error(`tag ${token.getText()} not closed`)
    },
    *render(context: Context, emitter: Emitter) {
      const scope: Record<string, unknown> = {}
      for (const [name, expression] of this.names as [string, string][]) scope[name] = yield this.liquid._evalValue(expression, context)
      context.push(scope)
      yield this.liquid.renderer.renderTemplates(this.templates as Template[], context, emitter)
      context.pop()
    },
  }
  for (const name of ['blocktrans', 'blocktranslate']) engine.registerTag(name, block)

  engine.registerFilter('naturaltime', (value: unknown) => naturalTime(value, now()))
  engine.registerFilter('safe', { raw: true, handler: (value: unknown) => value })
}
