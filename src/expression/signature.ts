/** Parameters of native functions, written as Python writes them. */
import { PyDict, PyTuple } from './values.ts'
import type { Kwargs, Value } from './values.ts'
import { raise } from './errors.ts'

export interface Parameters {
  readonly name: string
  readonly names: readonly string[]
  /** How many of `names` can be given by position. */
  readonly positional: number
  /** Defaults by position in `names`; a missing entry means required, undefined is allowed as a default. */
  readonly defaults: ReadonlyMap<number, Value | undefined>
  readonly rest: boolean
  readonly keywordRest: boolean
  /** Parameters before `/`, which have no keyword form. */
  readonly positionalOnly: number
}

function literal(text: string): Value {
  if (text === 'None') return null
  if (text === 'True') return true
  if (text === 'False') return false
  if (/^['"]/.test(text)) return text.slice(1, -1)
  const number = Number(text)
  if (Number.isNaN(number)) throw new Error(`not a literal default: ${text}`)
  return number
}

/** Reads `'self, a, b=1, c?, *rest, key=None, **options'`. Signatures are the program's own: each is read once. */
export function parseSignature(name: string, signature: string): Parameters {
  const key = `${name}(${signature})`
  let known = parsed.get(key)
  if (!known) parsed.set(key, (known = newParameters(name, signature)))
  return known
}

const parsed = new Map<string, Parameters>()

function newParameters(name: string, signature: string): Parameters {
  const names: string[] = []
  const defaults = new Map<number, Value | undefined>()
  let positional = -1
  let positionalOnly = 0
  let rest = false
  let keywordRest = false
  for (const part of signature
    .split(/,\s*(?=(?:[^']*'[^']*')*[^']*$)/)
    .map(text => text.trim())
    .filter(Boolean)) {
    if (part === '/') positionalOnly = names.length
    else if (part === '*') positional = names.length
    else if (part.startsWith('**')) keywordRest = true
    else if (part.startsWith('*')) {
      positional = names.length
      rest = true
    } else {
      const [left, ...right] = part.split('=')
      if (right.length) defaults.set(names.length, literal(right.join('=').trim()))
      else if (left!.endsWith('?')) defaults.set(names.length, undefined)
      names.push(left!.replace('?', '').trim())
    }
  }
  return { name, names, positional: positional < 0 ? names.length : positional, defaults, rest, keywordRest, positionalOnly }
}

/** Puts arguments in the order of the parameters; then the rest tuple and the rest dict, where there are such. TypeError as CPython. */
export function bindParameters(p: Parameters, args: Value[], kwargs: Kwargs | null): (Value | undefined)[] {
  const { names, positional } = p
  if (kwargs === null && args.length === names.length && !p.rest && !p.keywordRest && positional === names.length) return args
  const bound: (Value | undefined)[] = args.slice(0, positional)
  if (args.length > positional && !p.rest)
    raise(
      'TypeError',
      `${p.name}() takes ${p.defaults.size ? 'at most' : 'exactly'} ${positional} argument${positional === 1 ? '' : 's'} (${args.length} given)`,
    )
  let keywordRest: PyDict | undefined
  if (p.keywordRest) keywordRest = new PyDict()
  let used = 0
  for (let i = 0; i < names.length; i++) {
    const name = names[i]!
    const given = i >= p.positionalOnly ? kwargs?.get(name) : undefined
    if (given !== undefined) {
      used++
      if (i < args.length && i < positional) raise('TypeError', `${p.name}() got multiple values for argument '${name}'`)
      bound[i] = given
    } else if (i >= bound.length || bound[i] === undefined) {
      if (!p.defaults.has(i)) raise('TypeError', `${p.name}() missing required argument: '${name}' (pos ${i + 1})`)
      bound[i] = p.defaults.get(i)
    }
  }
  if (kwargs && used < kwargs.size) {
    for (const [name, value] of kwargs) {
      const index = names.indexOf(name)
      if (index >= p.positionalOnly) continue
      if (!keywordRest) raise('TypeError', `${p.name}() got an unexpected keyword argument '${name}'`)
      keywordRest.entries.set(name, { key: name, value })
    }
  }
  if (p.rest) bound.push(new PyTuple(args.slice(positional)))
  if (keywordRest) bound.push(keywordRest)
  return bound
}
