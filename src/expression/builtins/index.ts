/** Every name that an expression knows without importing. */
import { exceptions } from '../errors.ts'
import { Ellipsis, NotImplemented, types } from '../values.ts'
import type { Value } from '../values.ts'
import './str.ts'
import './bytes.ts'
import './numeric.ts'
import './sequences.ts'
import './mappings.ts'
import './objects.ts'
import { functions } from './functions.ts'

const typeNames = [
  'object',
  'type',
  'int',
  'bool',
  'float',
  'str',
  'bytes',
  'list',
  'tuple',
  'dict',
  'set',
  'frozenset',
  'slice',
  'range',
  'property',
  'staticmethod',
  'classmethod',
  'super',
] as const

export const builtins: ReadonlyMap<string, Value> = new Map<string, Value>([
  ...typeNames.map((name): [string, Value] => [name, types[name]]),
  ...exceptions,
  ['IOError', exceptions.get('OSError')!],
  ['EnvironmentError', exceptions.get('OSError')!],
  ['NotImplemented', NotImplemented],
  ['Ellipsis', Ellipsis],
  ['__name__', '__main__'],
  ['__debug__', true],
  ...Object.entries(functions),
])

// Classes take their constructor from their bases when they are made; these were made before the constructors were known.
for (const cls of [...Object.values(types), ...exceptions.values()]) {
  for (const base of cls.mro) {
    cls.construct ??= base === types.object && cls !== types.object ? null : base.construct
    cls.fresh ??= base.fresh
  }
  cls.frozen = true
}
