/** textwrap and html. */
import { raise } from '../errors.ts'
import { text } from '../builtins/str.ts'
import { countText } from '../search.ts'
import { defineModule, native } from '../module.ts'
import type { Runtime } from '../module.ts'
import { PyList, type PyModule, type Value } from '../values.ts'

const pay = (value: Value, rt: Runtime): string => {
  const s = text(value)
  rt.charge(1 + s.length)
  rt.alloc(s.length * 2)
  return s
}

function dedent(source: string): string {
  const lines = source.split('\n').map(line => (/^[ \t]*$/.test(line) ? '' : line))
  let margin: string | null = null
  for (const line of lines) {
    if (!line) continue
    const indent = /^[ \t]*/.exec(line)![0]
    if (margin === null) margin = indent
    let common = 0
    while (common < margin.length && margin[common] === indent[common]) common++
    margin = margin.slice(0, common)
  }
  return margin ? lines.map(line => (line.startsWith(margin) ? line.slice(margin.length) : line)).join('\n') : lines.join('\n')
}

/** Breaks text at spaces and after hyphens; words longer than a line are cut. */
function wrap(source: string, width: number, first: string, rest: string, rt: Runtime): string[] {
  rt.charge(3 * source.length)
  if (width <= 0) raise('ValueError', `invalid width ${width} (must be > 0)`)
  const chunks = source
    .replace(/[\t-\r ]/g, ' ')
    .trim()
    .split(/( +|(?<=[a-zA-Z]-)(?=[a-zA-Z]))/)
    .filter(Boolean)
  const lines: string[] = []
  let line = ''
  const prefix = () => (lines.length ? rest : first)
  const flush = () => {
    rt.charge(5 + (prefix().length >> 6))
    rt.alloc(64 + prefix().length)
    if (line.trim()) lines.push(prefix() + line.trimEnd())
    line = ''
  }
  for (let chunk of chunks) {
    if (!line && !chunk.trim()) continue
    if (prefix().length + line.length + chunk.length > width && chunk.trim()) {
      const room = width - prefix().length
      if (chunk.length > Math.max(1, width - rest.length)) {
        while (chunk.length) {
          const free = Math.max(1, width - prefix().length - line.length)
          if (chunk.length <= free) break
          line += chunk.slice(0, free)
          chunk = chunk.slice(free)
          flush()
        }
        line += chunk
        continue
      }
      if (room >= 0) flush()
    }
    if (line || chunk.trim()) line += chunk
  }
  flush()
  return lines
}

export const textwrap: PyModule = defineModule('textwrap', {
  dedent: native('dedent', 'text', ([s], rt) => dedent(pay(s, rt))),
  indent: native('indent', 'text, prefix, predicate=None', ([s, prefix], rt) => {
    const source = pay(s, rt)
    // As many lines as there can be are paid before they are made.
    const lines = countText(source, '\n') + 1
    rt.charge(2 * lines + ((lines * text(prefix).length) >> 6))
    rt.alloc(lines * text(prefix).length)
    return source.replace(/^(?=[^\S\n]*\S)/gm, () => prefix)
  }),
  wrap: native(
    'wrap',
    "text, width=70, *, initial_indent='', subsequent_indent=''",
    ([s, width, first, rest], rt) => new PyList(wrap(pay(s, rt), Number(width), first, rest, rt)),
  ),
  fill: native('fill', "text, width=70, *, initial_indent='', subsequent_indent=''", ([s, width, first, rest], rt) =>
    wrap(pay(s, rt), Number(width), first, rest, rt).join('\n'),
  ),
  shorten: native('shorten', "text, width, *, placeholder=' [...]'", ([s, width, placeholder], rt) => {
    const source = pay(s, rt)
    rt.charge(source.length)
    const words = source.trim().split(/\s+/)
    const all = words.join(' ')
    if (all.length <= width) return all
    let length = all.length
    while (words.length && length + placeholder.length > width) length -= words.pop()!.length + 1
    return words.length ? words.join(' ') + placeholder : placeholder.trimStart()
  }),
})

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#x27;' }
const named: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: '\u00a0', copy: '©', euro: '€' }

export const html: PyModule = defineModule('html', {
  escape: native('escape', 's, quote=True', ([s, quote], rt) => {
    const source = pay(s, rt)
    rt.alloc(4 * source.length)
    return source.replace(quote ? /[&<>"']/g : /[&<>]/g, c => ENTITIES[c]!)
  }),
  unescape: native('unescape', 's', ([s], rt) =>
    pay(s, rt).replace(/&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|(\w{1,32}));/g, (all: string, dec?: string, hex?: string, name?: string) => {
      if (name !== undefined) return Object.hasOwn(named, name) ? named[name]! : all
      const code = dec === undefined ? parseInt(hex!, 16) : Number(dec)
      return code <= 0x10ffff ? String.fromCodePoint(code) : all
    }),
  ),
})
