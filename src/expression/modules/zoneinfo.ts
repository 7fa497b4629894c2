/** `zoneinfo`, with the time zone data that comes with the runtime. */
import { exceptionClass, raise } from '../errors.ts'
import { defineModule, native } from '../module.ts'
import { PySet } from '../values.ts'
import type { PyClass } from '../values.ts'
import { requireText } from './arguments.ts'
import { fromOrdinal } from './datetime/calendar.ts'
import { EPOCH } from './datetime/datetime.ts'
import { DAY, floorDivide } from './datetime/timedelta.ts'
import { offsetText, PyTzinfo, tzinfoClass } from './datetime/tzinfo.ts'
import { typedClass } from './typed-class.ts'

const notFound = exceptionClass('ZoneInfoNotFoundError', 'KeyError', 'zoneinfo')

/** One zone of the database; shared by all evaluations. */
class Zone {
  readonly key: string
  private readonly format: Intl.DateTimeFormat
  private readonly offsets = new Map<number, bigint>()

  /** RangeError when there is no such zone. */
  constructor(key: string) {
    this.key = key
    this.format = new Intl.DateTimeFormat('en-US', { timeZone: key, timeZoneName: 'longOffset' })
  }

  /** Offset in microseconds at an instant. Zones change on quarters of an hour. */
  offset(utc: bigint): bigint {
    const quarter = Number(floorDivide(utc - EPOCH, 900_000_000n))
    let offset = this.offsets.get(quarter)
    if (offset === undefined) {
      const name = this.format.formatToParts(quarter * 900_000).find(part => part.type === 'timeZoneName')!.value
      const [, sign, h, m, s] = /([-+])(\d+):(\d+)(?::(\d+))?/.exec(name) ?? ['', '+', 0, 0, 0]
      const seconds = Number(h) * 3600 + Number(m) * 60 + Number(s ?? 0)
      offset = BigInt(sign === '-' ? -seconds : seconds) * 1_000_000n
      if (this.offsets.size >= 1000) this.offsets.clear()
      this.offsets.set(quarter, offset)
    }
    return offset
  }
}

const zones = new Map<string, Zone>()

function zoneOf(key: string): Zone | undefined {
  let zone = zones.get(key)
  if (zone !== undefined) return zone
  // The runtime also takes offsets and other cases of letters, which are no keys of the database.
  if (!/^[A-Za-z][A-Za-z0-9_+/-]*$/.test(key)) return undefined
  try {
    zone = new Zone(key)
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
  const canonical = new Intl.DateTimeFormat('en-US', { timeZone: key }).resolvedOptions().timeZone
  if (canonical !== key && canonical.toLowerCase() === key.toLowerCase()) return undefined
  zones.set(key, zone)
  return zone
}

// Abbreviations depend on the region of the reader in the runtime's data; each of these knows those of its own.
const REGIONS = ['en-US', 'en-GB', 'en-AU', 'en-IN', 'en-ZA', 'en-NZ']
const OTHERS: Record<string, string> = {
  'Asia/Tokyo': 'JST',
  'Asia/Seoul': 'KST',
  'Asia/Shanghai': 'CST',
  'Asia/Hong_Kong': 'HKT',
  'Europe/Moscow': 'MSK',
  'Asia/Manila': 'PST',
  'Asia/Karachi': 'PKT',
  'Asia/Taipei': 'CST',
}

function abbreviation(zone: Zone, utc: bigint, offset: bigint): string {
  if (OTHERS[zone.key] !== undefined) return OTHERS[zone.key]!
  const at = Number((utc - EPOCH) / 1000n)
  for (const region of REGIONS) {
    const parts = new Intl.DateTimeFormat(region, { timeZone: zone.key, timeZoneName: 'short' }).formatToParts(at)
    const name = parts.find(part => part.type === 'timeZoneName')!.value
    if (!/[-+\d]/.test(name)) return name
  }
  return offsetText(offset).replace(/:00$/, '').replace(':', '')
}

/** `zoneinfo.ZoneInfo` */
class PyZoneInfo extends PyTzinfo {
  readonly zone: Zone

  constructor(zone: Zone) {
    super(zoneInfoClass, null)
    this.zone = zone
  }

  override offsetAtWall(wall: bigint, fold: number): bigint {
    const before = this.zone.offset(wall - DAY)
    const after = this.zone.offset(wall + DAY)
    if (before === after) return before
    const first = this.zone.offset(wall - before) === before
    const second = this.zone.offset(wall - after) === after
    if (first !== second) return first ? before : after
    // Shown twice, or skipped: the fold decides (PEP 495).
    return fold === 0 ? before : after
  }

  override offsetAtInstant(utc: bigint) {
    const offset = this.zone.offset(utc)
    const fold = this.offsetAtWall(utc + offset, 0) === offset ? 0 : 1
    return { offset, fold }
  }

  override nameAtWall(wall: bigint, fold: number) {
    const offset = this.offsetAtWall(wall, fold)
    return abbreviation(this.zone, wall - offset, offset)
  }

  override savingAtWall(wall: bigint, fold: number) {
    const year = fromOrdinal(Number(floorDivide(wall, DAY)) + 1).year
    const january = EPOCH + BigInt(Date.UTC(year, 0, 1)) * 1000n
    const july = EPOCH + BigInt(Date.UTC(year, 6, 1)) * 1000n
    const [a, b] = [this.zone.offset(january), this.zone.offset(july)]
    return this.offsetAtWall(wall, fold) - (a < b ? a : b)
  }

  override hashKey() {
    return `zoneinfo ${this.zone.key}`
  }
}

const parameters = native('ZoneInfo', 'key', ([value], rt) => {
  const key = requireText(value, 'key')
  if (key.length > 100) raise(notFound, `No time zone found with key of ${key.length} characters`)
  rt.charge(500)
  const zone = zoneOf(key) ?? raise(notFound, `No time zone found with key ${key}`)
  return new PyZoneInfo(zone)
})

const zoneInfoClass: PyClass = typedClass(
  {
    name: 'ZoneInfo',
    module: 'zoneinfo',
    bases: [tzinfoClass],
    construct: (_, args, kwargs, rt) => parameters.code(args, kwargs, rt),
    classMethods: { no_cache: native('no_cache', 'cls, key', ([, key], rt) => parameters.code([key], null, rt)) },
    methods: {
      __str__: native('__str__', 'self', ([self]) => self.zone.key),
      __repr__: native('__repr__', 'self', ([self], rt) => `zoneinfo.ZoneInfo(key=${rt.repr(self.zone.key)})`),
    },
    getters: { key: (self: PyZoneInfo) => self.zone.key },
  },
  () => PyZoneInfo,
)

export const zoneinfo = defineModule('zoneinfo', {
  ZoneInfo: zoneInfoClass,
  ZoneInfoNotFoundError: notFound,
  available_timezones: native('available_timezones', '', (_, rt) => {
    const keys = ['UTC', ...Intl.supportedValuesOf('timeZone')]
    rt.charge(2 * keys.length)
    rt.alloc(100 * keys.length)
    return new PySet(new Map(keys.map(key => [key, key])))
  }),
})
