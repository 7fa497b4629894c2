/**
 * The blueprint document as it stands after parsing: YAML is gone, tags are still unresolved.
 * Mappings are `Map`s here, so that a plain object can only be a tag and no key can touch a prototype.
 */

/** A resolved value: what JSON can say. */
export type Value = null | boolean | number | string | Value[] | { [key: string]: Value }

export type Mapping = ReadonlyMap<string, Unresolved>
export type Unresolved = null | boolean | number | string | readonly Unresolved[] | Mapping | Tag

export const CONDITION_MODES = ['AND', 'NAND', 'OR', 'NOR', 'XOR', 'XNOR'] as const
export type ConditionMode = (typeof CONDITION_MODES)[number]

/** `fallback` is undefined when the tag was written without a default. */
export type Tag = { readonly line: number } & (
  | { readonly tag: 'KeyOf'; readonly id: string }
  | { readonly tag: 'Find' | 'FindObject'; readonly model: Unresolved; readonly conditions: readonly (readonly [Unresolved, Unresolved])[] }
  | { readonly tag: 'Context' | 'Env' | 'File'; readonly name: string; readonly fallback: Unresolved | undefined }
  | { readonly tag: 'Format'; readonly template: Unresolved; readonly values: readonly Unresolved[] }
  | { readonly tag: 'If'; readonly condition: Unresolved; readonly then: Unresolved; readonly otherwise: Unresolved }
  | { readonly tag: 'Condition'; readonly mode: ConditionMode; readonly values: readonly Unresolved[] }
  | { readonly tag: 'Enumerate'; readonly iterable: Unresolved; readonly output: 'SEQ' | 'MAP'; readonly body: Unresolved }
  | { readonly tag: 'Index' | 'Value'; readonly depth: number }
  | { readonly tag: 'AtIndex'; readonly object: Unresolved; readonly key: Unresolved; readonly fallback: Unresolved | undefined }
)

export const STATES = ['present', 'created', 'must_created', 'absent'] as const
export type State = (typeof STATES)[number]

export type PermissionGrant = { permission: Unresolved; user: Unresolved; role: Unresolved; line: number }

export type Entry = {
  line: number
  section: string | null
  id: string | null
  model: Unresolved
  state: Unresolved
  conditions: readonly Unresolved[]
  identifiers: Mapping
  attrs: Mapping
  permissions: readonly PermissionGrant[]
}

export type BlueprintDocument = {
  version: 1
  metadata: { name: string | null; labels: Readonly<Record<string, string>> }
  context: Mapping
  entries: readonly Entry[]
  /** What is odd but was accepted: repeated keys, unknown keys of an entry. */
  warnings: readonly string[]
}

/** The blueprint itself is at fault. The message is safe to show and starts with the line where known. */
export class BlueprintError extends Error {
  readonly line: number | null
  constructor(message: string, line: number | null, options?: { cause?: unknown }) {
    super(line === null ? message : `line ${line}: ${message}`, options)
    this.name = 'BlueprintError'
    this.line = line
  }
}

export const isMapping = (value: Unresolved | undefined): value is Mapping => value instanceof Map
export const isSequence = (value: Unresolved | undefined): value is readonly Unresolved[] => Array.isArray(value)
export const isTag = (value: Unresolved | undefined): value is Tag =>
  typeof value === 'object' && value !== null && !isMapping(value) && !isSequence(value)

/** An object from computed keys. `__proto__` is refused, since later code may assign what it reads. */
export function record(entries: Iterable<readonly [string, Value]>, line: number | null): { [key: string]: Value } {
  const object: { [key: string]: Value } = {}
  for (const [key, value] of entries) {
    if (key === '__proto__') throw new BlueprintError('The key __proto__ is not allowed', line)
    object[key] = value
  }
  return object
}
