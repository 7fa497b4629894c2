/** The objects that recipes speak of, as scripts/golden-recipes.py has them in Python; what is done to them is written down. */
import { contains } from '../../compare.ts'
import { exceptionClass, raise } from '../../errors.ts'
import { compile, evaluate } from '../../evaluate.ts'
import { fromJson, toJson } from '../../json.ts'
import { defineModule, drive, native, nativeClass, type Steps } from '../../module.ts'
import type { EvaluationRuntime } from '../../runtime.ts'
import { PyDict, PyList, types, type PyClass, type PyModule, type Value } from '../../values.ts'
import { Bag } from '../things.ts'

type Given = Record<string, unknown>

export interface Case {
  recipe: string
  case: string
  user?: { groups?: string[]; attributes?: Given }
  invitations?: Given[]
  context: Record<string, unknown>
  http?: Given
}

const bag = (attributes: Record<string, Value>) => new Bag(new Map(Object.entries(attributes)))
const plain = (values: Given): Record<string, Value> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, fromJson(value)]))

/** The items that have what the look-ups name. */
function* fitting(self: PyList, lookups: PyDict, rt: EvaluationRuntime): Steps<PyList> {
  const found: Value[] = []
  for (const item of self.items) {
    let fits = true
    for (const { key, value } of lookups.entries.values()) {
      const name = String(key)
      const own = yield rt.getAttribute(item, name.replace(/__in$/, ''))
      fits &&= name.endsWith('__in') ? yield contains(value, own, rt) : rt.equals(own, value)
    }
    if (fits) found.push(item)
  }
  return new PyList(found, manyClass)
}

const doesNotExist = exceptionClass('DoesNotExist')

/** What a manager and its filters answer. */
const manyClass: PyClass = nativeClass({
  name: 'Many',
  bases: [types.list],
  methods: {
    filter: native('filter', 'self, **lookups', ([self, lookups], rt) => drive(fitting(self, lookups, rt))),
    all: native('all', 'self', ([self]) => new PyList([...self.items], manyClass)),
    first: native('first', 'self', ([self]) => self.items[0] ?? null),
    exists: native('exists', 'self', ([self]) => self.items.length > 0),
    get: native('get', 'self, **lookups', function* ([self, lookups], rt) {
      const found = (yield drive(fitting(self, lookups, rt))) as PyList
      return found.items[0] ?? raise(doesNotExist, 'Group matching query does not exist.')
    }),
    add: native('add', 'self, *groups', ([self, groups], rt) => (self as Membership).add(groups.items, rt)),
  },
})

class Membership extends PyList {
  private readonly world: World
  constructor(items: Value[], world: World) {
    super(items, manyClass)
    this.world = world
  }
  add(groups: Value[], rt: EvaluationRuntime): null {
    for (const group of groups) {
      this.world.did.push(['add', 'mira', rt.getAttribute(group, 'name')])
      if (!this.items.includes(group)) this.items.push(group)
    }
    return null
  }
}

export class World {
  readonly did: unknown[] = []
  readonly modules: ReadonlyMap<string, PyModule>
  readonly variables: ReadonlyMap<string, Value>
  private readonly context: PyDict

  private constructor(
    groups: Value[],
    invitations: Value[],
    user: Case['user'],
    http: Given | undefined,
    context: (user: Value) => PyDict,
  ) {
    const attributes = fromJson(user?.attributes ?? {})
    const mine = new Membership(
      groups.filter(group => user?.groups?.includes(String((group as Bag).getAttribute('name')))),
      this,
    )
    const save = native('save', '', () => {
      this.did.push(['save', 'mira', toJson(attributes)])
      return null
    })
    const person = bag({ username: 'mira', attributes, ak_groups: mine, groups: mine, save })
    this.context = context(person)
    const get_host = native('get_host', '', () => String(http?.host))
    const request = bag({ user: person, context: this.context, http_request: http ? bag({ ...plain(http), get_host }) : null })
    const manager = (items: Value[]) => bag({ objects: new PyList(items, manyClass), DoesNotExist: doesNotExist })
    this.modules = new Map([
      ['authentik.core.models', defineModule('authentik.core.models', { Group: manager(groups) })],
      ['authentik.stages.invitation.models', defineModule('authentik.stages.invitation.models', { Invitation: manager(invitations) })],
    ])
    this.variables = new Map<string, Value>([['request', request], ['context', this.context], ...this.helpers()])
  }

  static async of(groups: string[], given: Case): Promise<World> {
    const invitation = async (values: Given): Promise<Value> =>
      bag({ ...plain(values), expires: await instant(values.expires), flow: bag({ slug: String(values.flow) }) })
    const invitations = await Promise.all((given.invitations ?? []).map(invitation))
    const named = new Map<string, Value>()
    for (const [key, value] of Object.entries(given.context))
      if (isMarked(value, '$invitation')) named.set(key, await invitation(value.$invitation as Given))
    return new World(
      groups.map(name => bag({ name })),
      invitations,
      given.user,
      given.http,
      user => {
        const context = fromJson(given.context) as PyDict
        for (const entry of context.entries.values()) {
          const value = given.context[String(entry.key)]
          if (isMarked(value, '$event')) entry.value = bag(plain(value.$event as Given))
          else if (isMarked(value, '$user')) entry.value = user
          else if (isMarked(value, '$plan')) entry.value = bag({ context })
          else entry.value = named.get(String(entry.key)) ?? entry.value
        }
        return context
      },
    )
  }

  private helpers(): [string, Value][] {
    const log = (level: string) =>
      native(level, 'event, **fields', ([event, fields]) => {
        this.did.push(['log', level, event, toJson(fields)])
        return null
      })
    return [
      ['ak_logger', bag({ info: log('info'), warning: log('warning'), error: log('error') })],
      [
        'ak_message',
        native('ak_message', 'text', ([text], rt) => {
          rt.message(text)
          return null
        }),
      ],
      [
        'ak_is_group_member',
        native('ak_is_group_member', 'user, name', function* ([user, name], rt) {
          const groups = (yield rt.getAttribute(user, 'groups')) as PyList
          return groups.items.some(group => (group as Bag).getAttribute('name') === name)
        }),
      ],
      [
        'ak_send_email',
        native('ak_send_email', 'address, subject, body=None', ([address, subject, body]) => {
          this.did.push(['mail', address, subject, body])
          return true
        }),
      ],
    ]
  }

  /** What stays in the context, as far as it is plain. */
  left(): unknown {
    const kept = [...this.context.entries].filter(([, { value }]) => !(value instanceof Bag))
    return toJson(new PyDict(new Map(kept)))
  }
}

const isMarked = (value: unknown, mark: string): value is Given => typeof value === 'object' && value !== null && mark in value

async function instant(text: unknown): Promise<Value> {
  if (typeof text !== 'string') return null
  const program = compile('import datetime\nreturn datetime.datetime.fromisoformat(text)', ['text'])
  return (await evaluate(program, new Map([['text', text]]))).value
}
