import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { BlueprintError } from './document.ts'
import type { Unresolved } from './document.ts'
import { parseBlueprint } from './parse.ts'

const withAttr = (yaml: string) => `version: 1\nentries:\n- model: app.thing\n  identifiers: { name: x }\n  attrs:\n    value: ${yaml}\n`
const attr = (yaml: string): Unresolved => parseBlueprint(withAttr(yaml)).entries[0]?.attrs.get('value') ?? null
const plain = (value: Unresolved): unknown => {
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, item]) => [key, plain(item)]))
  return Array.isArray(value) ? value.map(plain) : value
}

describe('scalars are read as YAML 1.1', () => {
  const cases: [string, unknown][] = [
    ['yes', true],
    ['On', true],
    ['TRUE', true],
    ['no', false],
    ['off', false],
    ['y', 'y'],
    ['n', 'n'],
    ['~', null],
    ['null', null],
    ['', null],
    ['"null"', 'null'],
    ["'yes'", 'yes'],
    ['"1"', '1'],
    ['0', 0],
    ['-0', 0],
    ['42', 42],
    ['-7', -7],
    ['1_000', 1000],
    ['0644', 420],
    ['0x1F', 31],
    ['0b101', 5],
    ['08', '08'],
    ['0o17', '0o17'],
    ['1.5', 1.5],
    ['.5', 0.5],
    ['1.', 1],
    ['1.0e+3', 1000],
    ['1e3', '1e3'],
    ['-1.25', -1.25],
    ['9007199254740993', '9007199254740993'],
    ['2026-01-31', '2026-01-31'],
    ['12:30', '12:30'],
    ['.inf', '.inf'],
    ['!!str 12', '12'],
    ['!!int "12"', 12],
    ['!!float 1', 1],
    ['!!bool "yes"', true],
    ['!!null ""', null],
    ['! 12', '12'],
    ['|\n      two\n      lines', 'two\nlines\n'],
    ['>-\n      one\n      line', 'one line'],
  ]
  for (const [yaml, expected] of cases)
    test(`${JSON.stringify(yaml)} is ${JSON.stringify(expected)}`, () => assert.deepEqual(attr(yaml), expected))
})

describe('collections', () => {
  const cases: [string, unknown][] = [
    ['[1, [2, {a: b}]]', [1, [2, { a: 'b' }]]],
    ['{a: 1, "b c": 2, 3: 4, yes: 5}', { a: 1, 'b c': 2, 3: 4, true: 5 }],
    ['{}', {}],
    ['[]', []],
    ['{a, b: }', { a: null, b: null }],
    ['[&x {a: 1}, *x]', [{ a: 1 }, { a: 1 }]],
    ['{base: &b {a: 1, c: 2}, over: {<<: *b, a: 3}}', { base: { a: 1, c: 2 }, over: { a: 3, c: 2 } }],
    ['{<<: [{a: 1}, {a: 2, b: 3}]}', { a: 1, b: 3 }],
    ['[&x 1, *x, &x 2, *x]', [1, 1, 2, 2]],
    ['{"<<": 1}', { '<<': 1 }],
    ['{constructor: 1, toString: 2}', { constructor: 1, toString: 2 }],
    [
      '[&x !KeyOf a, *x]',
      [
        { tag: 'KeyOf', id: 'a', line: 6 },
        { tag: 'KeyOf', id: 'a', line: 6 },
      ],
    ],
  ]
  for (const [yaml, expected] of cases) test(yaml, () => assert.deepEqual(plain(attr(yaml)), expected))
})

describe('tags keep what was written', () => {
  const line = 6
  const cases: [string, unknown][] = [
    ['!KeyOf flow', { tag: 'KeyOf', id: 'flow', line }],
    [
      '!Find [a.b, [name, x], [slug, !Context s]]',
      {
        tag: 'Find',
        model: 'a.b',
        line,
        conditions: [
          ['name', 'x'],
          ['slug', { tag: 'Context', name: 's', fallback: undefined, line }],
        ],
      },
    ],
    [
      '!FindObject [!Context m, [pk, 1]]',
      { tag: 'FindObject', model: { tag: 'Context', name: 'm', fallback: undefined, line }, conditions: [['pk', 1]], line },
    ],
    ['!Context goauthentik.io/rbac/models', { tag: 'Context', name: 'goauthentik.io/rbac/models', fallback: undefined, line }],
    ['!Context [key, null]', { tag: 'Context', name: 'key', fallback: null, line }],
    [
      '!Env [NAME, !Context other]',
      { tag: 'Env', name: 'NAME', fallback: { tag: 'Context', name: 'other', fallback: undefined, line }, line },
    ],
    ['!File /run/secrets/key', { tag: 'File', name: '/run/secrets/key', fallback: undefined, line }],
    ['!Format ["%s-%s", a, !KeyOf b]', { tag: 'Format', template: '%s-%s', values: ['a', { tag: 'KeyOf', id: 'b', line }], line }],
    ['!If [true]', { tag: 'If', condition: true, then: true, otherwise: false, line }],
    [
      '!If [!Context a, null, 2]',
      { tag: 'If', condition: { tag: 'Context', name: 'a', fallback: undefined, line }, then: null, otherwise: 2, line },
    ],
    ['!Condition [xor, true, false]', { tag: 'Condition', mode: 'XOR', values: [true, false], line }],
    [
      '!Enumerate [[1], map, [!Index 0, !Value 0]]',
      {
        tag: 'Enumerate',
        iterable: [1],
        output: 'MAP',
        line,
        body: [
          { tag: 'Index', depth: 0, line },
          { tag: 'Value', depth: 0, line },
        ],
      },
    ],
    ['!AtIndex [[1], 0]', { tag: 'AtIndex', object: [1], key: 0, fallback: undefined, line }],
    ['!AtIndex [{}, k, null]', { tag: 'AtIndex', object: {}, key: 'k', fallback: null, line }],
    [`!ParseJSON '{"a": [1, {"b": null}]}'`, { a: [1, { b: null }] }],
  ]
  for (const [yaml, expected] of cases) test(yaml, () => assert.deepEqual(plainTag(attr(yaml)), expected))
})

function plainTag(value: Unresolved): unknown {
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, item]) => [key, plainTag(item)]))
  if (Array.isArray(value)) return value.map(plainTag)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plainTag(item as Unresolved)]))
}

describe('a document', () => {
  test('may have its entries in sections', () => {
    const { entries } = parseBlueprint(`version: 1
entries:
  first:
    - { model: a.b, id: one, identifiers: { name: x } }
  second:
    - { model: a.c, identifiers: { name: y } }
`)
    assert.deepEqual(
      entries.map(({ section, id, line }) => ({ section, id, line })),
      [
        { section: 'first', id: 'one', line: 4 },
        { section: 'second', id: null, line: 6 },
      ],
    )
  })

  test('has defaults for what is left out', () => {
    const document = parseBlueprint('version: 1\nentries:\n- model: a.b\n')
    assert.deepEqual(document.metadata, { name: null, labels: {} })
    assert.deepEqual(document.entries[0], {
      line: 3,
      section: null,
      id: null,
      model: 'a.b',
      state: 'present',
      conditions: [],
      identifiers: new Map(),
      attrs: new Map(),
      permissions: [],
    })
  })

  test('has its labels as text', () => {
    const { metadata } = parseBlueprint('version: 1\nmetadata:\n  name: Mine\n  labels:\n    a/b: false\n    c: "x"\nentries: []\n')
    assert.deepEqual(metadata, { name: 'Mine', labels: { 'a/b': 'false', c: 'x' } })
  })

  test('may have tags as model, state, condition and in permissions', () => {
    const [entry] = parseBlueprint(`version: 1
entries:
- model: !Format ["%s.group", !Context app]
  state: !If [!Context gone, absent, present]
  conditions: [!Context enabled]
  identifiers: { name: x }
  permissions:
    - { permission: view_group, role: !Find [authentik_rbac.role, [name, readers]] }
`).entries
    assert.partialDeepStrictEqual(entry, {
      model: { tag: 'Format' },
      state: { tag: 'If' },
      conditions: [{ tag: 'Context' }],
      permissions: [{ permission: 'view_group', user: null, role: { tag: 'Find' } }],
    })
  })

  test('warns of unknown and repeated keys', () => {
    const { warnings } = parseBlueprint('version: 1\nentries:\n- model: a.b\n  attr: {}\n  identifiers: { a: 1, a: 2 }\n')
    assert.deepEqual(warnings, [
      'line 5: The key a is repeated; the last one counts',
      'line 3: An entry has the unknown key attr, which is ignored',
    ])
  })
})

describe('errors name the line', () => {
  const cases: [string, string, RegExp][] = [
    ['an empty file', '', /The file is empty/],
    ['a comment only', '# nothing\n', /The file is empty/],
    ['a list', '- 1\n', /line 1: A blueprint must be a mapping/],
    ['no version', 'entries: []\n', /Only version 1 .* not null/],
    ['another version', 'version: 2\nentries: []\n', /Only version 1 .* not 2/],
    ['a version as text', 'version: "1"\nentries: []\n', /Only version 1/],
    ['no entries', 'version: 1\n', /needs entries/],
    ['entries as text', 'version: 1\nentries: x\n', /entries must be a list/],
    ['two documents', 'version: 1\nentries: []\n---\nversion: 1\nentries: []\n', /Only one document/],
    ['metadata without a name', 'version: 1\nmetadata:\n  labels: {}\nentries: []\n', /line 3: metadata needs a name/],
    ['a label that is a list', 'version: 1\nmetadata:\n  name: x\n  labels: { a: [] }\nentries: []\n', /The label a must be text/],
    ['an entry without a model', 'version: 1\nentries:\n- id: x\n', /line 3: An entry needs a model/],
    ['a model without an app', 'version: 1\nentries:\n- model: group\n', /line 3: An entry needs a model/],
    [
      'an unknown state',
      'version: 1\nentries:\n- model: a.b\n  state: gone\n',
      /line 3: state must be one of present, created, must_created, absent/,
    ],
    ['the same id twice', 'version: 1\nentries:\n- { model: a.b, id: x }\n- { model: a.b, id: x }\n', /line 4: The id x is used twice/],
    ['identifiers as a list', 'version: 1\nentries:\n- model: a.b\n  identifiers: [a]\n', /line 3: identifiers must be a mapping/],
    [
      'a permission for nobody',
      'version: 1\nentries:\n- model: a.b\n  permissions:\n  - permission: x\n',
      /line 5: A permission needs a user or a role/,
    ],
    ['broken syntax', 'version: 1\nentries: [\n', /line [23]: /],
    ['bad indentation', 'version: 1\nentries:\n- model: a.b\n attrs: 1\n', /line 4: /],
    ['an unknown tag', withAttr('!Nope 1'), /line 6: Unknown tag !Nope/],
    ['a Python tag', withAttr('!!python/object:os.system x'), /line 6: .*does not fit the YAML tag/],
    ['a YAML type that JSON has not', withAttr('!!set {a}'), /line 6: Unsupported YAML tag/],
    ['a tag on a mapping', withAttr('!Find {a: b}'), /line 6: !Find expects the form/],
    ['KeyOf of nothing', withAttr('!KeyOf'), /line 6: !KeyOf expects the id/],
    ['KeyOf of a list', withAttr('!KeyOf [a]'), /line 6: !KeyOf expects the id/],
    ['Find without conditions', withAttr('!Find [a.b]'), /line 6: !Find expects the form/],
    ['Find with a bare condition', withAttr('!Find [a.b, name, x]'), /line 6: !Find expects the form/],
    ['Find of a number', withAttr('!Find [1, [a, b]]'), /line 6: !Find expects the name of a model/],
    ['Context with too many items', withAttr('!Context [a, b, c]'), /line 6: !Context expects the form \[name, default\]/],
    ['Env named by a list', withAttr('!Env [[a], b]'), /line 6: !Env expects a name first/],
    ['Format of nothing', withAttr('!Format []'), /line 6: !Format expects the form/],
    ['If with two items', withAttr('!If [a, b]'), /line 6: !If expects the form/],
    ['a wrong mode', withAttr('!Condition [MAYBE, a]'), /line 6: !Condition expects one of AND, NAND/],
    ['a condition on nothing', withAttr('!Condition [AND]'), /line 6: !Condition expects the form/],
    ['Enumerate into a SET', withAttr('!Enumerate [[], SET, x]'), /line 6: !Enumerate expects SEQ or MAP/],
    ['Index of a word', withAttr('!Index first'), /line 6: !Index expects a number/],
    ['AtIndex of one item', withAttr('!AtIndex [[1]]'), /line 6: !AtIndex expects the form/],
    ['broken JSON', withAttr(`!ParseJSON '{a: 1}'`), /line 6: !ParseJSON: /],
    ['a list as a key', withAttr('{? [a] : 1}'), /line 6: A key must be plain text/],
    ['a tag as a key', withAttr('{!KeyOf a : 1}'), /line 6: A key must be plain text/],
    ['the key __proto__', withAttr('{__proto__: {admin: true}}'), /line 6: The key __proto__ is not allowed/],
    ['a merge of text', withAttr('{<<: x}'), /line 6: << expects a mapping/],
    ['an unknown alias', withAttr('*nobody'), /line 6: .*nobody/],
    ['an alias inside its own anchor', withAttr('&a [*a]'), /line 6: Alias \*a contains itself/],
  ]
  for (const [name, source, message] of cases) {
    test(name, () =>
      assert.throws(
        () => parseBlueprint(source),
        (error: unknown) => (error instanceof BlueprintError && message.test(error.message)) || assert.fail(String(error)),
      ),
    )
  }
})

describe('bombs are refused', () => {
  const levels = (make: (level: number) => string) =>
    Array.from({ length: 12 }, (_, level) => `  l${level}: ${level === 0 ? '&l0 [x, x, x, x, x, x, x, x, x, x]' : make(level)}`).join('\n')
  const ten = (item: string) => Array.from({ length: 10 }, () => item).join(', ')
  const cases: [string, string, RegExp][] = [
    [
      'aliases that double',
      `version: 1\nentries: []\ncontext:\n${levels(level => `&l${level} [${ten(`*l${level - 1}`)}]`)}\n`,
      /too large: more than 50000 values/,
    ],
    [
      'merge keys that double',
      `version: 1\nentries: []\ncontext:\n  l0: &l0 {a: 1}\n${Array.from({ length: 30 }, (_, i) => `  l${i + 1}: &l${i + 1} {<<: [*l${i}, *l${i}]}`).join('\n')}\n`,
      /too large|Nested more/,
    ],
    ['a large file', `version: 1\nentries: []\n# ${'x'.repeat(1_048_576)}\n`, /larger than 1048576 bytes/],
    ['many small values', `version: 1\nentries: []\ncontext: { a: [${'1,'.repeat(200_000)}] }\n`, /too large/],
    ['deep flow lists', withAttr('['.repeat(500_000)), /Nested more than 64 levels/],
    ['deep flow mappings', withAttr('{a: '.repeat(100_000)), /Nested more than 64 levels/],
    ['deep block lists', withAttr(`\n${'- '.repeat(100_000)}`), /Nested more than 64 levels/],
    ['lists a little too deep', withAttr(`${'['.repeat(70)}${']'.repeat(70)}`), /Nested more than 64 levels/],
    ['deep JSON', withAttr(`!ParseJSON '${'['.repeat(5000)}${']'.repeat(5000)}'`), /Nested more than 64 levels/],
    ['the same key over and over', `version: 1\nentries: []\ncontext: {${'a: 1, '.repeat(120_000)}}\n`, /too large/],
    [
      'deep expansion through aliases',
      `version: 1\nentries: []\ncontext:\n  a0: &a0 [1]\n${Array.from({ length: 80 }, (_, i) => `  a${i + 1}: &a${i + 1} [*a${i}]`).join('\n')}\n`,
      /Nested more than 64 levels/,
    ],
  ]
  for (const [name, source, message] of cases)
    test(name, () => assert.throws(() => parseBlueprint(source), { name: 'BlueprintError', message }))

  test('ordinary nesting passes', () => {
    assert.doesNotThrow(() => parseBlueprint(withAttr(`${'['.repeat(40)}${']'.repeat(40)}`)))
  })
})
