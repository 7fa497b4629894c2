// eslint-disable-next-line signet/ambient -- durations alone, by the clock that nobody sets: nothing is decided by it
const milliseconds = (): number => performance.now()

/** Starts to count; each call of what it returns answers the milliseconds since, with fractions. */
export function stopwatch(): () => number {
  const started = milliseconds()
  return () => milliseconds() - started
}
