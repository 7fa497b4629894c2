/** Runs a text as an attacker would have it, among objects of a host. */
import {
  ExpressionError,
  ExpressionSyntaxError,
  HostObject,
  PyClass,
  compile,
  evaluate,
  exception,
  fromJson,
  native,
  toJson,
  types,
  type Host,
  type Limits,
  type Result,
  type Value,
} from '../../../src/expression/index.ts'

const userClass = new PyClass('User', [types.object])
userClass.cls = types.type
userClass.frozen = true

export class User extends HostObject {
  readonly pk: number
  constructor(pk: number) {
    super(userClass)
    this.pk = pk
  }
  getAttribute(name: string, rt: any): Result | undefined {
    if (name === 'pk') return this.pk
    if (name === 'lazy') return rt.hostCall('lazy', this.pk)
    if (name === 'save') return native('save', '', () => null)
    return undefined
  }
  override hashKey(): string {
    return `user:${this.pk}`
  }
}

export const host: Host = {
  call: async (op, args) => {
    if (op === 'fail') throw exception('ValueError', 'from the host')
    if (op === 'never') return new Promise(() => {})
    return `${op}:${String(args)}`
  },
}
export const vars = () =>
  new Map<string, Value>([
    ['user', new User(5)],
    ['same', new User(5)],
    ['other', new User(6)],
    ['ask', native('ask', 'op', ([op], rt) => rt.hostCall(op, null))],
    ['data', fromJson({ a: [1, { b: 'c' }] })],
  ])

/** How an attack ended: `limit steps`, `TypeError`, or the value as JSON. */
export async function attack(
  text: string,
  limits: Partial<Limits> = {},
  given = vars(),
): Promise<{ ended: string; stats: { longestSlice: number } }> {
  const none = { longestSlice: 0 }
  try {
    const { value, stats } = await evaluate(compile(text, [...given.keys()]), given, host, limits)
    return { ended: JSON.stringify(toJson(value)), stats }
  } catch (error) {
    if (error instanceof ExpressionSyntaxError) return { ended: 'SyntaxError', stats: none }
    if (error instanceof RangeError && /longer than/.test(error.message)) return { ended: 'too long', stats: none }
    if (!(error instanceof ExpressionError)) throw error
    if (error.kind === 'fault') throw error.cause
    return { ended: error.kind === 'limit' ? `limit ${error.limit}` : error.exception!.cls.name, stats: error.stats }
  }
}

export const outcome = async (...args: Parameters<typeof attack>): Promise<string> => (await attack(...args)).ended
