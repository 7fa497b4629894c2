/** Iterators written as JavaScript generators: `yield emit(item)` gives an item, any other `yield` awaits a result. */
import type { Steps } from '../module.ts'
import { Pending } from '../pending.ts'
import type { EvaluationRuntime } from '../runtime.ts'
import { DONE, PyIterator } from '../values.ts'
import type { Done, Value } from '../values.ts'

class Emit {
  readonly item: Value
  constructor(item: Value) {
    this.item = item
  }
}

export const emit = (item: Value): Emit => new Emit(item)

type Source = Steps<void>

class GeneratorIterator extends PyIterator {
  private readonly source: Source
  constructor(source: Source) {
    super()
    this.source = source
  }

  next(rt: EvaluationRuntime): Value | Done | Pending {
    return this.advance(rt, 'next', undefined)
  }

  private advance(rt: EvaluationRuntime, method: 'next' | 'throw', input: unknown): Value | Done | Pending {
    for (;;) {
      if (rt.tickDue) return rt.tick().then(() => this.advance(rt, method, input))
      rt.charge(1)
      const { done, value } = method === 'next' ? this.source.next(input) : this.source.throw(input)
      if (done) return DONE
      if (value instanceof Emit) return value.item
      if (value instanceof Pending)
        return value.then(
          answer => this.advance(rt, 'next', answer),
          error => this.advance(rt, 'throw', error),
        )
      method = 'next'
      input = value
    }
  }
}

export const iteratorFrom = (source: Source): PyIterator => new GeneratorIterator(source)
