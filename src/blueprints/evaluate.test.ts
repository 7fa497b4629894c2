import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Mapping, Value } from './document.ts'
import { createEvaluator } from './evaluate.ts'
import type { Environment } from './evaluate.ts'
import { parseBlueprint } from './parse.ts'

const CONTEXT = `
  name: users
  empty: ""
  list: [a, b, c]
  map: { one: 1, two: 2 }
  nested: !Format ["<%s>", !Context name]
  self: !Context self
  ping: [!Context pong]
  pong: !If [true, !Context ping, x]
  deep: { inner: !Value 0 }
  bomb0: ${JSON.stringify('x'.repeat(1000))}
${Array.from({ length: 30 }, (_, i) => `  bomb${i + 1}: !Format ["%s%s", !Context bomb${i}, !Context bomb${i}]`).join('\n')}
`
const FILES: Record<string, string> = { '/run/secret': ' s3cret\n' }
const VARIABLES: Record<string, string> = { HOME: '/root', BLANK: '' }

function parse(yaml: string): { value: Mapping; context: Mapping } {
  const document = parseBlueprint(`version: 1\ncontext:${CONTEXT}\nentries:\n- model: app.thing\n  attrs:\n    value: ${yaml}\n`)
  return { value: document.entries[0]?.attrs ?? new Map(), context: document.context }
}

async function evaluate(yaml: string, over: Partial<Environment> = {}): Promise<Value> {
  const { value, context } = parse(yaml)
  const { evaluate } = createEvaluator({
    context,
    system: { env: name => VARIABLES[name], readFile: async path => FILES[path] ?? null },
    keyOf: async id => ({ flow: 'uuid-of-flow', user: 7 })[id],
    find: async (model, conditions) =>
      conditions.some(([, value]) => value === 'nobody') ? null : `${model}?${JSON.stringify(conditions)}`,
    findObject: async (model, conditions) =>
      conditions.some(([, value]) => value === 'nobody') ? null : { model, name: 'found', groups: ['x'] },
    ...over,
  })
  return ((await evaluate(value)) as { value: Value }).value
}

describe('every tag', () => {
  const cases: [string, Value][] = [
    ['plain', 'plain'],
    ['{a: [1, !KeyOf flow]}', { a: [1, 'uuid-of-flow'] }],
    ['!KeyOf user', 7],
    ['!Find [App.Thing, [name, x], [user__pk, !KeyOf user]]', 'app.thing?[["name","x"],["user__pk",7]]'],
    ['!Find [app.thing, [name, nobody]]', null],
    ['!Find [!Format ["%s.%s", app, thing], [!Format ["na%s", me], x]]', 'app.thing?[["name","x"]]'],
    ['!FindObject [app.thing, [name, x]]', { model: 'app.thing', name: 'found', groups: ['x'] }],
    ['!FindObject [app.thing, [name, nobody]]', null],
    ['!AtIndex [!FindObject [app.thing, [name, x]], groups]', ['x']],
    ['!AtIndex [!FindObject [app.thing, [name, nobody]], groups, none]', 'none'],
    ['!Context name', 'users'],
    ['!Context missing', null],
    ['!Context [missing, fallback]', 'fallback'],
    ['!Context [missing, !Context name]', 'users'],
    ['!Context [name, !KeyOf nothing]', 'users'],
    ['!Context nested', '<users>'],
    ['!Context toString', null],
    ['!Env HOME', '/root'],
    ['!Env NOT_SET', null],
    ['!Env BLANK', null],
    ['!Env [BLANK, default]', 'default'],
    ['!Env [NOT_SET, !Context list]', ['a', 'b', 'c']],
    ['!File /run/secret', 's3cret'],
    ['!File [/run/none, other]', 'other'],
    ['!File [/run/none, null]', null],
    ['!Format ["plain"]', 'plain'],
    ['!Format ["%s-%s", a, !Context name]', 'a-users'],
    ['!Format ["%s %s %s %d%%", true, null, 1.5, 3]', 'True None 1.5 3%'],
    ['!If [!Context name, 1, 2]', 1],
    ['!If [!Context empty, 1, 2]', 2],
    ['!If [!Context list]', true],
    ['!If [!Context missing]', false],
    ['!If [true, kept, !KeyOf nothing]', 'kept'],
    ['!If [false, !KeyOf nothing, kept]', 'kept'],
    ['!If [[], 1, {}]', {}],
    ['!If ["false", 1, 2]', 1],
    ['!Condition [AND, true, 1, x]', true],
    ['!Condition [AND, true, ""]', false],
    ['!Condition [NAND, true, ""]', true],
    ['!Condition [NAND, true, true]', false],
    ['!Condition [OR, 0, null, !Context name]', true],
    ['!Condition [OR, 0, {}]', false],
    ['!Condition [NOR, 0, []]', true],
    ['!Condition [NOR, 0, [0]]', false],
    ['!Condition [XOR, true, false]', true],
    ['!Condition [XOR, true, true]', false],
    ['!Condition [XOR, true, true, true]', true],
    ['!Condition [XNOR, true, true]', true],
    ['!Condition [XNOR, true, false]', false],
    ['!Condition [AND, !Condition [OR, true, false], !Condition [NOR, false]]', true],
    ['!Enumerate [!Context list, SEQ, !Format ["%d:%s", !Index 0, !Value 0]]', ['0:a', '1:b', '2:c']],
    [
      '!Enumerate [!Context map, SEQ, [!Index 0, !Value 0]]',
      [
        ['one', 1],
        ['two', 2],
      ],
    ],
    ['!Enumerate [!Context map, MAP, [!Format ["%s!", !Index 0], !Value 0]]', { 'one!': 1, 'two!': 2 }],
    ['!Enumerate [!Context list, MAP, {k: !Value 0}]', { k: 'c' }],
    ['!Enumerate [[], SEQ, !KeyOf nothing]', []],
    ['!Enumerate [[], MAP, x]', {}],
    [
      '!Enumerate [[[1, 2], [3]], SEQ, !Enumerate [!Value 0, SEQ, [!Index 1, !Index 0, !Value 0]]]',
      [
        [
          [0, 0, 1],
          [0, 1, 2],
        ],
        [[1, 0, 3]],
      ],
    ],
    ['!Enumerate [[1, 2], SEQ, !If [!Index 0, !Value 0, first]]', ['first', 2]],
    ['!Enumerate [[5], SEQ, !Context deep]', [{ inner: 5 }]],
    ['!AtIndex [!Context list, 1]', 'b'],
    ['!AtIndex [!Context list, -1]', 'c'],
    ['!AtIndex [!Context list, 9, none]', 'none'],
    ['!AtIndex [!Context map, two]', 2],
    ['!AtIndex [!Context map, constructor, none]', 'none'],
    ['!AtIndex [{a: null}, a, none]', null],
    [`!ParseJSON '{"a": [1, true, null]}'`, { a: [1, true, null] }],
    [`!AtIndex [!ParseJSON '{"a": {"b": 2}}', a]`, { b: 2 }],
  ]
  for (const [yaml, expected] of cases) test(yaml, async () => assert.deepEqual(await evaluate(yaml), expected))
})

describe('errors say what is wrong, and where', () => {
  const cases: [string, RegExp][] = [
    ['!KeyOf nothing', /!KeyOf: there is no earlier entry with the id nothing/],
    ['!File /run/none', /!File: \/run\/none can not be read/],
    ['!Format ["%s %s", a]', /!Format: not enough values/],
    ['!Format ["%s", a, b]', /!Format: more values/],
    ['!Format ["%(app)s", a]', /!Format: %\(name\)s needs named values/],
    ['!Format ["%d", a]', /!Format: %d needs a number, not 'a'/],
    ['!Format ["50%"]', /!Format: incomplete directive/],
    ['!Format ["%y", a]', /!Format: %y is not a known conversion/],
    ['!Format ["%99999999s", a]', /!Format: a width above 10000/],
    ['!Format [[1], a]', /!Format expects text first/],
    ['!Enumerate [text, SEQ, x]', /!Enumerate expects a list or a mapping/],
    ['!Enumerate [!Context missing, SEQ, x]', /!Enumerate expects a list or a mapping/],
    ['!Enumerate [[1], MAP, x]', /!Enumerate MAP expects \[key, value\] or a mapping/],
    ['!Enumerate [[1], MAP, [1, 2, 3]]', /!Enumerate MAP expects \[key, value\] or a mapping/],
    ['!Enumerate [[1], MAP, [__proto__, 2]]', /The key __proto__ is not allowed/],
    ['!Index 0', /!Index 0 has no !Enumerate around it/],
    ['!Enumerate [[1], SEQ, !Value 1]', /!Value 1 has no !Enumerate around it/],
    ['!AtIndex [[1], 1]', /!AtIndex: there is nothing at 1/],
    ['!AtIndex [[1], a, b]', /!AtIndex expects a whole number for a list/],
    ['!AtIndex [text, 0, b]', /!AtIndex expects a list or a mapping/],
    ['!AtIndex [{}, [a], b]', /!AtIndex expects a key/],
    ['!Find [!Context list, [a, b]]', /!Find expects the name of a model/],
    ['!Find [a.b, [!Context list, b]]', /!Find expects field names as text/],
    ['!Context self', /!Context: self refers to itself/],
    ['!Context ping', /!Context: p[io]ng refers to itself/],
  ]
  for (const [yaml, message] of cases) {
    test(yaml, async () => {
      await assert.rejects(
        evaluate(yaml),
        (error: Error) =>
          (error.name === 'BlueprintError' && message.test(error.message) && /^line \d+: /.test(error.message)) ||
          assert.fail(String(error)),
      )
    })
  }

  test('the line is that of the tag', async () => {
    // version, context, its lines, entries, model, attrs, value
    const line = 2 + CONTEXT.trim().split('\n').length + 1 + 4
    await assert.rejects(evaluate('!KeyOf nothing'), { line })
  })
})

describe('the host is out of reach for what came through the API', () => {
  for (const yaml of ['!Env HOME', '!Env [HOME, x]', '!File /run/secret', '!File [/etc/passwd, x]', '[!If [true, !Env HOME, x]]']) {
    test(yaml, async () => {
      await assert.rejects(evaluate(yaml, { system: null }), {
        name: 'BlueprintError',
        message: /only allowed in blueprint files of the server itself/,
      })
    })
  }
})

describe('bombs are refused', () => {
  const thousand = `[${'1,'.repeat(1000)}]`
  const cases: [string, string][] = [
    ['text that doubles thirty times', '!Context bomb30'],
    ['loops within loops', `!Enumerate [${thousand}, SEQ, !Enumerate [${thousand}, SEQ, x]]`],
    ['a loop over a large value', `!Enumerate [${thousand}, SEQ, !Enumerate [[${thousand}], SEQ, !Value 0]]`],
    [
      'a loop over long text',
      `!Enumerate [[!Format ["%10000s", x]], SEQ, !Enumerate [${thousand}, SEQ, !Enumerate [${thousand}, SEQ, !Value 2]]]`,
    ],
  ]
  for (const [name, yaml] of cases)
    test(name, async () => await assert.rejects(evaluate(yaml), { name: 'BlueprintError', message: /too large/ }))
})
