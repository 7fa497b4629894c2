/** Tags → values. Evaluation is lazy: the branch of an !If that is not taken is never looked at. */
import { BlueprintError, isSequence, isTag, record } from './document.ts'
import type { ConditionMode, Mapping, Tag, Unresolved, Value } from './document.ts'
import { percentFormat } from './format.ts'
import { budget, checkDepth, MAX_FORMATTED, MAX_STEPS } from './limits.ts'

/** The host's environment and files. Given only for blueprints that lie in the host's own file system. */
export type SystemAccess = {
  env: (name: string) => string | undefined
  /** Text of a file, or null when there is none that can be read. */
  readFile: (path: string) => Promise<string | null>
}

export type Environment = {
  context: Mapping
  /** null: !Env and !File are refused, as in anything that came through the API. */
  system: SystemAccess | null
  /** Key of the object of an earlier entry; undefined when there is no such entry. */
  keyOf(id: string): Promise<Value | undefined>
  /** Key of the first object that meets all conditions (look-ups with `__` allowed), or null. */
  find(model: string, conditions: readonly (readonly [string, Value])[]): Promise<Value>
  /** The same object as the REST API shows it, or null. */
  findObject(model: string, conditions: readonly (readonly [string, Value])[]): Promise<Value>
}

export type Evaluator = {
  /** @throws BlueprintError with the line of the tag that failed. */
  evaluate: (node: Unresolved) => Promise<Value>
}

/** Truth as Python sees it: empty text, lists and mappings are false. */
export function isTruthy(value: Value): boolean {
  if (value === null || value === false || value === 0 || value === '') return false
  if (Array.isArray(value)) return value.length > 0
  return typeof value !== 'object' || Object.keys(value).length > 0
}

const COMBINE: Record<ConditionMode, (values: readonly boolean[]) => boolean> = {
  AND: values => values.every(Boolean),
  NAND: values => !values.every(Boolean),
  OR: values => values.some(Boolean),
  NOR: values => !values.some(Boolean),
  XOR: values => values.filter(Boolean).length % 2 === 1,
  XNOR: values => values.filter(Boolean).length % 2 === 0,
}

type Loop = { index: Value; value: Value }
type Scope = { loops: readonly Loop[]; depth: number; resolving: readonly string[] }

/**
 * An evaluator for one run over one document; its step budget spans the whole run.
 * Context values may hold tags themselves and are evaluated where they are used.
 */
export function createEvaluator(environment: Environment): Evaluator {
  const steps = budget(MAX_STEPS, 'evaluated values')
  const formatted = budget(MAX_FORMATTED, 'characters of formatted text')

  async function evaluate(node: Unresolved, scope: Scope): Promise<Value> {
    const line = isTag(node) ? node.line : null
    steps.spend(typeof node === 'string' ? weight(node) : 1, line)
    if (node === null || typeof node !== 'object') return node
    checkDepth(scope.depth, line)
    const inner = { ...scope, depth: scope.depth + 1 }
    if (isTag(node)) return await resolve(node, inner)
    if (isSequence(node)) {
      const items: Value[] = []
      for (const item of node) items.push(await evaluate(item, inner))
      return items
    }
    const pairs: [string, Value][] = []
    for (const [key, value] of node) pairs.push([key, await evaluate(value, inner)])
    return record(pairs, line)
  }

  async function resolve(tag: Tag, scope: Scope): Promise<Value> {
    switch (tag.tag) {
      case 'KeyOf': {
        const key = await environment.keyOf(tag.id)
        if (key === undefined) throw new BlueprintError(`!KeyOf: there is no earlier entry with the id ${tag.id}`, tag.line)
        return key
      }
      case 'Find':
        return await environment.find(...(await lookup(tag, scope)))
      case 'FindObject':
        return counted(await environment.findObject(...(await lookup(tag, scope))), tag)
      case 'Context':
        return await contextValue(tag, scope)
      case 'Env': {
        const value = system(tag).env(tag.name)
        return value ? value : await fallback(tag.fallback, scope)
      }
      case 'File': {
        const text = await system(tag).readFile(tag.name)
        if (text === null && tag.fallback === undefined) throw new BlueprintError(`!File: ${tag.name} can not be read`, tag.line)
        return text === null ? await fallback(tag.fallback, scope) : text.trim()
      }
      case 'Format':
        return await format(tag, scope)
      case 'If':
        return await evaluate(isTruthy(await evaluate(tag.condition, scope)) ? tag.then : tag.otherwise, scope)
      case 'Condition': {
        const truths: boolean[] = []
        for (const value of tag.values) truths.push(isTruthy(await evaluate(value, scope)))
        return COMBINE[tag.mode](truths)
      }
      case 'Enumerate':
        return await enumerate(tag, scope)
      case 'Index':
      case 'Value': {
        const loop = scope.loops[tag.depth]
        if (!loop) throw new BlueprintError(`!${tag.tag} ${tag.depth} has no !Enumerate around it`, tag.line)
        return tag.tag === 'Index' ? loop.index : counted(loop.value, tag)
      }
      case 'AtIndex':
        return await atIndex(tag, scope)
    }
  }

  /** Values that are handed on whole cost as much as if they had been written out: a loop could else repeat them without end. */
  function counted(value: Value, tag: Tag): Value {
    steps.spend(weight(value), tag.line)
    return value
  }

  const fallback = async (node: Unresolved | undefined, scope: Scope) => (node === undefined ? null : await evaluate(node, scope))

  function system(tag: Tag): SystemAccess {
    if (!environment.system) throw new BlueprintError(`!${tag.tag} is only allowed in blueprint files of the server itself`, tag.line)
    return environment.system
  }

  async function lookup(tag: Extract<Tag, { tag: 'Find' | 'FindObject' }>, scope: Scope): Promise<[string, [string, Value][]]> {
    const model = await evaluate(tag.model, scope)
    if (typeof model !== 'string') throw new BlueprintError(`!${tag.tag} expects the name of a model`, tag.line)
    const conditions: [string, Value][] = []
    for (const [fieldNode, valueNode] of tag.conditions) {
      const field = await evaluate(fieldNode, scope)
      if (typeof field !== 'string') throw new BlueprintError(`!${tag.tag} expects field names as text`, tag.line)
      conditions.push([field, await evaluate(valueNode, scope)])
    }
    return [model.toLowerCase(), conditions]
  }

  async function contextValue(tag: Extract<Tag, { tag: 'Context' | 'Env' | 'File' }>, scope: Scope): Promise<Value> {
    const node = environment.context.get(tag.name)
    if (node === undefined) return await fallback(tag.fallback, scope)
    if (scope.resolving.includes(tag.name)) throw new BlueprintError(`!Context: ${tag.name} refers to itself`, tag.line)
    return await evaluate(node, { ...scope, resolving: [...scope.resolving, tag.name] })
  }

  async function format(tag: Extract<Tag, { tag: 'Format' }>, scope: Scope): Promise<string> {
    const template = await evaluate(tag.template, scope)
    if (typeof template !== 'string') throw new BlueprintError('!Format expects text first', tag.line)
    const values: Value[] = []
    for (const value of tag.values) values.push(await evaluate(value, scope))
    try {
      const text = percentFormat(template, values)
      formatted.spend(text.length, tag.line)
      return text
    } catch (cause) {
      if (cause instanceof RangeError) throw new BlueprintError(`!Format: ${cause.message}`, tag.line, { cause })
      throw cause
    }
  }

  async function enumerate(tag: Extract<Tag, { tag: 'Enumerate' }>, scope: Scope): Promise<Value> {
    const iterable = await evaluate(tag.iterable, scope)
    if (iterable === null || typeof iterable !== 'object') throw new BlueprintError('!Enumerate expects a list or a mapping', tag.line)
    const turns: Loop[] = Array.isArray(iterable)
      ? iterable.map((value, index) => ({ index, value }))
      : Object.entries(iterable).map(([index, value]) => ({ index, value }))
    const results: Value[] = []
    for (const turn of turns) results.push(await evaluate(tag.body, { ...scope, loops: [turn, ...scope.loops] }))
    return tag.output === 'SEQ'
      ? results
      : record(
          results.flatMap(result => pairs(result, tag.line)),
          tag.line,
        )
  }

  async function atIndex(tag: Extract<Tag, { tag: 'AtIndex' }>, scope: Scope): Promise<Value> {
    const object = await evaluate(tag.object, scope)
    const key = await evaluate(tag.key, scope)
    const found = member(object, key, tag.line)
    if (found !== undefined) return found
    if (tag.fallback === undefined) throw new BlueprintError(`!AtIndex: there is nothing at ${JSON.stringify(key)}`, tag.line)
    return await evaluate(tag.fallback, scope)
  }

  return { evaluate: node => evaluate(node, { loops: [], depth: 0, resolving: [] }) }
}

/** Steps that a value is worth; long text counts by its length. */
function weight(value: Value): number {
  if (typeof value === 'string') return 1 + Math.floor(value.length / 256)
  if (value === null || typeof value !== 'object') return 1
  return Object.values(value).reduce<number>((sum, item) => sum + weight(item), 1)
}

/** One turn of a MAP loop: `[key, value]` or a mapping of any size. */
function pairs(result: Value, line: number): [string, Value][] {
  if (Array.isArray(result)) {
    const [key = null, value = null] = result
    if (result.length !== 2 || key === null || typeof key === 'object')
      throw new BlueprintError('!Enumerate MAP expects [key, value] or a mapping', line)
    return [[String(key), value]]
  }
  if (result === null || typeof result !== 'object') throw new BlueprintError('!Enumerate MAP expects [key, value] or a mapping', line)
  return Object.entries(result)
}

/** Lists take whole numbers, also negative ones counted from the end; mappings take keys. */
function member(object: Value, key: Value, line: number): Value | undefined {
  if (Array.isArray(object)) {
    if (typeof key !== 'number' || !Number.isInteger(key)) throw new BlueprintError('!AtIndex expects a whole number for a list', line)
    return object.at(key)
  }
  if (object === null) return undefined
  if (typeof object !== 'object') throw new BlueprintError('!AtIndex expects a list or a mapping', line)
  if (key === null || typeof key === 'object') throw new BlueprintError('!AtIndex expects a key', line)
  return Object.hasOwn(object, String(key)) ? object[String(key)] : undefined
}
