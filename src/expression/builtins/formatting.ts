/** `str.format`: fields may walk attributes and items, through the same guarded access as everything else. */
import { getAttribute } from '../attributes.ts'
import { raise } from '../errors.ts'
import { format } from '../format.ts'
import { dictGetString } from '../keys.ts'
import { Pending, bind } from '../pending.ts'
import type { EvaluationRuntime } from '../runtime.ts'
import { getItem } from '../subscript.ts'
import { reprResult, strResult } from '../text.ts'
import { PyDict, type PyTuple, type Result, type Value } from '../values.ts'

type Rt = EvaluationRuntime

interface Field {
  name: string
  conversion: string
  spec: string
}

/** Splits a template into text and fields. */
function parseTemplate(template: string): (string | Field)[] {
  const parts: (string | Field)[] = []
  let literal = ''
  for (let i = 0; i < template.length;) {
    const c = template[i]!
    if ((c === '{' || c === '}') && template[i + 1] === c) {
      literal += c
      i += 2
    } else if (c === '}') raise('ValueError', "Single '}' encountered in format string")
    else if (c !== '{') {
      literal += c
      i++
    } else {
      let depth = 1
      let end = i + 1
      for (; end < template.length && depth; end++) depth += template[end] === '{' ? 1 : template[end] === '}' ? -1 : 0
      if (depth)
        raise('ValueError', i + 1 === template.length ? "Single '{' encountered in format string" : "expected '}' before end of string")
      if (literal) parts.push(literal)
      literal = ''
      const body = template.slice(i + 1, end - 1)
      const m = /^([^!:[]*(?:\[[^\]]*\][^!:[]*)*)(?:!([^:]))?(?::(.*))?$/s.exec(body)
      if (!m) raise('ValueError', 'invalid field in format string')
      parts.push({ name: m[1]!, conversion: m[2] ?? '', spec: m[3] ?? '' })
      i = end
    }
  }
  if (literal) parts.push(literal)
  return parts
}

export function formatText(template: string, args: PyTuple, kwargs: Value, rt: Rt): Result {
  let automatic: boolean | undefined
  let next = 0

  const lookup = (name: string): Result => {
    const m = /^([^.[]*)(.*)$/s.exec(name)!
    const first = m[1]!
    let value: Result
    if (first === '' || /^\d+$/.test(first)) {
      if (automatic !== undefined && automatic !== (first === ''))
        raise(
          'ValueError',
          automatic
            ? 'cannot switch from automatic field numbering to manual field specification'
            : 'cannot switch from manual field specification to automatic field numbering',
        )
      automatic = first === ''
      const index = first === '' ? next++ : Number(first)
      if (index >= args.items.length) raise('IndexError', `Replacement index ${index} out of range for positional args tuple`)
      value = args.items[index]!
    } else if (kwargs instanceof PyDict) {
      const found = dictGetString(kwargs, first)
      value = found === undefined ? getItem(kwargs, first, rt) : found
    } else value = getItem(kwargs, first, rt)
    const steps = [...m[2]!.matchAll(/\.([^.[]+)|\[([^\]]+)\]/g)]
    if (steps.map(step => step[0]).join('') !== m[2]) raise('ValueError', 'Empty attribute in format string')
    return steps.reduce<Result>(
      (object, step) =>
        bind(object, (o: Value) => {
          rt.charge(1)
          if (step[1] !== undefined) return getAttribute(o, step[1], rt)
          return getItem(o, /^\d+$/.test(step[2]!) ? Number(step[2]) : step[2]!, rt)
        }),
      value,
    )
  }

  const render = (text: string, depth: number): Result => {
    if (depth < 0) raise('ValueError', 'Max string recursion exceeded')
    rt.charge(text.length >> 1)
    const parts = parseTemplate(text)
    rt.charge(1 + 4 * parts.length)
    const out: string[] = []
    const run = (i: number): Result => {
      for (; i < parts.length; i++) {
        if (rt.tickDue) return rt.tick().then(() => run(i))
        const part = parts[i]!
        if (typeof part === 'string') {
          out.push(part)
          continue
        }
        const shown = bind(lookup(part.name), (value: Value) => {
          const converted =
            part.conversion === ''
              ? value
              : part.conversion === 's'
                ? strResult(value, rt)
                : part.conversion === 'r' || part.conversion === 'a'
                  ? reprResult(value, rt)
                  : raise('ValueError', `Unknown conversion specifier ${part.conversion}`)
          return bind(converted, (c: Value) =>
            bind(part.spec.includes('{') ? render(part.spec, depth - 1) : part.spec, (spec: Value) => format(c, spec as string, rt)),
          )
        })
        if (shown instanceof Pending) {
          return shown.then(piece => {
            out.push(piece)
            return run(i + 1)
          })
        }
        out.push(shown as string)
      }
      const size = out.reduce((sum, part) => sum + part.length, 0)
      rt.charge(size >> 6)
      rt.alloc(size)
      return out.join('')
    }
    return run(0)
  }
  return render(template, 1)
}
