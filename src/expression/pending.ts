/**
 * What the interpreter hands back instead of a value when it cannot go on by itself.
 *
 * Compiled code consists of plain closures that return `Value | Pending`. A closure that receives a Pending adds what it
 * would have done next with `then` and returns the same Pending, so pure code never pays for suspension, and a suspended
 * evaluation is just a list of continuations, innermost first. Every Pending is resumed at most once.
 */

/** A request to the host: `op` names it, `args` is whatever the host's dispatcher expects. */
export interface HostCall {
  readonly kind: 'host'
  readonly op: string
  readonly args: unknown
}

/** A pause so that the event loop can serve others; resumed with nothing. */
export interface Tick {
  readonly kind: 'tick'
}

/** A `yield` of a generator on its way to the call of `next` that awaits it. */
export interface Yielded {
  readonly kind: 'yield'
  readonly value: unknown
}

export type Operation = HostCall | Tick | Yielded

/**
 * What an operation or a step answers. The list of continuations cannot tell types apart, those who add to it know them: with `unknown`
 * every continuation would have to assert its parameter, which proves no more.
 */
// oxlint-disable-next-line typescript/no-explicit-any -- see above
export type Answer = any

interface Continuation {
  ok(value: Answer): unknown
  failed?: (error: unknown) => unknown
  /** Only at a generator's boundary: takes over a `yield` from inside and answers with what `next` returns. */
  yielded?: (pending: Pending) => unknown
}

export class Pending {
  readonly operation: Operation
  readonly continuations: Continuation[] = []

  constructor(operation: Operation) {
    this.operation = operation
  }

  /** Adds what happens next. Both functions may return a value or another Pending, or throw. Returns this Pending. */
  then(ok: (value: Answer) => unknown, failed?: (error: unknown) => unknown): Pending {
    this.continuations.push({ ok, failed })
    return this
  }

  /** As `then`, at the edge of a generator. */
  boundary(ok: (value: Answer) => unknown, failed: (error: unknown) => unknown, yielded: (pending: Pending) => unknown): Pending {
    this.continuations.push({ ok, failed, yielded })
    return this
  }
}

/** The only Tick there is. */
export const TICK: Tick = { kind: 'tick' }

/** Continues with `next` now or when the pending result is there. */
export function bind<T, R>(result: T | Pending, next: (value: T) => R | Pending): R | Pending {
  return result instanceof Pending ? result.then(next) : next(result)
}

/**
 * Resumes a suspended computation with a value, or with an error when `failed`. Returns its final value or the Pending at which it
 * stopped again. Errors for which `isCatchable` is false (limits) skip every handler.
 */
export function resume(pending: Pending, failed: boolean, input: unknown, isCatchable: (error: unknown) => boolean): Answer {
  const { continuations } = pending
  let value: Answer = input
  let throwing = failed
  for (let i = 0; i < continuations.length; i++) {
    const step = continuations[i]!
    try {
      if (throwing) {
        if (!step.failed || !isCatchable(value)) continue
        throwing = false
        value = step.failed(value)
      } else value = step.ok(value)
    } catch (error) {
      throwing = true
      value = error
      continue
    }
    while (value instanceof Pending) {
      let j = i + 1
      for (; j < continuations.length; j++) {
        const rest = continuations[j]!
        if (value.operation.kind === 'yield' && rest.yielded) break
        value.continuations.push(rest)
      }
      if (j === continuations.length) return value
      i = j
      try {
        value = continuations[j]!.yielded!(value)
      } catch (error) {
        throwing = true
        value = error
        break
      }
    }
  }
  if (throwing) throw value
  return value
}
