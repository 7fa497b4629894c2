import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Value } from './document.ts'
import { baselineOf, canonicalJson, decide, entryKey, fingerprint, fingerprintsOfCreated, fingerprintsOfUpdated } from './drift.ts'
import type { Baseline, Situation } from './drift.ts'
import { lookupOf } from './entry.ts'
import { parseBlueprint } from './parse.ts'

type Values = { [key: string]: Value }
const created = (shown: Values): Baseline => ({ origin: 'created', fingerprints: fingerprintsOfCreated(shown) })
const adopted = (shown: Values): Baseline => ({ origin: 'adopted', fingerprints: fingerprintsOfCreated(shown) })
const situation = (over: Partial<Situation>): Situation => ({
  state: 'present',
  desired: {},
  current: null,
  baseline: null,
  wasApplied: false,
  protect: true,
  force: false,
  ...over,
})
const update = (fields: string[], kept: string[] = []) => ({ action: 'update', fields, kept })

describe('what an entry does to its object', () => {
  const ours = created({ title: 'Old', order: 10, list: [1, 2] })
  const cases: [string, Partial<Situation>, unknown][] = [
    ['a new object is created', {}, { action: 'create' }],
    ['an object that the operator deleted stays gone', { wasApplied: true }, { action: 'stay_gone' }],
    ['so does one that is only to be created', { wasApplied: true, state: 'created' }, { action: 'stay_gone' }],
    ['must_created creates it again', { wasApplied: true, state: 'must_created' }, { action: 'create' }],
    ['force creates it again', { wasApplied: true, force: true }, { action: 'create' }],
    ['an unprotected blueprint creates it again', { wasApplied: true, protect: false }, { action: 'create' }],
    ['must_created refuses an object that exists', { state: 'must_created', current: {} }, { action: 'conflict' }],
    [
      'created leaves an object that exists',
      { state: 'created', current: { title: 'x' }, desired: { title: 'y' }, baseline: created({ title: 'x' }) },
      { action: 'leave' },
    ],
    ['absent removes', { state: 'absent', current: {} }, { action: 'remove' }],
    ['absent is content with nothing', { state: 'absent' }, { action: 'nothing' }],
    [
      'a field with our value takes the new default',
      { current: { title: 'Old' }, desired: { title: 'New' }, baseline: ours },
      update(['title']),
    ],
    ['a field that was changed is kept', { current: { title: 'Mine' }, desired: { title: 'New' }, baseline: ours }, update([], ['title'])],
    [
      'each field is judged alone',
      { current: { title: 'Mine', order: 10 }, desired: { title: 'New', order: 20 }, baseline: ours },
      update(['order'], ['title']),
    ],
    ['a field that stands as wanted is not written', { current: { title: 'New' }, desired: { title: 'New' }, baseline: ours }, update([])],
    ['lists count their order', { current: { list: [2, 1] }, desired: { list: [1, 2, 3] }, baseline: ours }, update([], ['list'])],
    [
      'force writes everything',
      { current: { title: 'Mine' }, desired: { title: 'New', password: 'x' }, baseline: ours, force: true },
      update(['title', 'password']),
    ],
    [
      'an unprotected blueprint writes everything',
      { current: { title: 'Mine' }, desired: { title: 'New' }, protect: false },
      update(['title']),
    ],
    ['an object that we never wrote to is kept', { current: { title: 'Mine' }, desired: { title: 'New' } }, update([], ['title'])],
    [
      'a field that we found as wanted, in an object found, takes the new default',
      { current: { title: 'Old' }, desired: { title: 'New' }, baseline: adopted({ title: 'Old' }) },
      update(['title']),
    ],
    [
      'another field of such an object is kept',
      { current: { order: 1 }, desired: { order: 2 }, baseline: adopted({ title: 'Old' }) },
      update([], ['order']),
    ],
    [
      'a field that came with an upgrade may be set',
      { current: { fresh: '' }, desired: { fresh: 'x' }, baseline: ours },
      update(['fresh']),
    ],
    [
      'a secret that is not shown is set at creation only',
      { current: { title: 'Old' }, desired: { password: 'x' }, baseline: ours },
      update([]),
    ],
    ['null is a value', { current: { title: null }, desired: { title: 'New' }, baseline: created({ title: null }) }, update(['title'])],
  ]
  for (const [name, over, expected] of cases) test(name, () => assert.deepEqual(decide(situation(over)), expected))
})

describe('over several versions of a file', () => {
  /** Applies `desired` to an object the way the importer does. */
  function apply(state: { shown: Values; row: Baseline }, desired: Values): { shown: Values; row: Baseline } {
    const decision = decide(situation({ desired, current: state.shown, baseline: state.row, wasApplied: true }))
    assert.equal(decision.action, 'update')
    const shown = { ...state.shown }
    if (decision.action === 'update') for (const name of decision.fields) shown[name] = desired[name] ?? null
    return { shown, row: { origin: state.row.origin, fingerprints: fingerprintsOfUpdated(shown, desired, decision, state.row, state.row) } }
  }

  test('a change of the operator survives every later version', () => {
    let state = { shown: { title: 'v1', order: 1 } as Values, row: created({ title: 'v1', order: 1 }) }
    state = apply({ ...state, shown: { ...state.shown, title: 'mine' } }, { title: 'v2', order: 2 })
    state = apply(state, { title: 'v3', order: 3 })
    assert.deepEqual(state.shown, { title: 'mine', order: 3 })
  })

  test('undoing the change gives the field back', () => {
    let state = { shown: { title: 'v1' } as Values, row: created({ title: 'v1' }) }
    state = apply({ ...state, shown: { title: 'mine' } }, { title: 'v2' })
    state = apply({ ...state, shown: { title: 'v1' } }, { title: 'v3' })
    assert.deepEqual(state.shown, { title: 'v3' })
  })

  test('a field that a later version lists is known from the creation', () => {
    const row = created({ title: 'v1', order: 1 })
    assert.deepEqual(apply({ shown: { title: 'v1', order: 1 }, row }, { order: 5 }).shown, { title: 'v1', order: 5 })
    assert.deepEqual(apply({ shown: { title: 'v1', order: 2 }, row }, { order: 5 }).shown, { title: 'v1', order: 2 })
  })

  test('a second entry for an object of ours may set what the first left at its default', () => {
    const first = created({ fields: ['a'], validation_policies: [] })
    const decision = decide(
      situation({
        desired: { validation_policies: ['p'] },
        current: { fields: ['a'], validation_policies: [] },
        baseline: baselineOf([first]),
      }),
    )
    assert.deepEqual(decision, update(['validation_policies']))
  })

  test("an entry's own row goes before those of others", () => {
    const own: Baseline = { origin: 'adopted', fingerprints: { a: '1' } }
    const other: Baseline = { origin: 'created', fingerprints: { a: '2', b: '3' } }
    assert.deepEqual(baselineOf([own, other]), { origin: 'created', fingerprints: { a: '1', b: '3' } })
    assert.equal(baselineOf([]), null)
  })
})

test('equal values have equal fingerprints, whatever the order of keys', () => {
  assert.equal(canonicalJson({ b: [1, null], a: { d: 'x', c: true } }), '{"a":{"c":true,"d":"x"},"b":[1,null]}')
  assert.equal(fingerprint({ a: 1, b: 2 }), fingerprint({ b: 2, a: 1 }))
  assert.notEqual(fingerprint([1, 2]), fingerprint([2, 1]))
  assert.notEqual(fingerprint('1'), fingerprint(1))
})

test('an entry is recognized by its id, else by what it identifies, however the file is laid out', () => {
  const keys = (source: string) => parseBlueprint(source).entries.map(entry => entryKey('a.b', entry))
  const [first, second, third] = keys(`version: 1
entries:
- { model: a.b, identifiers: { target: !KeyOf flow, order: 20 } }
- model: a.b
  identifiers:
    order: 20
    target: !KeyOf flow
- { model: a.b, identifiers: { target: !KeyOf flow, order: 21 } }
`)
  assert.equal(first, second)
  assert.notEqual(first, third)
  assert.deepEqual(keys('version: 1\nentries:\n- { model: a.b, id: x, identifiers: { order: 1 } }\n'), ['a.b#x'])
})

describe('identifiers as a look-up', () => {
  const exact = (field: string, value: Value) => ({ field, operator: 'exact', value })
  const cases: [string, Values, unknown][] = [
    ['all must match', { name: 'x', user__username: 'y' }, [[exact('name', 'x'), exact('user__username', 'y')]]],
    ['or the key', { pk: 1, name: 'x' }, [[exact('pk', 1)], [exact('name', 'x')]]],
    ['the key alone', { pk: 'u' }, [[exact('pk', 'u')]]],
    ['a key that was not found is no key', { pk: null, name: 'x' }, [[exact('name', 'x')]]],
    ['objects are contained', { attributes: { a: 1 } }, [[{ field: 'attributes', operator: 'contains', value: { a: 1 } }]]],
    ['lists are equal', { list: [1] }, [[exact('list', [1])]]],
    ['null is null', { domain: null }, [[exact('domain', null)]]],
    ['nothing finds nothing', {}, []],
  ]
  for (const [name, identifiers, expected] of cases) test(name, () => assert.deepEqual(lookupOf(identifiers), expected))
})
