import { raise } from '../../errors.ts'
import { native } from '../../module.ts'
import type { Runtime } from '../../module.ts'
import { NotImplemented, PyInstance, PyTuple, typeOf } from '../../values.ts'
import type { PyClass, Value } from '../../values.ts'
import { requireInt, requireText, textOf } from '../arguments.ts'
import { pad } from './calendar.ts'
import { parseIsoTime } from './iso.ts'
import { strftime } from './strftime.ts'
import { DAY, PyTimedelta } from './timedelta.ts'
import { offsetText, outOfRange, PyTimezone, PyTzinfo, UTC } from './tzinfo.ts'
import { typedClass } from '../typed-class.ts'

/** Checks the parts of a time. ValueError as CPython. */
export function checkTime(hour: number, minute: number, second: number, microsecond: number, fold = 0) {
  if (hour < 0 || hour > 23) raise('ValueError', 'hour must be in 0..23')
  if (minute < 0 || minute > 59) raise('ValueError', 'minute must be in 0..59')
  if (second < 0 || second > 59) raise('ValueError', 'second must be in 0..59')
  if (microsecond < 0 || microsecond > 999_999) raise('ValueError', 'microsecond must be in 0..999999')
  if (fold !== 0 && fold !== 1) raise('ValueError', 'fold must be either 0 or 1')
}

export function checkZone(value: Value): PyTzinfo | null {
  if (value === null || value instanceof PyTzinfo) return value
  return raise('TypeError', `tzinfo argument must be None or of a tzinfo subclass, not type '${typeOf(value).name}'`)
}

const SPECS = ['auto', 'hours', 'minutes', 'seconds', 'milliseconds', 'microseconds']

/** `HH:MM:SS` and what else the time specification asks for. */
export function clockText(hour: number, minute: number, second: number, microsecond: number, spec: string): string {
  if (!SPECS.includes(spec)) raise('ValueError', 'Unknown timespec value')
  const clock = `${pad(hour)}:${pad(minute)}:${pad(second)}`
  if (spec === 'hours') return clock.slice(0, 2)
  if (spec === 'minutes') return clock.slice(0, 5)
  if (spec === 'seconds' || (spec === 'auto' && microsecond === 0)) return clock
  return spec === 'milliseconds' ? `${clock}.${pad(Math.floor(microsecond / 1000), 3)}` : `${clock}.${pad(microsecond, 6)}`
}

/** Repr of the last arguments that datetime and time share: no more than is needed. */
export function clockArguments(second: number, microsecond: number, tz: PyTzinfo | null, fold: number, rt: Runtime) {
  const numbers = microsecond ? `, ${second}, ${microsecond}` : second ? `, ${second}` : ''
  return `${numbers}${fold ? ', fold=1' : ''}${tz === null ? '' : `, tzinfo=${rt.repr(tz)}`}`
}

/** The offset that a text gave, as a zone. */
export function fixedZone(offset: bigint | null, rt: Runtime): PyTimezone | null {
  if (offset === null) return null
  if (offset <= -DAY || offset >= DAY) raise('ValueError', outOfRange(offset, rt))
  return offset === 0n ? UTC : new PyTimezone(offset)
}

/** `datetime.time` */
export class PyTime extends PyInstance {
  readonly hour: number
  readonly minute: number
  readonly second: number
  readonly microsecond: number
  readonly tz: PyTzinfo | null
  readonly fold: number

  constructor(hour: number, minute: number, second: number, microsecond: number, tz: PyTzinfo | null, fold = 0, cls: PyClass = timeClass) {
    super(cls, null)
    this.hour = hour
    this.minute = minute
    this.second = second
    this.microsecond = microsecond
    this.tz = tz
    this.fold = fold
  }

  /** Microseconds since midnight. */
  get us() {
    return ((this.hour * 60 + this.minute) * 60 + this.second) * 1_000_000 + this.microsecond
  }

  /** Only fixed zones have an offset without a date. */
  offset(): bigint | null {
    return this.tz instanceof PyTimezone ? this.tz.offset : null
  }

  isoTime(spec = 'auto') {
    const offset = this.offset()
    return clockText(this.hour, this.minute, this.second, this.microsecond, spec) + (offset === null ? '' : offsetText(offset))
  }

  override hashKey() {
    const offset = this.offset()
    return offset === null ? `time ${this.us}` : `time ${BigInt(this.us) - offset}z`
  }

  override toJson() {
    return this.isoTime()
  }
}

function make(cls: PyClass, [h, m, s, us, tz, f]: readonly Value[]) {
  const [hour, minute, second, microsecond, fold] = [requireInt(h!), requireInt(m!), requireInt(s!), requireInt(us!), requireInt(f!)]
  checkTime(hour, minute, second, microsecond, fold)
  return new PyTime(hour, minute, second, microsecond, checkZone(tz!), fold, cls)
}
const parameters = native('time', 'hour=0, minute=0, second=0, microsecond=0, tzinfo=None, *, fold=0', args => new PyTuple(args))

const order = (name: string, holds: (a: bigint, b: bigint) => boolean) =>
  native(name, 'self, other', ([self, other]) => {
    if (!(other instanceof PyTime)) return NotImplemented
    const [a, b] = [(self as PyTime).offset(), other.offset()]
    if ((a === null) !== (b === null)) {
      if (name === '__eq__') return false
      raise('TypeError', "can't compare offset-naive and offset-aware times")
    }
    return holds(BigInt(self.us) - (a ?? 0n), BigInt(other.us) - (b ?? 0n))
  })

const format = (self: PyTime, text: string, rt: Runtime) => {
  const { hour, minute, second, microsecond } = self
  const zone = self.tz instanceof PyTimezone ? self.tz.nameAtWall() : null
  return strftime(text, { year: 1900, month: 1, day: 1, hour, minute, second, microsecond, offset: self.offset(), zone }, rt)
}

export const timeClass: PyClass = typedClass(
  {
    name: 'time',
    module: 'datetime',
    construct: (cls, args, kwargs, rt) => make(cls, (parameters.code(args, kwargs, rt) as PyTuple).items),
    classMethods: {
      fromisoformat: native('fromisoformat', 'cls, time_string', ([cls, value], rt) => {
        const text = textOf(value) ?? raise('TypeError', 'fromisoformat: argument must be str')
        const parsed = parseIsoTime(text.startsWith('T') ? text.slice(1) : text)
        if (parsed === undefined) raise('ValueError', `Invalid isoformat string: ${rt.repr(text)}`)
        const { hour, minute, second, microsecond, offset } = parsed
        checkTime(hour, minute, second, microsecond)
        return new PyTime(hour, minute, second, microsecond, fixedZone(offset, rt), 0, cls)
      }),
    },
    methods: {
      replace: native(
        'replace',
        'self, hour=None, minute=None, second=None, microsecond=None, tzinfo?, *, fold=None',
        ([self, h, m, s, us, tz, f]) =>
          make(self.cls, [
            h ?? self.hour,
            m ?? self.minute,
            s ?? self.second,
            us ?? self.microsecond,
            tz === undefined ? self.tz : tz,
            f ?? self.fold,
          ]),
      ),
      isoformat: native('isoformat', "self, timespec='auto'", ([self, spec]) => self.isoTime(requireText(spec, 'timespec'))),
      strftime: native('strftime', 'self, format', ([self, text], rt) => format(self, requireText(text, 'strftime() argument 1'), rt)),
      __format__: native('__format__', 'self, format', ([self, text], rt) =>
        text === '' ? self.isoTime() : format(self, requireText(text, 'format'), rt),
      ),
      utcoffset: native('utcoffset', 'self', ([self]) => {
        const offset = self.offset()
        return offset === null ? null : new PyTimedelta(offset)
      }),
      tzname: native('tzname', 'self', ([self]) => (self.tz instanceof PyTimezone ? self.tz.nameAtWall() : null)),
      dst: native('dst', 'self', () => null),
      __str__: native('__str__', 'self', ([self]) => self.isoTime()),
      __repr__: native('__repr__', 'self', ([self], rt) => {
        const { hour, minute, second, microsecond, tz, fold } = self as PyTime
        return `datetime.time(${hour}, ${minute}${clockArguments(second, microsecond, tz, fold, rt)})`
      }),
      __eq__: order('__eq__', (a, b) => a === b),
      __lt__: order('__lt__', (a, b) => a < b),
      __le__: order('__le__', (a, b) => a <= b),
      __gt__: order('__gt__', (a, b) => a > b),
      __ge__: order('__ge__', (a, b) => a >= b),
    },
    getters: {
      hour: (self: PyTime) => self.hour,
      minute: (self: PyTime) => self.minute,
      second: (self: PyTime) => self.second,
      microsecond: (self: PyTime) => self.microsecond,
      tzinfo: (self: PyTime) => self.tz,
      fold: (self: PyTime) => self.fold,
    },
  },
  () => PyTime,
)
timeClass.dict.set('min', new PyTime(0, 0, 0, 0, null))
timeClass.dict.set('max', new PyTime(23, 59, 59, 999_999, null))
timeClass.dict.set('resolution', new PyTimedelta(1n))
