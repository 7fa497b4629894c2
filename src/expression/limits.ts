/** What one evaluation may use. */
export interface Limits {
  /** Interpreter steps. */
  steps: number
  /** Bytes allocated over the whole evaluation. */
  memory: number
  /** Nested calls. */
  recursion: number
  hostCalls: number
  /** Milliseconds of the event loop's time. */
  cpu: number
  /** Milliseconds from start to end, waiting for the host included. */
  wall: number
}

export const defaultLimits: Readonly<Limits> = Object.freeze({
  steps: 200_000,
  memory: 32 * 1024 * 1024,
  recursion: 100,
  hostCalls: 200,
  cpu: 250,
  wall: 30_000,
})

/**
 * Largest single object, in bytes (a character of a text counts as one, an item of a list as eight). What is done with one object goes
 * in one piece, so this and the price in steps of each piece are what keeps the event loop's turns short.
 */
export const MAX_OBJECT = 1024 * 1024
