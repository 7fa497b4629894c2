/** `str()` and `repr()`. */
import { call } from './call.ts'
import { raise } from './errors.ts'
import { PyFunction } from './function.ts'
import { DictView, viewPick } from './iterate.ts'
import { latin1 } from './keys.ts'
import { floatRepr, intText } from './numbers.ts'
import { bind, type Pending } from './pending.ts'
import type { EvaluationRuntime } from './runtime.ts'
import { special } from './special.ts'
import {
  BoundMethod,
  Ellipsis,
  HostObject,
  NativeFunction,
  NotImplemented,
  PyBytes,
  PyClass,
  PyDict,
  PyException,
  PyFloat,
  PyInstance,
  PyIterator,
  PyList,
  PyModule,
  PyProperty,
  PyRange,
  PySet,
  PySlice,
  PyTuple,
  typeOf,
  types,
} from './values.ts'
import type { Value, PyObject } from './values.ts'

type Rt = EvaluationRuntime

const escapes: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\\': '\\\\' }

/** Text that needs no escapes. */
const PLAIN = /^[ !#-&(-[\]-~]*$/

export function textRepr(text: string, ascii = false): string {
  if (PLAIN.test(text)) return `'${text}'`
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'"
  let out = quote
  for (const c of text) {
    const code = c.codePointAt(0)!
    if (c in escapes) out += escapes[c]
    else if (c === quote) out += `\\${c}`
    else if (code < 32 || code === 127 || (code >= 0x80 && (ascii || !/[\p{L}\p{M}\p{N}\p{P}\p{S}]/u.test(c))))
      out +=
        code < 256
          ? `\\x${code.toString(16).padStart(2, '0')}`
          : code < 65536
            ? `\\u${code.toString(16).padStart(4, '0')}`
            : `\\U${code.toString(16).padStart(8, '0')}`
    else out += c
  }
  return out + quote
}

/** `ascii()` of a text that is a repr already. */
export function asciiOnly(text: string, rt: Rt): string {
  if (!/[^\x00-\x7f]/.test(text)) return text
  rt.charge(5 * text.length)
  rt.alloc(6 * text.length)
  return text.replace(/[^\x00-\x7f]/gu, c => textRepr(c, true).slice(1, -1))
}

export function bytesRepr(data: Uint8Array): string {
  const text = latin1(data)
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'"
  let out = `b${quote}`
  for (const c of text) {
    const code = c.charCodeAt(0)
    if (c in escapes) out += escapes[c]
    else if (c === quote) out += `\\${c}`
    else if (code < 32 || code > 126) out += `\\x${code.toString(16).padStart(2, '0')}`
    else out += c
  }
  return out + quote
}

/** `str(value)`, which may run a method of the expression. */
export function strResult(value: Value, rt: Rt): string | Pending {
  if (typeof value === 'string') return value
  const method = value instanceof PyClass ? undefined : special(value, '__str__')
  if (method !== undefined) return bind(call(method, [value], null, rt), (text: Value) => assertText(text, '__str__', rt))
  if (value instanceof PyException || (value instanceof PyInstance && value.payload !== undefined) || value instanceof HostObject)
    return str(value, rt)
  return reprResult(value, rt)
}

export function reprResult(value: Value, rt: Rt): string | Pending {
  const method = value instanceof PyClass ? undefined : special(value, '__repr__')
  if (method !== undefined) return bind(call(method, [value], null, rt), (text: Value) => assertText(text, '__repr__', rt))
  return repr(value, rt)
}

function assertText(text: Value, method: string, rt: Rt): string {
  const inner = text instanceof PyInstance && text.payload !== undefined ? text.payload : text
  if (typeof inner !== 'string') raise('TypeError', `${method} returned non-string (type ${typeOf(text).name})`)
  // It will be put together with others.
  rt.charge(inner.length >> 5)
  rt.alloc(inner.length)
  return inner
}

export function str(value: Value, rt: Rt): string {
  if (typeof value === 'string') return value
  const method = value instanceof PyClass ? undefined : special(value, '__str__')
  if (method !== undefined) return assertText(rt.callNow(method, [value]), '__str__', rt)
  if (value instanceof PyException) return exceptionText(value, rt)
  if (value instanceof PyInstance && value.payload !== undefined && special(value, '__repr__') === undefined) return str(value.payload, rt)
  if (value instanceof HostObject && value.str) return value.str()
  return repr(value, rt)
}

/** The text after the name of an exception. */
export function exceptionText(error: PyException, rt: Rt): string {
  if (error.args.length === 0) return ''
  if (error.args.length === 1) return error.cls.name === 'KeyError' ? repr(error.args[0]!, rt) : str(error.args[0]!, rt)
  return repr(new PyTuple(error.args), rt)
}

export function repr(value: Value, rt: Rt): string {
  switch (typeof value) {
    case 'string':
      rt.charge(value.length >> (PLAIN.test(value) ? 6 : 0))
      rt.alloc(value.length)
      return textRepr(value)
    case 'number':
    case 'bigint':
      return intText(value, rt)
    case 'boolean':
      return value ? 'True' : 'False'
    default:
  }
  if (value === null) return 'None'
  const method = value instanceof PyClass ? undefined : special(value, '__repr__')
  if (method !== undefined) return assertText(rt.callNow(method, [value]), '__repr__', rt)
  return builtinRepr(value, rt)
}

const active = new Set<PyObject>()

/** Guards against containers that hold themselves. */
function nested(value: PyObject, placeholder: string, make: () => string, rt: Rt): string {
  if (active.has(value)) return placeholder
  active.add(value)
  try {
    const text = make()
    rt.charge(1 + (text.length >> 5))
    rt.alloc(text.length)
    return text
  } finally {
    active.delete(value)
  }
}

function items(values: Iterable<Value>, rt: Rt): string {
  const parts: string[] = []
  for (const value of values) {
    rt.charge(2)
    parts.push(repr(value, rt))
  }
  return parts.join(', ')
}

export function builtinRepr(value: PyObject, rt: Rt): string {
  if (value instanceof PyFloat) return floatRepr(value.value)
  if (value instanceof PyList) return nested(value, '[...]', () => `[${items(value.items, rt)}]`, rt)
  if (value instanceof PyTuple) return nested(value, '(...)', () => `(${items(value.items, rt)}${value.items.length === 1 ? ',' : ''})`, rt)
  if (value instanceof PyDict) {
    return nested(
      value,
      '{...}',
      () => `{${[...value.entries.values()].map(entry => (rt.charge(4), `${repr(entry.key, rt)}: ${repr(entry.value, rt)}`)).join(', ')}}`,
      rt,
    )
  }
  if (value instanceof PySet) {
    if (!value.items.size) return `${value.cls.name}()`
    return nested(
      value,
      'set(...)',
      () => {
        const text = `{${items(value.items.values(), rt)}}`
        return value.cls === types.set ? text : `${value.cls.name}(${text})`
      },
      rt,
    )
  }
  if (value instanceof PyBytes) {
    rt.charge(value.data.length)
    rt.alloc(value.data.length * 2)
    return bytesRepr(value.data)
  }
  if (value instanceof PyClass) return `<class '${value.module === 'builtins' ? '' : `${value.module}.`}${value.name}'>`
  if (value instanceof PyException) return `${value.cls.name}(${items(value.args, rt)})`
  if (value instanceof HostObject) return value.repr?.() ?? `<${value.cls.name} object>`
  if (value instanceof PyRange)
    return value.step === 1 ? `range(${value.start}, ${value.stop})` : `range(${value.start}, ${value.stop}, ${value.step})`
  if (value instanceof DictView) return `${value.cls.name}([${items([...value.dict.entries.values()].map(viewPick(value)), rt)}])`
  if (value instanceof PyFunction) return `<function ${value.name}>`
  if (value instanceof NativeFunction) return `<built-in function ${value.name}>`
  if (value instanceof BoundMethod) return `<bound method ${functionName(value.fn)}>`
  if (value instanceof PyModule) return `<module '${value.name}'>`
  if (value instanceof PySlice) return `slice(${items([value.start, value.stop, value.step], rt)})`
  if (value instanceof PyInstance && value.payload !== undefined) return repr(value.payload, rt)
  if (value === Ellipsis) return 'Ellipsis'
  if (value === NotImplemented) return 'NotImplemented'
  if (value instanceof PyProperty || value instanceof PyIterator) return `<${value.cls.name} object>`
  return `<${value.cls.module === 'builtins' ? '' : `${value.cls.module}.`}${value.cls.name} object>`
}

export const functionName = (fn: Value): string =>
  fn instanceof PyFunction || fn instanceof NativeFunction ? fn.name : fn instanceof BoundMethod ? functionName(fn.fn) : typeOf(fn).name
