import { raise } from '../../errors.ts'
import { native } from '../../module.ts'
import { normalizeInt, NotImplemented, PyFloat, PyInstance, PyTuple, typeOf } from '../../values.ts'
import type { NativeFunction, PyClass, Value } from '../../values.ts'
import { pad } from './calendar.ts'
import { typedClass } from '../typed-class.ts'

export const DAY = 86_400_000_000n // microseconds
const LIMIT = 999_999_999n // days

/** A duration; exact, in microseconds. */
export class PyTimedelta extends PyInstance {
  readonly us: bigint

  constructor(us: bigint, cls: PyClass = timedeltaClass) {
    super(cls, null)
    const days = floorDivide(us, DAY)
    if (days > LIMIT || days < -LIMIT) raise('OverflowError', `days=${days}; must have magnitude <= 999999999`)
    this.us = us
  }

  get days() {
    return Number(floorDivide(this.us, DAY))
  }

  /** Seconds of the last day, 0 to 86,399. */
  get seconds() {
    return Number(floorModulo(this.us, DAY) / 1_000_000n)
  }

  get microseconds() {
    return Number(floorModulo(this.us, 1_000_000n))
  }

  override hashKey() {
    return `timedelta ${this.us}`
  }

  override toJson() {
    return Number(this.us) / 1e6
  }
}

export const floorDivide = (a: bigint, b: bigint): bigint => {
  const q = a / b
  return a % b !== 0n && a < 0n !== b < 0n ? q - 1n : q
}
export const floorModulo = (a: bigint, b: bigint): bigint => a - floorDivide(a, b) * b

/** a / b rounded to the nearest integer, ties to the even one. */
export function divideRounding(a: bigint, b: bigint) {
  if (b < 0n) [a, b] = [-a, -b]
  const q = floorDivide(a, b)
  const twice = 2n * (a - q * b)
  return twice > b || (twice === b && q % 2n !== 0n) ? q + 1n : q
}

/** A float as an exact fraction. */
function ratio(x: number): [bigint, bigint] {
  if (!Number.isFinite(x))
    raise(Number.isNaN(x) ? 'ValueError' : 'OverflowError', `cannot convert ${Number.isNaN(x) ? 'NaN' : 'Infinity'} to integer ratio`)
  let denominator = 1n
  while (!Number.isInteger(x)) {
    x *= 2
    denominator *= 2n
  }
  return [BigInt(x), denominator]
}

const intOf = (value: Value): bigint | undefined =>
  typeof value === 'number' || typeof value === 'bigint' ? BigInt(value) : typeof value === 'boolean' ? BigInt(Number(value)) : undefined

const UNITS = [
  ['days', DAY],
  ['seconds', 1_000_000n],
  ['microseconds', 1n],
  ['milliseconds', 1000n],
  ['minutes', 60_000_000n],
  ['hours', 3_600_000_000n],
  ['weeks', 7n * DAY],
] as const

function make(cls: PyClass, args: readonly Value[]): PyTimedelta {
  let us = 0n
  let leftover = 0 // fractions of a microsecond
  UNITS.forEach(([name, unit], i) => {
    const value = args[i]!
    const whole = intOf(value)
    if (whole !== undefined) us += whole * unit
    else if (value instanceof PyFloat) {
      if (!Number.isFinite(value.value)) ratio(value.value)
      const integer = Math.trunc(value.value)
      us += BigInt(integer) * unit
      const rest = (value.value - integer) * Number(unit)
      us += BigInt(Math.trunc(rest))
      leftover += rest - Math.trunc(rest)
    } else raise('TypeError', `unsupported type for timedelta ${name} component: ${typeOf(value).name}`)
  })
  if (leftover !== 0) {
    const [n, d] = ratio(leftover)
    us = divideRounding(us * d + n, d)
  }
  return new PyTimedelta(us, cls)
}

const parameters = native(
  'timedelta',
  'days=0, seconds=0, microseconds=0, milliseconds=0, minutes=0, hours=0, weeks=0',
  args => new PyTuple(args),
)

function text({ days, seconds, microseconds }: PyTimedelta) {
  const clock = `${Math.floor(seconds / 3600)}:${pad(Math.floor(seconds / 60) % 60)}:${pad(seconds % 60)}${microseconds ? `.${pad(microseconds, 6)}` : ''}`
  return days ? `${days} day${Math.abs(days) === 1 ? '' : 's'}, ${clock}` : clock
}

function represent(self: PyTimedelta) {
  const parts = (['days', 'seconds', 'microseconds'] as const).filter(name => self[name] !== 0).map(name => `${name}=${self[name]}`)
  return `datetime.timedelta(${parts.join(', ') || '0'})`
}

const operator = (name: string, act: (self: PyTimedelta, other: Value) => Value): NativeFunction =>
  native(name, 'self, other', ([self, other]) => act(self, other))
const withDelta = (name: string, act: (a: bigint, b: bigint) => Value) =>
  operator(name, (self, other) => (other instanceof PyTimedelta ? act(self.us, other.us) : NotImplemented))
const nonZero = (b: bigint): bigint => (b === 0n ? raise('ZeroDivisionError', 'integer division or modulo by zero') : b)

function multiply(self: PyTimedelta, other: Value): Value {
  const n = intOf(other)
  if (n !== undefined) return new PyTimedelta(self.us * n)
  if (!(other instanceof PyFloat)) return NotImplemented
  const [a, b] = ratio(other.value)
  return new PyTimedelta(divideRounding(self.us * a, b))
}

function divide(self: PyTimedelta, other: Value): Value {
  if (other instanceof PyTimedelta) {
    if (other.us === 0n) raise('ZeroDivisionError', 'division by zero')
    return new PyFloat(Number(self.us) / Number(other.us))
  }
  const n = intOf(other)
  if (n !== undefined) return new PyTimedelta(divideRounding(self.us, nonZero(n)))
  if (!(other instanceof PyFloat)) return NotImplemented
  const [a, b] = ratio(other.value)
  if (a === 0n) raise('ZeroDivisionError', 'division by zero')
  return new PyTimedelta(divideRounding(self.us * b, a))
}

function floor(self: PyTimedelta, other: Value): Value {
  if (other instanceof PyTimedelta) return normalizeInt(floorDivide(self.us, nonZero(other.us)))
  const n = intOf(other)
  return n === undefined ? NotImplemented : new PyTimedelta(floorDivide(self.us, nonZero(n)))
}

export const timedeltaClass: PyClass = typedClass(
  {
    name: 'timedelta',
    module: 'datetime',
    construct: (cls, args, kwargs, rt) => make(cls, (parameters.code(args, kwargs, rt) as PyTuple).items),
    methods: {
      total_seconds: native('total_seconds', 'self', ([self]) => new PyFloat(Number(self.us) / 1e6)),
      __add__: withDelta('__add__', (a, b) => new PyTimedelta(a + b)),
      __radd__: withDelta('__radd__', (a, b) => new PyTimedelta(a + b)),
      __sub__: withDelta('__sub__', (a, b) => new PyTimedelta(a - b)),
      __rsub__: withDelta('__rsub__', (a, b) => new PyTimedelta(b - a)),
      __mul__: operator('__mul__', multiply),
      __rmul__: operator('__rmul__', multiply),
      __truediv__: operator('__truediv__', divide),
      __floordiv__: operator('__floordiv__', floor),
      __mod__: withDelta('__mod__', (a, b) => new PyTimedelta(floorModulo(a, nonZero(b)))),
      __divmod__: withDelta(
        '__divmod__',
        (a, b) => new PyTuple([normalizeInt(floorDivide(a, nonZero(b))), new PyTimedelta(floorModulo(a, b))]),
      ),
      __neg__: native('__neg__', 'self', ([self]) => new PyTimedelta(-(self.us as bigint))),
      __pos__: native('__pos__', 'self', ([self]) => self),
      __abs__: native('__abs__', 'self', ([self]) => (self.us < 0n ? new PyTimedelta(-(self.us as bigint)) : self)),
      __bool__: native('__bool__', 'self', ([self]) => self.us !== 0n),
      __eq__: withDelta('__eq__', (a, b) => a === b),
      __lt__: withDelta('__lt__', (a, b) => a < b),
      __le__: withDelta('__le__', (a, b) => a <= b),
      __gt__: withDelta('__gt__', (a, b) => a > b),
      __ge__: withDelta('__ge__', (a, b) => a >= b),
      __str__: native('__str__', 'self', ([self]) => text(self)),
      __repr__: native('__repr__', 'self', ([self]) => represent(self)),
    },
    getters: {
      days: (self: PyTimedelta) => self.days,
      seconds: (self: PyTimedelta) => self.seconds,
      microseconds: (self: PyTimedelta) => self.microseconds,
    },
  },
  () => PyTimedelta,
)
timedeltaClass.dict.set('min', new PyTimedelta(-LIMIT * DAY))
timedeltaClass.dict.set('max', new PyTimedelta(LIMIT * DAY + DAY - 1n))
timedeltaClass.dict.set('resolution', new PyTimedelta(1n))
