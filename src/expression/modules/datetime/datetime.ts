import { raise } from '../../errors.ts'
import { native } from '../../module.ts'
import type { Runtime } from '../../module.ts'
import { NotImplemented, PyFloat, PyTuple, typeOf } from '../../values.ts'
import type { PyClass, Value } from '../../values.ts'
import { requireInt, requireText, textOf } from '../arguments.ts'
import { fromOrdinal, MAX_ORDINAL } from './calendar.ts'
import { checkDate, dateClass, EPOCH_ORDINAL, PyDate, secondsOf } from './date.ts'
import { parseIsoDate, parseIsoTime, separatorAt } from './iso.ts'
import { strftime } from './strftime.ts'
import { strptime } from './strptime.ts'
import { checkTime, checkZone, clockArguments, clockText, fixedZone, PyTime } from './time.ts'
import { DAY, floorDivide, floorModulo, PyTimedelta } from './timedelta.ts'
import { offsetText, sameZone, UTC } from './tzinfo.ts'
import type { PyTzinfo } from './tzinfo.ts'
import { typedClass } from '../typed-class.ts'

export const EPOCH = BigInt(EPOCH_ORDINAL - 1) * DAY

/** `datetime.datetime` */
export class PyDateTime extends PyDate {
  readonly hour: number
  readonly minute: number
  readonly second: number
  readonly microsecond: number
  readonly tz: PyTzinfo | null
  readonly fold: number

  constructor(
    date: { year: number; month: number; day: number },
    clock: Clock,
    tz: PyTzinfo | null,
    fold = 0,
    cls: PyClass = datetimeClass,
  ) {
    super(date.year, date.month, date.day, cls)
    this.hour = clock.hour
    this.minute = clock.minute
    this.second = clock.second
    this.microsecond = clock.microsecond
    this.tz = tz
    this.fold = fold
  }

  override get hasClock() {
    return true
  }

  /** What the clock shows, in microseconds since the beginning of year 1. */
  wall(): bigint {
    const us = ((this.hour * 60 + this.minute) * 60 + this.second) * 1_000_000 + this.microsecond
    return BigInt(this.ordinal - 1) * DAY + BigInt(us)
  }

  /** Offset from UTC in microseconds, null for a naive datetime. */
  offset(): bigint | null {
    return this.tz === null ? null : this.tz.offsetAtWall(this.wall(), this.fold)
  }

  /** The instant: UTC for an aware datetime; a naive one is taken as UTC, the server's zone. */
  instant(): bigint {
    return this.wall() - (this.offset() ?? 0n)
  }

  /** The datetime at an instant, as a zone shows it. */
  atInstant(utc: bigint, tz: PyTzinfo): PyDateTime {
    const { offset, fold } = tz.offsetAtInstant(utc)
    return atWall(utc + offset, tz, fold, this.cls)
  }

  isoText(separator = 'T', spec = 'auto') {
    const offset = this.offset()
    const clock = clockText(this.hour, this.minute, this.second, this.microsecond, spec)
    return `${this.isoDate()}${separator}${clock}${offset === null ? '' : offsetText(offset)}`
  }

  override hashKey() {
    return this.tz === null ? `datetime ${this.wall()}` : `datetime ${this.instant()}z`
  }

  override toJson() {
    return this.isoText()
  }
}

export interface Clock {
  hour: number
  minute: number
  second: number
  microsecond: number
}

/** The datetime whose clock shows `wall`; OverflowError outside of the years 1 to 9999. */
export function atWall(wall: bigint, tz: PyTzinfo | null, fold = 0, cls?: PyClass): PyDateTime {
  const ordinal = Number(floorDivide(wall, DAY)) + 1
  if (ordinal < 1 || ordinal > MAX_ORDINAL) raise('OverflowError', 'date value out of range')
  const us = Number(floorModulo(wall, DAY))
  const seconds = Math.floor(us / 1_000_000)
  const clock = {
    hour: Math.floor(seconds / 3600),
    minute: Math.floor(seconds / 60) % 60,
    second: seconds % 60,
    microsecond: us % 1_000_000,
  }
  return new PyDateTime(fromOrdinal(ordinal), clock, tz, fold, cls)
}

function make(cls: PyClass, parts: readonly Value[]) {
  const [year, month, day, hour, minute, second, microsecond] = parts.slice(0, 7).map(requireInt) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  const fold = requireInt(parts[8]!)
  checkDate(year, month, day)
  checkTime(hour, minute, second, microsecond, fold)
  return new PyDateTime({ year, month, day }, { hour, minute, second, microsecond }, checkZone(parts[7]!), fold, cls)
}
const parameters = native(
  'datetime',
  'year, month, day, hour=0, minute=0, second=0, microsecond=0, tzinfo=None, *, fold=0',
  args => new PyTuple(args),
)

/** At a number of microseconds since 1970: naive in UTC, or as a zone shows it. */
const sinceEpoch = (cls: PyClass, us: bigint, tz: PyTzinfo | null) => {
  const utc = atWall(EPOCH + us, null, 0, cls)
  return tz === null ? utc : utc.atInstant(EPOCH + us, tz)
}

/** Seconds to microseconds, ties to even as CPython rounds them. */
function timestampUs(value: Value): bigint {
  const seconds = secondsOf(value)
  if (Number.isInteger(seconds)) return BigInt(seconds) * 1_000_000n
  const whole = Math.floor(seconds)
  const micro = (seconds - whole) * 1e6
  const rounded = Math.round(micro)
  const even = Math.abs(micro - Math.trunc(micro)) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded
  return BigInt(whole) * 1_000_000n + BigInt(even)
}

function compare(name: string, self: PyDateTime, other: Value, holds: (a: bigint, b: bigint) => boolean): Value {
  if (!(other instanceof PyDateTime)) {
    if (!(other instanceof PyDate) || name === '__eq__') return NotImplemented
    return raise('TypeError', `can't compare datetime.datetime to datetime.date`)
  }
  if (sameZone(self.tz, other.tz)) return holds(self.wall(), other.wall())
  if ((self.tz === null) !== (other.tz === null)) {
    return name === '__eq__' ? false : raise('TypeError', "can't compare offset-naive and offset-aware datetimes")
  }
  return holds(self.instant(), other.instant())
}
const order = (name: string, holds: (a: bigint, b: bigint) => boolean) =>
  native(name, 'self, other', ([self, other]) => compare(name, self, other, holds))

const plus = (self: PyDateTime, delta: Value, sign: bigint) =>
  delta instanceof PyTimedelta ? atWall(self.wall() + sign * delta.us, self.tz, 0, self.cls) : NotImplemented

function minus(self: PyDateTime, other: Value): Value {
  if (!(other instanceof PyDateTime)) return plus(self, other, -1n)
  if (sameZone(self.tz, other.tz)) return new PyTimedelta(self.wall() - other.wall())
  if ((self.tz === null) !== (other.tz === null)) raise('TypeError', "can't subtract offset-naive and offset-aware datetimes")
  return new PyTimedelta(self.instant() - other.instant())
}

const format = (self: PyDateTime, text: string, rt: Runtime) => {
  const { year, month, day, hour, minute, second, microsecond, tz, fold } = self
  const zone = tz === null ? null : tz.nameAtWall(self.wall(), fold)
  return strftime(text, { year, month, day, hour, minute, second, microsecond, offset: self.offset(), zone }, rt)
}

function fromIso(cls: PyClass, text: string, rt: Runtime): PyDateTime | undefined {
  const at = text.length < 7 ? undefined : separatorAt(text)
  if (at === undefined) return undefined
  const date = parseIsoDate(text.slice(0, at))
  if (date === undefined || date.length !== Math.min(at, text.length)) return undefined
  // The separator may be any one character.
  const rest = Array.from(text.slice(at)).slice(1).join('')
  const time = text.length <= at ? { hour: 0, minute: 0, second: 0, microsecond: 0, offset: null } : parseIsoTime(rest)
  if (time === undefined) return undefined
  checkDate(date.year, date.month, date.day)
  checkTime(time.hour, time.minute, time.second, time.microsecond)
  return new PyDateTime(date, time, fixedZone(time.offset, rt), 0, cls)
}

const nowUs = (rt: Runtime) => BigInt(Math.floor(rt.now() * 1000))

export const datetimeClass: PyClass = typedClass(
  {
    name: 'datetime',
    module: 'datetime',
    bases: [dateClass],
    construct: (cls, args, kwargs, rt) => make(cls, (parameters.code(args, kwargs, rt) as PyTuple).items),
    classMethods: {
      now: native('now', 'cls, tz=None', ([cls, tz], rt) => sinceEpoch(cls, nowUs(rt), checkZone(tz))),
      today: native('today', 'cls', ([cls], rt) => sinceEpoch(cls, nowUs(rt), null)),
      utcnow: native('utcnow', 'cls', ([cls], rt) => sinceEpoch(cls, nowUs(rt), null)),
      fromtimestamp: native('fromtimestamp', 'cls, timestamp, tz=None', ([cls, value, tz]) =>
        sinceEpoch(cls, timestampUs(value), checkZone(tz)),
      ),
      utcfromtimestamp: native('utcfromtimestamp', 'cls, timestamp', ([cls, value]) => sinceEpoch(cls, timestampUs(value), null)),
      fromisoformat: native('fromisoformat', 'cls, date_string', ([cls, value], rt) => {
        const text = textOf(value) ?? raise('TypeError', 'fromisoformat: argument must be str')
        return fromIso(cls, text, rt) ?? raise('ValueError', `Invalid isoformat string: ${rt.repr(text)}`)
      }),
      strptime: native('strptime', 'cls, date_string, format', ([cls, text, form], rt) => {
        const parsed = strptime(requireText(text, 'strptime() argument 1'), requireText(form, 'strptime() argument 2'), rt)
        checkDate(parsed.year, parsed.month, parsed.day)
        checkTime(parsed.hour, parsed.minute, parsed.second, parsed.microsecond)
        return new PyDateTime(parsed, parsed, parsed.zone, 0, cls)
      }),
      combine: native('combine', 'cls, date, time, tzinfo?', ([cls, date, time, tz]) => {
        if (!(date instanceof PyDate)) raise('TypeError', `combine() argument 1 must be datetime.date, not ${typeOf(date).name}`)
        if (!(time instanceof PyTime)) raise('TypeError', `combine() argument 2 must be datetime.time, not ${typeOf(time).name}`)
        return new PyDateTime(date, time, tz === undefined ? time.tz : checkZone(tz), time.fold, cls)
      }),
    },
    methods: {
      date: native('date', 'self', ([self]) => new PyDate(self.year, self.month, self.day)),
      time: native('time', 'self', ([self]) => new PyTime(self.hour, self.minute, self.second, self.microsecond, null, self.fold)),
      timetz: native('timetz', 'self', ([self]) => new PyTime(self.hour, self.minute, self.second, self.microsecond, self.tz, self.fold)),
      replace: native(
        'replace',
        'self, year=None, month=None, day=None, hour=None, minute=None, second=None, microsecond=None, tzinfo?, *, fold=None',
        ([self, y, mo, d, h, mi, s, us, tz, fold]) =>
          make(self.cls, [
            y ?? self.year,
            mo ?? self.month,
            d ?? self.day,
            h ?? self.hour,
            mi ?? self.minute,
            s ?? self.second,
            us ?? self.microsecond,
            tz === undefined ? self.tz : tz,
            fold ?? self.fold,
          ]),
      ),
      astimezone: native('astimezone', 'self, tz=None', ([self, tz]) => {
        const zone = checkZone(tz) ?? UTC
        return self.tz !== null && sameZone(self.tz, zone) ? self : self.atInstant(self.instant(), zone)
      }),
      timestamp: native('timestamp', 'self', ([self]) => new PyFloat(Number(self.instant() - EPOCH) / 1e6)),
      utcoffset: native('utcoffset', 'self', ([self]) => (self.tz === null ? null : new PyTimedelta(self.offset()))),
      tzname: native('tzname', 'self', ([self]) => (self.tz === null ? null : self.tz.nameAtWall(self.wall(), self.fold))),
      dst: native('dst', 'self', ([self]) => {
        const saving = self.tz === null ? null : self.tz.savingAtWall(self.wall(), self.fold)
        return saving === null ? null : new PyTimedelta(saving)
      }),
      isoformat: native('isoformat', "self, sep='T', timespec='auto'", ([self, separator, spec]) => {
        const text = requireText(separator, 'isoformat() argument 1')
        if (Array.from(text).length !== 1) raise('TypeError', 'isoformat() argument 1 must be a unicode character, not str')
        return self.isoText(text, requireText(spec, 'isoformat() argument 2'))
      }),
      ctime: native('ctime', 'self', ([self], rt) => format(self, '%a %b %e %H:%M:%S %Y', rt)),
      strftime: native('strftime', 'self, format', ([self, text], rt) => format(self, requireText(text, 'strftime() argument 1'), rt)),
      __format__: native('__format__', 'self, format', ([self, text], rt) =>
        text === '' ? self.isoText(' ') : format(self, requireText(text, 'format'), rt),
      ),
      __str__: native('__str__', 'self', ([self]) => self.isoText(' ')),
      __repr__: native('__repr__', 'self', ([self], rt) => {
        const { year, month, day, hour, minute, second, microsecond, tz, fold } = self as PyDateTime
        return `datetime.datetime(${year}, ${month}, ${day}, ${hour}, ${minute}${clockArguments(second, microsecond, tz, fold, rt)})`
      }),
      __eq__: order('__eq__', (a, b) => a === b),
      __lt__: order('__lt__', (a, b) => a < b),
      __le__: order('__le__', (a, b) => a <= b),
      __gt__: order('__gt__', (a, b) => a > b),
      __ge__: order('__ge__', (a, b) => a >= b),
      __add__: native('__add__', 'self, other', ([self, other]) => plus(self, other, 1n)),
      __radd__: native('__radd__', 'self, other', ([self, other]) => plus(self, other, 1n)),
      __sub__: native('__sub__', 'self, other', ([self, other]) => minus(self, other)),
    },
    getters: {
      hour: (self: PyDateTime) => self.hour,
      minute: (self: PyDateTime) => self.minute,
      second: (self: PyDateTime) => self.second,
      microsecond: (self: PyDateTime) => self.microsecond,
      tzinfo: (self: PyDateTime) => self.tz,
      fold: (self: PyDateTime) => self.fold,
    },
  },
  () => PyDateTime,
)
datetimeClass.dict.set('min', atWall(0n, null))
datetimeClass.dict.set('max', atWall(BigInt(MAX_ORDINAL) * DAY - 1n, null))
datetimeClass.dict.set('resolution', new PyTimedelta(1n))
