import { raise } from '../../errors.ts'
import { native } from '../../module.ts'
import { NotImplemented, PyInstance, PyTuple, typeOf, types } from '../../values.ts'
import type { PyClass, Value } from '../../values.ts'
import { numberOf, requireInt, requireText, textOf } from '../arguments.ts'
import * as calendar from './calendar.ts'
import { pad } from './calendar.ts'
import { parseIsoDate } from './iso.ts'
import { strftime } from './strftime.ts'
import type { ClockFields } from './strftime.ts'
import { DAY, PyTimedelta } from './timedelta.ts'
import { typedClass } from '../typed-class.ts'

export class PyDate extends PyInstance {
  readonly year: number
  readonly month: number
  readonly day: number

  constructor(year: number, month: number, day: number, cls: PyClass = dateClass) {
    super(cls, null)
    this.year = year
    this.month = month
    this.day = day
  }

  get ordinal() {
    return calendar.toOrdinal(this.year, this.month, this.day)
  }

  /** True for a datetime, which is a date only by inheritance. */
  get hasClock() {
    return false
  }

  /** ISO 8601, the date alone. */
  isoDate() {
    return `${pad(this.year, 4)}-${pad(this.month)}-${pad(this.day)}`
  }

  override hashKey() {
    return `date ${this.ordinal}`
  }

  override toJson(): unknown {
    return this.isoDate()
  }
}

/** Checks the parts of a date. ValueError as CPython. */
export function checkDate(year: number, month: number, day: number) {
  if (year < calendar.MIN_YEAR || year > calendar.MAX_YEAR) raise('ValueError', `year ${year} is out of range`)
  if (month < 1 || month > 12) raise('ValueError', 'month must be in 1..12')
  if (day < 1 || day > calendar.daysInMonth(year, month)) raise('ValueError', 'day is out of range for month')
}

/** A date by its ordinal; OverflowError outside of the years 1 to 9999. */
export function dateAt(ordinal: number, cls?: PyClass) {
  if (ordinal < 1 || ordinal > calendar.MAX_ORDINAL) raise('OverflowError', 'date value out of range')
  const { year, month, day } = calendar.fromOrdinal(ordinal)
  return new PyDate(year, month, day, cls)
}

/** Ordinal of 1970-01-01. */
export const EPOCH_ORDINAL = 719_163

const make = (cls: PyClass, [y, m, d]: readonly Value[]) => {
  const [year, month, day] = [requireInt(y!), requireInt(m!), requireInt(d!)]
  checkDate(year, month, day)
  return new PyDate(year, month, day, cls)
}
const parameters = native('date', 'year, month, day', args => new PyTuple(args))

const order = (name: string, holds: (a: number, b: number) => boolean) =>
  native(name, 'self, other', ([self, other]) => {
    if (!(other instanceof PyDate)) return NotImplemented
    if (other.hasClock) raise('TypeError', "can't compare datetime.datetime to datetime.date")
    return holds(self.ordinal, other.ordinal)
  })

const shift = (self: PyDate, delta: Value, sign: 1 | -1) =>
  delta instanceof PyTimedelta ? dateAt(self.ordinal + sign * delta.days) : NotImplemented

/** A timestamp's seconds. */
export const secondsOf = (value: Value): number => {
  const seconds = numberOf(value) ?? raise('TypeError', `'${typeOf(value).name}' object cannot be interpreted as an integer`)
  if (Number.isNaN(seconds)) raise('ValueError', 'Invalid value NaN (not a number)')
  if (Math.abs(seconds) > 1e14) raise('OverflowError', 'timestamp out of range for platform time_t')
  return seconds
}

const dateFields = ({ year, month, day }: PyDate): ClockFields => ({
  year,
  month,
  day,
  hour: 0,
  minute: 0,
  second: 0,
  microsecond: 0,
  offset: null,
  zone: null,
})

export const isoCalendarOf = (self: PyDate) => {
  const [year, week, weekday] = calendar.isoCalendar(self.ordinal, self.year)
  return new PyIsoCalendar(year, week, weekday)
}

/** What `isocalendar()` answers: a tuple whose items have names. */
class PyIsoCalendar extends PyTuple {
  constructor(year: number, week: number, weekday: number) {
    super([year, week, weekday], isoCalendarClass)
  }
}

const isoCalendarClass: PyClass = typedClass(
  {
    name: 'IsoCalendarDate',
    module: 'datetime',
    bases: [types.tuple],
    methods: {
      __repr__: native(
        '__repr__',
        'self',
        ([{ items }]) => `datetime.IsoCalendarDate(year=${items[0]}, week=${items[1]}, weekday=${items[2]})`,
      ),
    },
    getters: {
      year: (self: PyTuple) => self.items[0]!,
      week: (self: PyTuple) => self.items[1]!,
      weekday: (self: PyTuple) => self.items[2]!,
    },
  },
  () => PyIsoCalendar,
)

export const dateClass: PyClass = typedClass(
  {
    name: 'date',
    module: 'datetime',
    construct: (cls, args, kwargs, rt) => make(cls, (parameters.code(args, kwargs, rt) as PyTuple).items),
    classMethods: {
      today: native('today', 'cls', ([cls], rt) => dateAt(EPOCH_ORDINAL + Math.floor(rt.now() / 86_400_000), cls)),
      fromtimestamp: native('fromtimestamp', 'cls, timestamp', ([cls, timestamp]) =>
        dateAt(EPOCH_ORDINAL + Math.floor(secondsOf(timestamp) / 86_400), cls),
      ),
      fromordinal: native('fromordinal', 'cls, ordinal', ([cls, value]) => {
        const ordinal = requireInt(value)
        if (ordinal < 1) raise('ValueError', 'ordinal must be >= 1')
        if (ordinal > calendar.MAX_ORDINAL) raise('ValueError', 'year is out of range')
        return dateAt(ordinal, cls)
      }),
      fromisoformat: native('fromisoformat', 'cls, date_string', ([cls, value], rt) => {
        const text = textOf(value) ?? raise('TypeError', 'fromisoformat: argument must be str')
        const parsed = text.length >= 7 && text.length <= 10 ? parseIsoDate(text) : undefined
        if (parsed === undefined || parsed.length !== text.length) raise('ValueError', `Invalid isoformat string: ${rt.repr(text)}`)
        checkDate(parsed.year, parsed.month, parsed.day)
        return new PyDate(parsed.year, parsed.month, parsed.day, cls)
      }),
      fromisocalendar: native('fromisocalendar', 'cls, year, week, day', ([cls, y, w, d]) => {
        const [year, week, day] = [requireInt(y), requireInt(w), requireInt(d)]
        if (year < calendar.MIN_YEAR || year > calendar.MAX_YEAR) raise('ValueError', `Year is out of range: ${year}`)
        const ordinal = calendar.fromIsoCalendar(year, week, day)
        if (ordinal === undefined)
          raise('ValueError', day < 1 || day > 7 ? `Invalid weekday: ${day} (range is [1, 7])` : `Invalid week: ${week}`)
        return dateAt(ordinal, cls)
      }),
    },
    methods: {
      replace: native('replace', 'self, year=None, month=None, day=None', ([self, year, month, day]) =>
        make(self.cls, [year ?? self.year, month ?? self.month, day ?? self.day]),
      ),
      toordinal: native('toordinal', 'self', ([self]) => self.ordinal),
      weekday: native('weekday', 'self', ([self]) => calendar.weekdayOf(self.ordinal)),
      isoweekday: native('isoweekday', 'self', ([self]) => calendar.weekdayOf(self.ordinal) + 1),
      isocalendar: native('isocalendar', 'self', ([self]) => isoCalendarOf(self)),
      isoformat: native('isoformat', 'self', ([self]) => self.isoDate()),
      ctime: native('ctime', 'self', ([self], rt) => strftime('%a %b %e %H:%M:%S %Y', dateFields(self), rt)),
      strftime: native('strftime', 'self, format', ([self, format], rt) =>
        strftime(requireText(format, 'strftime() argument 1'), dateFields(self), rt),
      ),
      __format__: native('__format__', 'self, format', ([self, format], rt) =>
        format === '' ? rt.str(self) : strftime(requireText(format, 'format'), dateFields(self), rt),
      ),
      __str__: native('__str__', 'self', ([self]) => self.isoDate()),
      __repr__: native('__repr__', 'self', ([self]) => `datetime.date(${self.year}, ${self.month}, ${self.day})`),
      __eq__: native('__eq__', 'self, other', ([self, other]) =>
        other instanceof PyDate && !other.hasClock ? self.ordinal === other.ordinal : NotImplemented,
      ),
      __lt__: order('__lt__', (a, b) => a < b),
      __le__: order('__le__', (a, b) => a <= b),
      __gt__: order('__gt__', (a, b) => a > b),
      __ge__: order('__ge__', (a, b) => a >= b),
      __add__: native('__add__', 'self, other', ([self, other]) => shift(self, other, 1)),
      __radd__: native('__radd__', 'self, other', ([self, other]) => shift(self, other, 1)),
      __sub__: native('__sub__', 'self, other', ([self, other]) =>
        other instanceof PyDate && !other.hasClock ? new PyTimedelta(BigInt(self.ordinal - other.ordinal) * DAY) : shift(self, other, -1),
      ),
    },
    getters: {
      year: (self: PyDate) => self.year,
      month: (self: PyDate) => self.month,
      day: (self: PyDate) => self.day,
    },
  },
  () => PyDate,
)
dateClass.dict.set('min', new PyDate(1, 1, 1))
dateClass.dict.set('max', new PyDate(9999, 12, 31))
dateClass.dict.set('resolution', new PyTimedelta(DAY))
