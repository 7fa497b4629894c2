/** The shapes of the tags. Everything that can be said about a tag without evaluating it is checked here. */
import { BlueprintError, CONDITION_MODES, isMapping, isSequence, isTag } from './document.ts'
import type { ConditionMode, Mapping, Tag, Unresolved } from './document.ts'
import { checkDepth } from './limits.ts'
import type { Budget } from './limits.ts'

/** What stood behind the tag: the raw text of a scalar, or the items of a sequence, already built. */
export type Argument = { text: string } | { items: readonly Unresolved[] }
type Context = { name: string; line: number; depth: number; nodes: Budget }

const fail = ({ name, line }: Context, why: string): never => {
  throw new BlueprintError(`!${name} ${why}`, line)
}

function text(argument: Argument, context: Context, what: string): string {
  if (!('text' in argument) || argument.text.trim() === '') return fail(context, `expects ${what}`)
  return argument.text.trim()
}

function items(argument: Argument, context: Context, form: string, sizes: (length: number) => boolean): readonly Unresolved[] {
  if (!('items' in argument) || !sizes(argument.items.length)) return fail(context, `expects the form ${form}`)
  return argument.items
}

function keyOf(argument: Argument, context: Context): Tag {
  return { tag: 'KeyOf', id: text(argument, context, 'the id of an earlier entry'), line: context.line }
}

function find(tag: 'Find' | 'FindObject') {
  return (argument: Argument, context: Context): Tag => {
    const form = '[model, [field, value], …]'
    const [model = null, ...rest] = items(argument, context, form, n => n >= 2)
    const conditions = rest.map((pair): readonly [Unresolved, Unresolved] =>
      isSequence(pair) && pair.length === 2 ? [pair[0] ?? null, pair[1] ?? null] : fail(context, `expects the form ${form}`),
    )
    if (typeof model !== 'string' && !isTag(model)) fail(context, 'expects the name of a model first')
    return { tag, model, conditions, line: context.line }
  }
}

function named(tag: 'Context' | 'Env' | 'File') {
  return (argument: Argument, context: Context): Tag => {
    if ('text' in argument) return { tag, name: text(argument, context, 'a name'), fallback: undefined, line: context.line }
    const [name = null, fallback = null] = items(argument, context, '[name, default]', n => n === 2)
    if (typeof name !== 'string' || name === '') return fail(context, 'expects a name first')
    return { tag, name, fallback, line: context.line }
  }
}

function format(argument: Argument, context: Context): Tag {
  const [template = null, ...values] = items(argument, context, '[text, value, …]', n => n >= 1)
  return { tag: 'Format', template, values, line: context.line }
}

function choice(argument: Argument, context: Context): Tag {
  const [condition = null, then = true, otherwise = false] = items(
    argument,
    context,
    '[condition] or [condition, then, otherwise]',
    n => n === 1 || n === 3,
  )
  return { tag: 'If', condition, then, otherwise, line: context.line }
}

function condition(argument: Argument, context: Context): Tag {
  const [mode = null, ...values] = items(argument, context, '[mode, value, …]', n => n >= 2)
  const upper = typeof mode === 'string' ? mode.toUpperCase() : ''
  if (!CONDITION_MODES.includes(upper as ConditionMode)) return fail(context, `expects one of ${CONDITION_MODES.join(', ')} first`)
  return { tag: 'Condition', mode: upper as ConditionMode, values, line: context.line }
}

function enumerate(argument: Argument, context: Context): Tag {
  const [iterable = null, output = null, body = null] = items(argument, context, '[iterable, SEQ or MAP, body]', n => n === 3)
  const upper = typeof output === 'string' ? output.toUpperCase() : ''
  if (upper !== 'SEQ' && upper !== 'MAP') return fail(context, 'expects SEQ or MAP second')
  return { tag: 'Enumerate', iterable, output: upper, body, line: context.line }
}

function loop(tag: 'Index' | 'Value') {
  return (argument: Argument, context: Context): Tag => {
    const depth = text(argument, context, 'a number of loops to step outwards')
    if (!/^[0-9]{1,2}$/.test(depth)) return fail(context, 'expects a number of loops to step outwards')
    return { tag, depth: Number(depth), line: context.line }
  }
}

function atIndex(argument: Argument, context: Context): Tag {
  const [object = null, key = null, fallback] = items(argument, context, '[object, key] or [object, key, default]', n => n === 2 || n === 3)
  return { tag: 'AtIndex', object, key, fallback, line: context.line }
}

/** JSON is literal, so there is no tag left of it. */
function parseJson(argument: Argument, context: Context): Unresolved {
  const source = text(argument, context, 'JSON text')
  try {
    return fromJson(JSON.parse(source), context)
  } catch (cause) {
    if (cause instanceof SyntaxError) throw new BlueprintError(`!ParseJSON: ${cause.message}`, context.line, { cause })
    throw cause
  }
}

/** A JSON value in the form of a parsed document; counted and bounded like one. */
export function fromJson(value: unknown, context: { line: number | null; depth: number; nodes: Budget }): Unresolved {
  checkDepth(context.depth, context.line)
  context.nodes.spend(1, context.line)
  const inner = { line: context.line, depth: context.depth + 1, nodes: context.nodes }
  if (Array.isArray(value)) return value.map(item => fromJson(item, inner))
  if (typeof value === 'object' && value !== null) {
    return new Map(Object.entries(value).map(([key, item]) => [key, fromJson(item, inner)])) satisfies Mapping
  }
  return value as null | boolean | number | string
}

const BUILDERS = new Map<string, (argument: Argument, context: Context) => Unresolved>([
  ['KeyOf', keyOf],
  ['Find', find('Find')],
  ['FindObject', find('FindObject')],
  ['Context', named('Context')],
  ['Env', named('Env')],
  ['File', named('File')],
  ['Format', format],
  ['If', choice],
  ['Condition', condition],
  ['Enumerate', enumerate],
  ['Index', loop('Index')],
  ['Value', loop('Value')],
  ['AtIndex', atIndex],
  ['ParseJSON', parseJson],
])

/** @throws BlueprintError for an unknown tag or an argument of the wrong shape. */
export function buildTag(name: string, argument: Argument, position: { line: number; depth: number; nodes: Budget }): Unresolved {
  const build = BUILDERS.get(name)
  if (!build) throw new BlueprintError(`Unknown tag !${name}`, position.line)
  return build(argument, { name, ...position })
}

/** Text that stays the same while a document is only reformatted: what an entry is remembered by. */
export function canonicalText(value: Unresolved): string {
  if (isSequence(value)) return `[${value.map(canonicalText).join(',')}]`
  if (isMapping(value)) {
    const keys = [...value.keys()].sort()
    return `{${keys.map(key => `${JSON.stringify(key)}:${canonicalText(value.get(key) ?? null)}`).join(',')}}`
  }
  if (!isTag(value)) return JSON.stringify(value)
  const { line: _line, tag, ...rest } = value
  return `!${tag}${canonicalText(new Map(Object.entries(rest).filter((pair): pair is [string, Unresolved] => pair[1] !== undefined)))}`
}
