/** `datetime`. The server's own time zone is UTC. */
import { defineModule } from '../../module.ts'
import { MAX_YEAR, MIN_YEAR } from './calendar.ts'
import { dateClass } from './date.ts'
import { datetimeClass } from './datetime.ts'
import { timeClass } from './time.ts'
import { timedeltaClass } from './timedelta.ts'
import { timezoneClass, tzinfoClass, UTC } from './tzinfo.ts'

export const datetime = defineModule('datetime', {
  date: dateClass,
  datetime: datetimeClass,
  time: timeClass,
  timedelta: timedeltaClass,
  timezone: timezoneClass,
  tzinfo: tzinfoClass,
  UTC,
  MINYEAR: MIN_YEAR,
  MAXYEAR: MAX_YEAR,
})
