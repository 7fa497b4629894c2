/** Blueprint files: the document around the tags. */
import { BlueprintError, isMapping, isSequence, isTag, STATES } from './document.ts'
import type { BlueprintDocument, Entry, Mapping, PermissionGrant, Unresolved } from './document.ts'
import { parseYaml } from './yaml.ts'
import type { Positions } from './yaml.ts'

type Reader = { positions: Positions; warnings: string[] }

const EMPTY: Mapping = new Map()
const DOCUMENT_KEYS = ['version', 'metadata', 'context', 'entries']
const ENTRY_KEYS = ['model', 'id', 'state', 'conditions', 'identifiers', 'attrs', 'permissions']
const MODEL = /^[a-z0-9_]+\.[a-z0-9_]+$/i

function mapping(value: Unresolved | undefined, what: string, line: number | null): Mapping {
  if (value === undefined || value === null) return EMPTY
  if (!isMapping(value)) throw new BlueprintError(`${what} must be a mapping`, line)
  return value
}

function sequence(value: Unresolved | undefined, what: string, line: number | null): readonly Unresolved[] {
  if (value === undefined || value === null) return []
  if (!isSequence(value)) throw new BlueprintError(`${what} must be a list`, line)
  return value
}

function warnUnknown(map: Mapping, known: readonly string[], where: string, reader: Reader) {
  for (const key of map.keys()) {
    if (!known.includes(key))
      reader.warnings.push(`line ${reader.positions.lineOf(map) ?? 1}: ${where} has the unknown key ${key}, which is ignored`)
  }
}

function metadata(value: Unresolved | undefined, reader: Reader): BlueprintDocument['metadata'] {
  const map = mapping(value, 'metadata', null)
  const line = reader.positions.lineOf(map)
  const name = map.get('name') ?? null
  if (map.size > 0 && typeof name !== 'string') throw new BlueprintError('metadata needs a name', line)
  const labels: Record<string, string> = {}
  for (const [key, label] of mapping(map.get('labels'), 'labels', line)) {
    if (label === null || typeof label === 'object') throw new BlueprintError(`The label ${key} must be text`, line)
    labels[key] = String(label)
  }
  return { name: name as string | null, labels }
}

function permission(value: Unresolved, line: number, reader: Reader): PermissionGrant {
  const map = mapping(value, 'Each permission', line)
  const grant = { permission: map.get('permission') ?? null, user: map.get('user') ?? null, role: map.get('role') ?? null }
  const at = reader.positions.lineOf(map) ?? line
  if (grant.permission === null) throw new BlueprintError('A permission needs the key permission', at)
  if (grant.user === null && grant.role === null) throw new BlueprintError('A permission needs a user or a role', at)
  return { ...grant, line: at }
}

function entry(value: Unresolved, section: string | null, reader: Reader): Entry {
  const line = reader.positions.lineOf(value) ?? 1
  const map = mapping(value, 'Each entry', line)
  if (map.size === 0) throw new BlueprintError('An entry is empty', line)
  warnUnknown(map, ENTRY_KEYS, 'An entry', reader)

  const model = map.get('model') ?? null
  if (!isTag(model) && !(typeof model === 'string' && MODEL.test(model))) {
    throw new BlueprintError('An entry needs a model such as authentik_core.group', line)
  }
  const state = map.get('state') ?? 'present'
  if (!isTag(state) && !STATES.some(known => known === state)) throw new BlueprintError(`state must be one of ${STATES.join(', ')}`, line)
  const id = map.get('id') ?? null
  if (id !== null && typeof id === 'object') throw new BlueprintError('id must be text', line)

  return {
    line,
    section,
    id: id === null ? null : String(id),
    model,
    state,
    conditions: sequence(map.get('conditions'), 'conditions', line),
    identifiers: mapping(map.get('identifiers'), 'identifiers', line),
    attrs: mapping(map.get('attrs'), 'attrs', line),
    permissions: sequence(map.get('permissions'), 'permissions', line).map(item => permission(item, line, reader)),
  }
}

function entries(value: Unresolved | undefined, reader: Reader): Entry[] {
  if (isMapping(value)) {
    return [...value].flatMap(([section, list]) =>
      sequence(list, `The section ${section}`, reader.positions.lineOf(value)).map(item => entry(item, section, reader)),
    )
  }
  return sequence(value, 'entries', null).map(item => entry(item, null, reader))
}

function refuseRepeatedIds(list: readonly Entry[]) {
  const seen = new Set<string>()
  for (const { id, line } of list) {
    if (id !== null && seen.has(id)) throw new BlueprintError(`The id ${id} is used twice`, line)
    if (id !== null) seen.add(id)
  }
}

/**
 * Parses a blueprint. Nothing is evaluated: tags stand in the document as they were written.
 * @throws BlueprintError naming the line; also for documents beyond the bounds of limits.ts.
 */
export function parseBlueprint(source: string): BlueprintDocument {
  const { root, positions, warnings } = parseYaml(source)
  const reader: Reader = { positions, warnings }
  if (!isMapping(root)) throw new BlueprintError('A blueprint must be a mapping', 1)
  warnUnknown(root, DOCUMENT_KEYS, 'The blueprint', reader)
  const version = root.get('version') ?? null
  if (version !== 1) throw new BlueprintError(`Only version 1 of the blueprint format is supported, not ${JSON.stringify(version)}`, 1)
  if (root.get('entries') === undefined) throw new BlueprintError('A blueprint needs entries', 1)
  const list = entries(root.get('entries'), reader)
  refuseRepeatedIds(list)
  return {
    version,
    metadata: metadata(root.get('metadata'), reader),
    context: mapping(root.get('context'), 'context', null),
    entries: list,
    warnings,
  }
}
