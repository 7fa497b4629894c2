/** The named tuples that `urlsplit` and `urlparse` answer. */
import { raise } from '../../errors.ts'
import { dictOf } from '../../keys.ts'
import { native } from '../../module.ts'
import { PyTuple, types } from '../../values.ts'
import type { PyClass, Value } from '../../values.ts'
import { requireText } from '../arguments.ts'
import { typedClass } from '../typed-class.ts'
import { authorityOf, unparseUrl, unsplitUrl } from './url.ts'
import type { Parsed, Split } from './url.ts'

function portOf(netloc: string): Value {
  const { port } = authorityOf(netloc)
  if (port === null) return null
  if (!/^[0-9]+$/.test(port)) raise('ValueError', `Port could not be cast to integer value as '${port}'`)
  return Number(port) <= 65535 ? Number(port) : raise('ValueError', 'Port out of range 0-65535')
}

/** The fields of a result; objects of derived classes may hold anything. */
function textsOf(self: PyTuple, count: number): string[] {
  if (self.items.length !== count) raise('TypeError', `expected ${count} fields`)
  return self.items.map(item => requireText(item, 'field'))
}

function resultClass(name: string, fields: readonly string[], compose: (self: PyTuple) => string): PyClass {
  const getters: Record<string, (self: PyTuple) => Value> = {}
  fields.forEach((field, i) => {
    getters[field] = self => self.items[i] ?? null
  })
  const authority = (part: 'username' | 'password' | 'hostname') => (self: PyTuple) => authorityOf(textsOf(self, fields.length)[1]!)[part]
  const signature = fields.map(field => `${field}=None`).join(', ')
  const cls: PyClass = typedClass(
    {
      name,
      module: 'urllib.parse',
      bases: [types.tuple],
      construct: (_, args, kwargs, rt) => make.code(args, kwargs, rt),
      methods: {
        geturl: native('geturl', 'self', ([self]) => compose(self)),
        _asdict: native('_asdict', 'self', ([self]) => dictOf(fields.map((field, i) => [field, self.items[i] ?? null] as const))),
        _replace: native(
          '_replace',
          `self, *, ${signature}`,
          ([self, ...values]) =>
            new PyTuple(
              fields.map((_, i) => (values[i] === null ? (self.items[i] ?? null) : requireText(values[i], fields[i]!))),
              cls,
            ),
        ),
        __repr__: native(
          '__repr__',
          'self',
          ([self], rt) => `${name}(${fields.map((field, i) => `${field}=${rt.repr(self.items[i] ?? null)}`).join(', ')})`,
        ),
      },
      getters: {
        ...getters,
        username: authority('username'),
        password: authority('password'),
        hostname: authority('hostname'),
        port: (self: PyTuple) => portOf(textsOf(self, fields.length)[1]!),
      },
      constants: { _fields: new PyTuple(fields) },
    },
    () => PyTuple,
  )
  const make = native(
    name,
    fields.join(', '),
    values =>
      new PyTuple(
        fields.map((field, i) => requireText(values[i], field)),
        cls,
      ),
  )
  return cls
}

const compose = {
  split: (self: PyTuple) => unsplitUrl(textsOf(self, 5) as Split),
  parse: (self: PyTuple) => unparseUrl(textsOf(self, 6) as Parsed),
}

export const splitResultClass = resultClass('SplitResult', ['scheme', 'netloc', 'path', 'query', 'fragment'], compose.split)
export const parseResultClass = resultClass('ParseResult', ['scheme', 'netloc', 'path', 'params', 'query', 'fragment'], compose.parse)

const defragFields = ['url', 'fragment'] as const
export const defragResultClass: PyClass = typedClass(
  {
    name: 'DefragResult',
    module: 'urllib.parse',
    bases: [types.tuple],
    methods: {
      geturl: native('geturl', 'self', ([self]) => textsOf(self, 2).filter(Boolean).join('#')),
      __repr__: native(
        '__repr__',
        'self',
        ([self], rt) =>
          `DefragResult(${textsOf(self, 2)
            .map((text, i) => `${defragFields[i]}=${rt.repr(text)}`)
            .join(', ')})`,
      ),
    },
    getters: { url: (self: PyTuple) => self.items[0] ?? null, fragment: (self: PyTuple) => self.items[1] ?? null },
  },
  () => PyTuple,
)
