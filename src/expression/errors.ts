/** Exceptions of the language, and the two kinds of end that are not exceptions of the language. */
import { PyClass, PyException, types } from './values.ts'
import type { Value } from './values.ts'

/** Name, base; in order of definition. */
const hierarchy: [string, string][] = [
  ['GeneratorExit', 'BaseException'],
  ['KeyboardInterrupt', 'BaseException'],
  ['SystemExit', 'BaseException'],
  ['Exception', 'BaseException'],
  ['StopIteration', 'Exception'],
  ['ArithmeticError', 'Exception'],
  ['FloatingPointError', 'ArithmeticError'],
  ['OverflowError', 'ArithmeticError'],
  ['ZeroDivisionError', 'ArithmeticError'],
  ['AssertionError', 'Exception'],
  ['AttributeError', 'Exception'],
  ['BufferError', 'Exception'],
  ['EOFError', 'Exception'],
  ['ImportError', 'Exception'],
  ['ModuleNotFoundError', 'ImportError'],
  ['LookupError', 'Exception'],
  ['IndexError', 'LookupError'],
  ['KeyError', 'LookupError'],
  ['MemoryError', 'Exception'],
  ['NameError', 'Exception'],
  ['UnboundLocalError', 'NameError'],
  ['OSError', 'Exception'],
  ['ConnectionError', 'OSError'],
  ['ConnectionRefusedError', 'ConnectionError'],
  ['ConnectionResetError', 'ConnectionError'],
  ['FileNotFoundError', 'OSError'],
  ['PermissionError', 'OSError'],
  ['TimeoutError', 'OSError'],
  ['ReferenceError', 'Exception'],
  ['RuntimeError', 'Exception'],
  ['NotImplementedError', 'RuntimeError'],
  ['RecursionError', 'RuntimeError'],
  ['SyntaxError', 'Exception'],
  ['SystemError', 'Exception'],
  ['TypeError', 'Exception'],
  ['ValueError', 'Exception'],
  ['UnicodeError', 'ValueError'],
  ['UnicodeDecodeError', 'UnicodeError'],
  ['UnicodeEncodeError', 'UnicodeError'],
  ['Warning', 'Exception'],
  ['DeprecationWarning', 'Warning'],
  ['RuntimeWarning', 'Warning'],
  ['UserWarning', 'Warning'],
]

/** The built-in exception classes by name. */
export const exceptions: ReadonlyMap<string, PyClass> = (() => {
  const classes = new Map<string, PyClass>([['BaseException', types.BaseException]])
  for (const [name, base] of hierarchy) {
    const cls = new PyClass(name, [classes.get(base)!])
    cls.cls = types.type
    classes.set(name, cls)
  }
  return classes
})()

/** Makes an exception class for a native module, such as `json.JSONDecodeError`. */
export function exceptionClass(name: string, base: PyClass | string = 'Exception', module = 'builtins'): PyClass {
  const cls = new PyClass(name, [typeof base === 'string' ? exceptions.get(base)! : base])
  cls.cls = types.type
  cls.module = module
  cls.frozen = true
  return cls
}

/** An exception ready to throw. */
export const exception = (cls: PyClass | string, ...args: Value[]): PyException =>
  new PyException(typeof cls === 'string' ? exceptions.get(cls)! : cls, args)

/** Throws a built-in exception, by name, or one of the class given. */
export function raise(cls: PyClass | string, ...args: Value[]): never {
  throw exception(cls, ...args)
}

export type LimitName = 'steps' | 'memory' | 'cpu' | 'wall' | 'host_calls'

/**
 * A budget is used up. Not an exception of the language: no handler, `finally`, context manager or generator of the expression
 * sees it or runs after it.
 */
export class LimitExceeded {
  readonly limit: LimitName
  readonly message: string
  constructor(limit: LimitName, message: string) {
    this.limit = limit
    this.message = message
  }
}

/** The text cannot be parsed. Line counts from 1, column from 1, both in the author's text. */
export class ExpressionSyntaxError extends Error {
  readonly line: number
  readonly column: number
  constructor(message: string, line: number, column: number) {
    super(message)
    this.name = 'SyntaxError'
    this.line = line
    this.column = column
  }
}

/** May a handler of the expression see this error? */
export const isCatchable = (error: unknown): error is PyException => error instanceof PyException
