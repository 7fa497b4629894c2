import { raise } from '../../errors.ts'
import { native } from '../../module.ts'
import type { Runtime } from '../../module.ts'
import { NotImplemented, PyInstance, typeOf } from '../../values.ts'
import type { PyClass, Value } from '../../values.ts'
import { requireText } from '../arguments.ts'
import { pad } from './calendar.ts'
import type { PyDateTime } from './datetime.ts'
import { DAY, PyTimedelta } from './timedelta.ts'
import { typedClass } from '../typed-class.ts'

/** `datetime.tzinfo`: a time zone. Instants and wall clocks are microseconds since the beginning of year 1. */
export abstract class PyTzinfo extends PyInstance {
  /** Offset from UTC, in microseconds, where the clock on the wall shows `wall`; `fold` picks one of two when it shows that twice. */
  abstract offsetAtWall(wall: bigint, fold: number): bigint
  /** Offset at an instant, and whether the wall clock shows that instant's time for the second time. */
  abstract offsetAtInstant(utc: bigint): { offset: bigint; fold: number }
  abstract nameAtWall(wall: bigint, fold: number): string
  /** How much of the offset is daylight saving time; null when that is not known. */
  abstract savingAtWall(wall: bigint, fold: number): bigint | null
}

/** Do two zones always show the same? Then clocks are compared as they are. */
export const sameZone = (a: PyTzinfo | null, b: PyTzinfo | null) =>
  a === b || (a !== null && b !== null && a.cls === b.cls && a.hashKey!() === b.hashKey!())

/** `+05:30`, with seconds and microseconds only where there are such. */
export function offsetText(us: bigint) {
  const size = us < 0n ? -us : us
  const seconds = Number(size / 1_000_000n)
  const rest = Number(size % 1_000_000n)
  const tail = rest ? `:${pad(seconds % 60)}.${pad(rest, 6)}` : seconds % 60 ? `:${pad(seconds % 60)}` : ''
  return `${us < 0n ? '-' : '+'}${pad(Math.floor(seconds / 3600))}:${pad(Math.floor(seconds / 60) % 60)}${tail}`
}

/** A datetime argument. Its class is not imported here, since it needs this file to be there first. */
function datetimeOf(value: Value): PyDateTime | null {
  if (value === null) return null
  if (!(value instanceof PyInstance && 'wall' in value)) raise('TypeError', 'argument must be a datetime instance or None')
  return value as PyDateTime
}
const wallOf = (dt: Value): bigint => datetimeOf(dt)?.wall() ?? 0n
const foldOf = (dt: Value): number => datetimeOf(dt)?.fold ?? 0

export const tzinfoClass: PyClass = typedClass(
  {
    name: 'tzinfo',
    module: 'datetime',
    methods: {
      utcoffset: native('utcoffset', 'self, dt', ([self, dt]) => new PyTimedelta(self.offsetAtWall(wallOf(dt), foldOf(dt)))),
      tzname: native('tzname', 'self, dt', ([self, dt]) => self.nameAtWall(wallOf(dt), foldOf(dt))),
      dst: native('dst', 'self, dt', ([self, dt]) => {
        const saving = self.savingAtWall(wallOf(dt), foldOf(dt))
        return saving === null ? null : new PyTimedelta(saving)
      }),
      fromutc: native('fromutc', 'self, dt', ([self, dt]) => {
        if (datetimeOf(dt)?.tz !== self) raise('ValueError', 'fromutc: dt.tzinfo is not self')
        return (dt as PyDateTime).atInstant(dt.wall(), self)
      }),
    },
  },
  () => PyTzinfo,
)

/** `datetime.timezone`: a fixed offset. */
export class PyTimezone extends PyTzinfo {
  readonly offset: bigint
  readonly label: string | null

  constructor(offset: bigint, label: string | null = null) {
    super(timezoneClass, null)
    this.offset = offset
    this.label = label
  }

  override offsetAtWall() {
    return this.offset
  }
  override offsetAtInstant() {
    return { offset: this.offset, fold: 0 }
  }
  override nameAtWall() {
    return this.label ?? (this.offset === 0n ? 'UTC' : `UTC${offsetText(this.offset)}`)
  }
  override savingAtWall() {
    return null
  }
  override hashKey() {
    return `timezone ${this.offset}`
  }
}

/** What is said of an offset of a day or more. */
export const outOfRange = (offset: bigint, rt: Pick<Runtime, 'repr'>) =>
  `offset must be a timedelta strictly between -timedelta(hours=24) and timedelta(hours=24), not ${rt.repr(new PyTimedelta(offset))}.`

const timezoneParameters = native('timezone', 'offset, name?', ([offset, name], rt) => {
  if (!(offset instanceof PyTimedelta)) raise('TypeError', `timezone() argument 1 must be datetime.timedelta, not ${typeOf(offset).name}`)
  if (offset.us <= -DAY || offset.us >= DAY) raise('ValueError', outOfRange(offset.us, rt))
  if (name === undefined) return offset.us === 0n ? UTC : new PyTimezone(offset.us)
  return new PyTimezone(offset.us, requireText(name, 'timezone() argument 2'))
})

export const timezoneClass: PyClass = typedClass(
  {
    name: 'timezone',
    module: 'datetime',
    bases: [tzinfoClass],
    construct: (_, args, kwargs, rt) => timezoneParameters.code(args, kwargs, rt),
    methods: {
      __eq__: native('__eq__', 'self, other', ([self, other]) =>
        other instanceof PyTimezone ? other.offset === self.offset : NotImplemented,
      ),
      __str__: native('__str__', 'self', ([self]) => self.nameAtWall()),
      __repr__: native('__repr__', 'self', ([self], rt) => {
        if (self === UTC) return 'datetime.timezone.utc'
        const offset = rt.repr(new PyTimedelta(self.offset))
        return `datetime.timezone(${offset}${self.label === null ? '' : `, ${rt.repr(self.label)}`})`
      }),
    },
  },
  () => PyTimezone,
)

export const UTC = new PyTimezone(0n)
timezoneClass.dict.set('utc', UTC)
timezoneClass.dict.set('min', new PyTimezone(-DAY + 60_000_000n))
timezoneClass.dict.set('max', new PyTimezone(DAY - 60_000_000n))
