/**
 * YAML text → unresolved values. The `yaml` package does the syntax; what a scalar means, which tags exist,
 * and how much a document may cost is decided here.
 */
import { Composer, isAlias, isMap, isScalar, isSeq, Lexer, LineCounter, Parser } from 'yaml'
import type { Alias, Document, ParsedNode, Scalar, YAMLMap } from 'yaml'
import { BlueprintError, isMapping, isSequence } from './document.ts'
import type { Mapping, Unresolved } from './document.ts'
import { budget, checkDepth, MAX_BYTES, MAX_DEPTH, MAX_LEXEMES, MAX_NODES } from './limits.ts'
import type { Budget } from './limits.ts'
import { resolvePlain, resolveTagged } from './scalars.ts'
import { buildTag } from './tags.ts'
import type { Argument } from './tags.ts'

export type Positions = {
  /** 1-based line on which this very mapping or sequence starts. */
  lineOf(value: Unresolved): number | null
}
export type Yaml = { root: Unresolved; positions: Positions; warnings: string[]; nodes: Budget }

/**
 * The package composes by recursion, so the depth is watched while its (iterative) parser still reads;
 * and the number of pieces, since it takes a second for a few hundred thousand.
 */
function* tokens(source: string, lines: LineCounter) {
  const parser = new Parser(lines.addNewLine)
  parser.offset = 0
  lines.addNewLine(0)
  const lexemes = budget(MAX_LEXEMES, 'pieces of text')
  for (const lexeme of new Lexer().lex(source)) {
    lexemes.spend(1, null)
    yield* parser.next(lexeme)
    // An item of a mapping or sequence adds up to two levels to this stack.
    if (parser.stack.length > 3 * MAX_DEPTH) {
      throw new BlueprintError(`Nested more than ${MAX_DEPTH} levels deep`, lines.linePos(parser.offset).line)
    }
  }
  yield* parser.end()
}

function compose(source: string, lines: LineCounter): Document.Parsed {
  let found: Document.Parsed | undefined
  const options = { schema: 'failsafe', resolveKnownTags: false, uniqueKeys: false, prettyErrors: false, lineCounter: lines } as const
  for (const document of new Composer(options).compose(tokens(source, lines), true, source.length)) {
    const [error] = document.errors
    if (error) throw new BlueprintError(error.message, lines.linePos(error.pos[0]).line, { cause: error })
    if (found) throw new BlueprintError('Only one document is allowed in a file', lines.linePos(document.range[0]).line)
    found = document
  }
  if (!found?.contents) throw new BlueprintError('The file is empty', null)
  return found
}

class Builder {
  readonly warnings: string[] = []
  readonly nodes = budget(MAX_NODES, 'values')
  readonly lines: LineCounter
  readonly starts = new Map<Unresolved, number>()
  readonly #targets: ReadonlyMap<Alias.Parsed, ParsedNode>
  readonly #open = new Set<ParsedNode>()

  constructor(document: Document.Parsed, lines: LineCounter) {
    this.#targets = aliasTargets(document.contents)
    this.lines = lines
  }

  build(node: ParsedNode | null, depth: number): Unresolved {
    if (!node) return null
    const line = this.lines.linePos(node.range[0]).line
    this.nodes.spend(1, line)
    checkDepth(depth, line)
    if (isAlias(node)) return this.#alias(node, line, depth)
    const tag = node.tag ?? ''
    if (isScalar(node)) return this.#scalar(node, tag, line, depth)
    const built = isMap(node) ? this.#map(node, depth) : node.items.map(item => this.build(item, depth + 1))
    this.starts.set(built, line)
    if (tag === '' || tag === '!' || tag === `tag:yaml.org,2002:${isMap(node) ? 'map' : 'seq'}`) return built
    // No tag takes a mapping: the builder's own message names the form it wants.
    const argument: Argument = isSequence(built) ? { items: built } : { items: [] }
    return buildTag(this.#name(tag, line), argument, { line, depth, nodes: this.nodes })
  }

  #name(tag: string, line: number): string {
    if (!tag.startsWith('!')) throw new BlueprintError(`Unsupported YAML tag ${tag}`, line)
    return tag.slice(1)
  }

  /** Anchors are expanded by building them again: every copy is counted, so a bomb runs out of nodes. */
  #alias(alias: Alias.Parsed, line: number, depth: number): Unresolved {
    const node = this.#targets.get(alias)
    if (!node) throw new BlueprintError(`Unknown alias *${alias.source}`, line)
    if (this.#open.has(node)) throw new BlueprintError(`Alias *${alias.source} contains itself`, line)
    this.#open.add(node)
    const built = this.build(node, depth)
    this.#open.delete(node)
    return built
  }

  #scalar(node: Scalar.Parsed, tag: string, line: number, depth: number): Unresolved {
    const text = typeof node.value === 'string' ? node.value : ''
    if (tag === '') return node.type === 'PLAIN' ? resolvePlain(text) : text
    if (tag === '!') return text
    if (tag.startsWith('tag:yaml.org,2002:')) {
      const value = resolveTagged(tag, text)
      if (value === undefined) throw new BlueprintError(`${JSON.stringify(text)} does not fit the YAML tag ${tag}`, line)
      return value
    }
    return buildTag(this.#name(tag, line), { text }, { line, depth, nodes: this.nodes })
  }

  #map(node: YAMLMap.Parsed, depth: number): Mapping {
    const own = new Map<string, Unresolved>()
    const merged = new Map<string, Unresolved>()
    for (const pair of node.items) {
      const line = this.lines.linePos(pair.key?.range[0] ?? node.range[0]).line
      if (isScalar(pair.key) && pair.key.type === 'PLAIN' && !pair.key.tag && pair.key.value === '<<') {
        for (const [key, value] of this.#mergeSource(pair.value, line, depth)) if (!merged.has(key)) merged.set(key, value)
        continue
      }
      const key = this.#key(pair.key, line, depth)
      if (own.has(key)) this.warnings.push(`line ${line}: The key ${key} is repeated; the last one counts`)
      own.set(key, this.build(pair.value, depth + 1))
    }
    return merged.size === 0 ? own : new Map([...merged, ...own])
  }

  #key(node: ParsedNode | null, line: number, depth: number): string {
    const key = this.build(node, depth + 1)
    if (key !== null && typeof key === 'object') throw new BlueprintError('A key must be plain text', line)
    if (key === '__proto__') throw new BlueprintError('The key __proto__ is not allowed', line)
    return String(key)
  }

  /** YAML 1.1 merge key: a mapping or several, earlier ones winning. */
  #mergeSource(node: ParsedNode | null, line: number, depth: number): [string, Unresolved][] {
    const value = this.build(node, depth + 1)
    const sources = isSequence(value) ? value : [value]
    return sources.flatMap(source => {
      if (!isMapping(source)) throw new BlueprintError('<< expects a mapping or a list of mappings', line)
      return [...source]
    })
  }
}

/** Alias → node. In the order of the text, since an anchor's name may be given again: the nearest one before the alias counts. */
function aliasTargets(root: ParsedNode | null): Map<Alias.Parsed, ParsedNode> {
  const anchors = new Map<string, ParsedNode>()
  const targets = new Map<Alias.Parsed, ParsedNode>()
  const visit = (node: ParsedNode | null) => {
    if (!node) return
    if (isAlias(node)) {
      const target = anchors.get(node.source)
      if (target) targets.set(node, target)
      return
    }
    if (node.anchor) anchors.set(node.anchor, node)
    if (isSeq(node)) for (const item of node.items) visit(item)
    if (isMap(node)) {
      for (const pair of node.items) {
        visit(pair.key)
        visit(pair.value)
      }
    }
  }
  visit(root)
  return targets
}

/**
 * Reads one YAML document with blueprint tags.
 * @throws BlueprintError with the line: syntax, unknown tags, and documents beyond the bounds of limits.ts.
 */
export function parseYaml(source: string): Yaml {
  if (Buffer.byteLength(source) > MAX_BYTES) throw new BlueprintError(`The file is larger than ${MAX_BYTES} bytes`, null)
  const lines = new LineCounter()
  const document = compose(source, lines)
  const builder = new Builder(document, lines)
  const root = builder.build(document.contents, 0)
  return { root, warnings: builder.warnings, nodes: builder.nodes, positions: { lineOf: value => builder.starts.get(value) ?? null } }
}
