import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  ExpressionError,
  ExpressionSyntaxError,
  HostObject,
  PyClass,
  check,
  compile,
  evaluate,
  exception,
  fromJson,
  lazyDict,
  toJson,
  toJsonText,
  types,
  writeBack,
} from './index.ts'
import type { Host, Result, Value } from './index.ts'
import type { EvaluationRuntime } from './runtime.ts'

const run = async (text: string, vars: Record<string, Value> = {}, host: Host = {}) =>
  evaluate(compile(text, Object.keys(vars), 'my policy'), new Map(Object.entries(vars)), host)
const failure = async (text: string, vars: Record<string, Value> = {}, host: Host = {}): Promise<ExpressionError> =>
  run(text, vars, host).then(
    () => assert.fail('ended with a value'),
    error => (error instanceof ExpressionError ? error : assert.fail(String(error))),
  )

const userClass = new PyClass('User', [types.object])
userClass.cls = types.type
class User extends HostObject {
  constructor() {
    super(userClass)
  }
  getAttribute(name: string, rt: EvaluationRuntime): Result | undefined {
    return ['name', 'groups', 'missing'].includes(name) ? rt.hostCall(`user.${name}`, { pk: 1 }) : undefined
  }
}
const host: Host = {
  call: async op => {
    if (op === 'user.missing') throw exception('LookupError', 'no such row')
    return op === 'user.name' ? 'Mira' : fromJson(['a', 'b'])
  },
}

test('host calls may stand anywhere in an expression', async () => {
  const text = `
class Wrap:
    def __init__(self, u): self.u = u
    @property
    def name(self): return self.u.name
    def __enter__(self): return self.u.name
    def __exit__(self, *a): return self.u.name == "Mira"
def names():
    for g in user.groups:
        yield g + user.name
out = [user.name, f"{user.name!r:>8}", {user.name: user.groups}, [g for g in user.groups if user.name], list(names())]
out.append(sorted(user.groups, key=lambda g: (user.name, g), reverse=True))
out.append(user.name if user.groups and not user.name == "x" else None)
try:
    user.missing
except LookupError as e:
    out.append(str(e))
finally:
    out.append(user.name)
with Wrap(user) as n:
    out.append(n)
    raise ValueError("swallowed")
a, *b = user.groups
out += [a, b, Wrap(user).name, getattr(user, "missing", 1) if False else hasattr(user, "nope"), max(user.groups, key=lambda g: user.name + g)]
while user.name:
    break
match user.name:
    case "Mira": out.append("matched")
return out`
  const { value, stats } = await run(text, { user: new User() }, host)
  assert.deepEqual(toJson(value), [
    'Mira',
    "  'Mira'",
    Object.assign(Object.create(null), { Mira: ['a', 'b'] }),
    ['a', 'b'],
    ['aMira', 'bMira'],
    ['b', 'a'],
    'Mira',
    'no such row',
    'Mira',
    'Mira',
    'a',
    ['b'],
    'Mira',
    false,
    'b',
    'matched',
  ])
  assert.ok(stats.hostCalls > 20)
})

test('an error of the host ends the evaluation as it is', async () => {
  await assert.rejects(
    run(
      'try:\n  user.name\nexcept BaseException:\n  return 1',
      { user: new User() },
      { call: () => Promise.reject(new Error('database is gone')) },
    ),
    /database is gone/,
  )
})

test('a traceback points at the lines of the author', async () => {
  const error = await failure('def check(value):\n    return value["x"]\n\ntry:\n    1 / 0\nexcept ZeroDivisionError:\n    check({})')
  assert.equal(error.message, "KeyError: 'x'")
  assert.equal(
    error.traceback,
    `Traceback (most recent call last):
  File "my policy", line 5, in <expression>
ZeroDivisionError: division by zero

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "my policy", line 7, in <expression>
  File "my policy", line 2, in check
KeyError: 'x'`,
  )
})

test('syntax errors give line and column of the author', () => {
  for (const [text, line, column] of [
    ['x = 1\nif x\n  pass', 2, 5],
    ['return (1,', 1, 8],
    ['  return 1 +', 1, 13],
    ['x = "abc', 1, 5],
    ['def f(a, a): pass', 1, 10],
  ] as const) {
    assert.throws(
      () => compile(text, []),
      (error: ExpressionSyntaxError) => error instanceof ExpressionSyntaxError && error.line === line && error.column === column,
      text,
    )
  }
})

test('check warns of what is missing and refuses only syntax errors', () => {
  assert.deepEqual(check('import numpy\nfrom json import loads, nothing\nasync def f(): pass\nreturn open("x")'), {
    error: null,
    warnings: [
      { line: 1, column: 1, message: "module 'numpy' is not available" },
      { line: 2, column: 1, message: "'nothing' of module 'json' is not available" },
      { line: 3, column: 1, message: 'async is not supported' },
      { line: 4, column: 8, message: "'open' is not available" },
    ],
  })
  assert.equal(check('return )').error?.line, 1)
})

test('missing modules are recorded, also when the expression handles that', async () => {
  const { stats } = await run('try:\n  import numpy\nexcept ImportError:\n  return 1')
  assert.deepEqual(stats.missingModules, ['numpy'])
})

test('a context is one live dict, converted lazily and written back', async () => {
  const plan = { prompt_data: { email: 'a@b.c' }, groups: ['x'], untouched: { deep: [1] }, gone: 1 }
  const { untouched, prompt_data: shared } = plan
  const context = lazyDict(plan)
  const text =
    'context["prompt_data"]["username"] = context["prompt_data"]["email"]\nalias["groups"].append("y")\ndel context["gone"]\ncontext["new"] = {"a": (1, 2.5)}\nraise ValueError'
  await failure(text, { context, alias: context })
  assert.deepEqual(writeBack(context).sort(), ['gone', 'groups', 'new', 'prompt_data'])
  assert.deepEqual(plan, {
    prompt_data: { email: 'a@b.c', username: 'a@b.c' },
    groups: ['x', 'y'],
    untouched: { deep: [1] },
    new: { a: [1, 2.5] },
  } as unknown)
  assert.equal(plan.untouched, untouched)
  assert.equal(plan.prompt_data, shared)
})

test('JSON goes in and out without loss', async () => {
  const { value } = await run('return {"b": 1, "a": 1.0, "big": 2**70, "list": (1, None, True), "2": {}}')
  assert.equal(toJsonText(value), '{"b":1,"a":1.0,"big":1180591620717411303424,"list":[1,null,true],"2":{}}')
})

test('print and loggers end in the log, messages with the messages', async () => {
  const { logs } = await run('import logging\nprint("a", 1)\nlogging.getLogger("x").warning("n=%d", 5)')
  assert.deepEqual(
    logs.map(({ level, event }) => [level, event]),
    [
      ['info', 'a 1'],
      ['warning', 'n=5'],
    ],
  )
})
