import type { Directory } from './client.ts'

/** How the values of an attribute are written. */
export type Syntax = 'text' | 'integer' | 'boolean' | 'time' | 'bytes'
export type AttributeKind = { single: boolean; syntax: Syntax }
/** What a directory says of its attributes; names in any case. */
export type DirectorySchema = (name: string) => AttributeKind

/** RFC 4517 §3.3; AD's large integers and tagged values among them. */
const SYNTAXES: Readonly<Record<string, Syntax>> = {
  '1.3.6.1.4.1.1466.115.121.1.27': 'integer',
  '1.2.840.113556.1.4.906': 'integer',
  '1.3.6.1.4.1.1466.115.121.1.7': 'boolean',
  '1.3.6.1.4.1.1466.115.121.1.24': 'time',
  '1.3.6.1.4.1.1466.115.121.1.5': 'bytes',
  '1.3.6.1.4.1.1466.115.121.1.8': 'bytes',
  '1.3.6.1.4.1.1466.115.121.1.28': 'bytes',
  '1.3.6.1.4.1.1466.115.121.1.40': 'bytes',
}

/** Nothing is known: many values, all of them text. */
const UNKNOWN: AttributeKind = { single: false, syntax: 'text' }

type Definition = { names: string[]; parent?: string; syntax?: string; single: boolean }

/** One definition of RFC 4512 §4.1.2: `( 2.5.4.3 NAME ( 'cn' 'commonName' ) SUP name SINGLE-VALUE )`. */
function readDefinition(text: string): Definition {
  const tokens = [...text.matchAll(/'([^']*)'|[()]|[^\s()']+/g)].map(([token, quoted]) => quoted ?? token)
  const definition: Definition = { names: [tokens[1] ?? ''], single: false }
  for (let at = 2; at < tokens.length; at++) {
    const next = tokens[at + 1] ?? ''
    if (tokens[at] === 'NAME') definition.names.push(...(next === '(' ? tokens.slice(at + 2, tokens.indexOf(')', at)) : [next]))
    else if (tokens[at] === 'SUP') definition.parent = next.toLowerCase()
    else if (tokens[at] === 'SYNTAX') definition.syntax = next.replace(/\{.*$/, '')
    else if (tokens[at] === 'SINGLE-VALUE') definition.single = true
  }
  return definition
}

/** A schema from the definitions of a directory's `attributeTypes`. */
export function schemaFrom(definitions: Iterable<string>): DirectorySchema {
  const known = new Map<string, Definition>()
  for (const text of definitions) {
    const definition = readDefinition(text)
    for (const name of definition.names) known.set(name.toLowerCase(), definition)
  }
  const syntaxOf = (definition: Definition | undefined, depth = 0): Syntax => {
    if (!definition || depth > 8) return 'text'
    if (definition.syntax !== undefined) return SYNTAXES[definition.syntax] ?? 'text'
    return syntaxOf(known.get(definition.parent ?? ''), depth + 1)
  }
  const kinds = new Map<string, AttributeKind>()
  return name => {
    // Options (`;lang-de`, `;binary`) do not change the kind.
    const key = name.toLowerCase().replace(/;.*$/, '')
    const found = kinds.get(key)
    if (found) return found
    const definition = known.get(key)
    const kind = definition ? { single: definition.single, syntax: syntaxOf(definition) } : UNKNOWN
    kinds.set(key, kind)
    return kind
  }
}

/** Asks a directory for its schema (RFC 4512 §4.2); one that does not say is taken to have many values of text everywhere. */
export async function readSchema(directory: Directory): Promise<DirectorySchema> {
  const root = await directory.entry('', ['subschemaSubentry'])
  const name = root && String([...root.attributes.values()][0]?.[0] ?? '')
  const schema = name ? await directory.entry(name, ['attributeTypes']) : undefined
  return schemaFrom([...(schema?.attributes.values() ?? [])].flat().map(String))
}
