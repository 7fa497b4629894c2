import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DurationError, formatDuration, isDuration, parseDuration } from './duration.ts'

test('a duration is the sum of its parts, in milliseconds', () => {
  const cases: [string, number][] = [
    ['hours=1;minutes=30', 5_400_000],
    ['seconds=0', 0],
    ['weeks=1', 604_800_000],
    ['days=30', 2_592_000_000],
    ['microseconds=1', 0.001],
    ['milliseconds=1.5', 1.5],
    ['HOURS=1', 3_600_000],
    ['seconds=-5', -5_000],
    ['seconds=+5', 5_000],
    ['minutes= 2 ', 120_000],
    ['minutes=.5', 30_000],
    ['seconds=1e3', 1_000_000],
    ['hours=1; minutes=2', 3_600_000], // the space makes the second key an unknown one
    ['hours=1;months=x', 3_600_000],
    ['hours=1;hours=2', 7_200_000],
  ]
  for (const [text, ms] of cases) assert.equal(parseDuration(text), ms, text)
})

test('what is no duration is refused with the text for the form', () => {
  const cases = [
    '',
    ';',
    'hours',
    'hours=',
    'hours=1;',
    'hours=1,minutes=2',
    'hours=1=2',
    'months=3',
    ' hours=1',
    'hours=x',
    'hours=nan',
    'hours=inf',
    'days=999999999',
    '5',
    'hours=1_0',
  ]
  for (const text of cases) {
    assert.throws(
      () => parseDuration(text),
      (error: unknown) =>
        error instanceof DurationError && error.message === `${text} is not in the correct format of 'hours=3;minutes=1'.`,
      text,
    )
    assert.equal(isDuration(text), false)
  }
})

test('now plus the longest duration is still an instant', () => {
  const ms = parseDuration('days=99000000')
  assert.ok(!Number.isNaN(new Date(Date.UTC(2030, 0) + ms).getTime()))
})

test('durations are written in whole units and read back alike', () => {
  const cases: [number, string][] = [
    [0, 'seconds=0'],
    [5_400_000, 'hours=1;minutes=30'],
    [604_800_000, 'days=7'],
    [1_500, 'seconds=1;milliseconds=500'],
    [0.001, 'microseconds=1'],
    [-90_000, 'minutes=-1;seconds=-30'],
  ]
  for (const [ms, text] of cases) {
    assert.equal(formatDuration(ms), text)
    assert.equal(parseDuration(text), ms)
  }
})
