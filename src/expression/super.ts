/** The object that `super()` gives. */
import { PyObject, types } from './values.ts'
import type { Value, PyClass } from './values.ts'

export class PySuper extends PyObject {
  /** Attributes are looked up in what follows this class … */
  readonly after: PyClass
  /** … in the method resolution order of this one. */
  readonly start: PyClass
  readonly self: Value
  constructor(after: PyClass, start: PyClass, self: Value) {
    super(types.super)
    this.after = after
    this.start = start
    this.self = self
  }
}
