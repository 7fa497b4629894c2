import { escapeHtml } from '../lib/html.ts'

/** Markup that is safe to put into a page as it stands. Only `html` and `trusted` make it. */
export class Html {
  readonly source: string
  constructor(source: string) {
    this.source = source
  }
  toString(): string {
    return this.source
  }
}

type Part = Html | string | number | false | null | undefined | readonly Part[]

/**
 * Template for markup: every value is escaped, for text and for quoted attributes alike, unless it is `Html` itself. Lists are
 * joined; `false`, `null` and `undefined` leave nothing, so that `${condition && html`…`}` reads well.
 * Attribute values must stand in double quotes.
 */
export const html = (strings: TemplateStringsArray, ...parts: Part[]): Html =>
  new Html(strings.reduce((page, string, index) => page + render(parts[index - 1]) + string))

/** Takes markup that was made elsewhere as safe: the rendered views, a checked style sheet. Never text from outside. */
export const trusted = (source: string): Html => new Html(source)

function render(part: Part): string {
  if (part instanceof Html) return part.source
  if (part === false || part === null || part === undefined) return ''
  return Array.isArray(part) ? part.map(render).join('') : escapeHtml(String(part))
}

/**
 * JSON for a `<script type="application/json">`: it cannot end the element or open a comment, whatever it holds,
 * and reads back as the same value.
 */
export const jsonForScript = (value: unknown): Html =>
  new Html(JSON.stringify(value).replace(/[<>&\u2028\u2029]/g, character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`))

/** A style sheet for a `<style>` element: `</style` in it, as in a comment or a string, cannot end the element. */
export const cssForStyle = (css: string): Html => new Html(css.replace(/<(?=[/!])/g, '\\3c '))

/** A URL as a quoted CSS string with its `url()`. */
export const cssUrl = (url: string): Html =>
  new Html(
    `url("${url.replace(/["'\\()<>\s]/g, character => encodeURIComponent(character).replace(/[()']/g, c => `%${c.charCodeAt(0).toString(16)}`))}")`,
  )
