import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Value } from './document.ts'
import { percentFormat } from './format.ts'

// The expectations are what CPython 3.11 prints.
describe('text is formatted as Python does', () => {
  const cases: [string, Value[], string][] = [
    ['', [], ''],
    ['%s', ['ü'], 'ü'],
    ['%s|%s|%s', [true, false, null], 'True|False|None'],
    ['%s', [[1, 'a', null, { k: "it's" }]], `[1, 'a', None, {'k': "it's"}]`],
    ['%r', ['a\n"b\''], `'a\\n"b\\''`],
    ['%5s|%-5s|%.2s', ['ab', 'ab', 'abcd'], '   ab|ab   |ab'],
    ['%d|%i|%5d|%-5d|%05d|%+d|% d', [1.9, -1, 42, 42, -42, 42, 42], '1|-1|   42|42   |-0042|+42| 42'],
    ['%x|%X|%o', [255, 255, 8], 'ff|FF|10'],
    ['%f|%.2f|%8.3f|%.0f', [1.5, 2.345, Math.PI, 3], '1.500000|2.35|   3.142|3'],
    ['%e|%.1E', [12345.678, 0.00012], '1.234568e+04|1.2E-04'],
    ['%g|%g|%g|%g', [0.0001, 1e-5, 1234567, 100], '0.0001|1e-05|1.23457e+06|100'],
    ['%c%c', [65, 'B'], 'AB'],
    ['%d%%', [50], '50%'],
    ['%s', ['%s'], '%s'],
  ]
  for (const [template, values, expected] of cases)
    test(`${template} % ${JSON.stringify(values)}`, () => assert.equal(percentFormat(template, values), expected))
})
