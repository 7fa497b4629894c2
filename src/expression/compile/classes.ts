/** Class definitions and decorators. */
import { call } from '../call.ts'
import { raise } from '../errors.ts'
import { Frame, PyFunction } from '../function.ts'
import { Pending, bind } from '../pending.ts'
import type { EvaluationRuntime } from '../runtime.ts'
import { special } from '../special.ts'
import type { ClassDef, Expr } from '../syntax/ast.ts'
import { MroConflict, PyClass, PyClassMethod, PyInstance, PyProperty, PyStaticMethod, PyTuple, types } from '../values.ts'
import type { Kwargs, PyObject, Result, Value } from '../values.ts'
import { compileClassKeywords } from './calls.ts'
import { compileItems, type Ev } from './expressions.ts'
import { Scope, bindings } from './scope.ts'
import { compileBlock } from './statements.ts'

export function decorate(make: Ev, decorators: Expr[], scope: Scope): Ev {
  if (!decorators.length) return make
  const evs = compileItems(decorators, scope)
  const apply = (f: Frame, fns: Value[], value: Value): Result => {
    for (let i = fns.length - 1; i >= 0; i--) {
      const result = call(fns[i]!, [value], null, f.rt)
      if (result instanceof Pending) return result.then(answer => apply(f, fns.slice(0, i), answer))
      value = result
    }
    return value
  }
  return f => bind(evs(f), (fns: Value[]) => bind(make(f), (value: Value) => apply(f, fns, value)))
}

export function compileClass(node: ClassDef, outer: Scope): Ev {
  const scope = new Scope('class', outer, bindings(node.body))
  const bases = compileItems(node.bases, outer)
  const keywords = compileClassKeywords(node, outer)
  const body = compileBlock(node.body, scope)
  const { name } = node
  return f =>
    bind(bases(f), (given: Value[]) =>
      bind(keywords(f), (options: Kwargs | null) => {
        const frame = new Frame([], f, f.rt)
        frame.names = new Map()
        frame.owner = { cls: null }
        f.rt.charge(20)
        f.rt.alloc(512)
        return bind(body(frame), () => buildClass(name, given, frame, options, f.rt))
      }),
    )
}

/** Classes that cannot be refined, as in CPython. */
const FINAL = new Set<PyClass>([
  types.bool,
  types.NoneType,
  types.function,
  types.method,
  types.slice,
  types.range,
  types.generator,
  types.ellipsis,
  types.type,
  types.module,
])

function buildClass(name: string, given: Value[], frame: Frame, options: Kwargs | null, rt: EvaluationRuntime): Result {
  const bases = given.length ? given : [types.object]
  for (const base of bases) {
    if (!(base instanceof PyClass)) raise('TypeError', `cannot use '${base === null ? 'None' : typeof base}' as a base class`)
    if (FINAL.has(base)) raise('TypeError', `type '${base.name}' is not an acceptable base type`)
  }
  const metaclass = options?.get('metaclass')
  if (metaclass !== undefined && !(metaclass instanceof PyClass && metaclass.facts?.get('metaclass')))
    raise('TypeError', 'metaclasses are not supported in expressions')
  options?.delete('metaclass')
  const names = frame.names!
  const cls = makeClass(name, bases as PyClass[], names)
  cls.module = '__main__'
  frame.owner!.cls = cls
  cls.facts = new Map<string, unknown>([['annotations', frame.annotations]])
  const slots = names.get('__slots__')
  if (slots !== undefined)
    cls.facts.set('slots', [
      ...((cls.mro[1]!.fact('slots') as string[]) ?? []),
      ...(slots instanceof PyTuple || slots instanceof Object ? ((slots as { items?: string[] }).items ?? []) : [slots as string]),
    ])
  if (names.has('__eq__') && !names.has('__hash__')) names.set('__hash__', null)
  findAbstract(cls)
  return bind(setNames(cls, rt), () => bind(notifyBase(cls, options, rt), () => cls))
}

export function makeClass(name: string, bases: PyClass[], names: Map<string, Value>): PyClass {
  try {
    const cls = new PyClass(name, bases, names)
    cls.cls = types.type
    return cls
  } catch (error) {
    if (error instanceof MroConflict)
      raise('TypeError', `Cannot create a consistent method resolution order (MRO) for bases ${bases.map(base => base.name).join(', ')}`)
    throw error
  }
}

function setNames(cls: PyClass, rt: EvaluationRuntime): undefined | Pending {
  const described = [...cls.dict].filter(([, value]) => value instanceof PyInstance && special(value, '__set_name__') !== undefined)
  const run = (i: number): undefined | Pending => {
    for (; i < described.length; i++) {
      const [name, value] = described[i]!
      const done = call(special(value, '__set_name__')!, [value, cls, name], null, rt)
      if (done instanceof Pending) return done.then(() => run(i + 1))
    }
    return undefined
  }
  return run(0)
}

/** Tells the base about its new subclass: native hooks (enumerations) and `__init_subclass__`. */
function notifyBase(cls: PyClass, options: Kwargs | null, rt: EvaluationRuntime): Result {
  const hook = cls.mro
    .slice(1)
    .find(base => base.facts?.has('subclassed'))
    ?.facts!.get('subclassed') as ((cls: PyClass, rt: EvaluationRuntime) => Result) | undefined
  const own = hook ? hook(cls, rt) : null
  return bind(own, () => {
    for (const base of cls.mro.slice(1)) {
      const init = base.dict.get('__init_subclass__')
      if (init !== undefined) return call(init instanceof PyClassMethod ? init.fn : init, [cls], options, rt)
    }
    if (options?.size) raise('TypeError', `${cls.name}.__init_subclass__() takes no keyword arguments`)
    return null
  })
}

function findAbstract(cls: PyClass): void {
  const names = new Set<string>()
  for (const base of [...cls.mro].reverse()) {
    for (const [name, value] of base.dict) {
      const fn =
        value instanceof PyProperty ? value.get : value instanceof PyStaticMethod || value instanceof PyClassMethod ? value.fn : value
      const abstract = fn instanceof PyFunction && (fn as PyObject).attrs?.get('__isabstractmethod__') === true
      if (abstract) names.add(name)
      else names.delete(name)
    }
  }
  if (names.size) cls.facts!.set('abstract', [...names].sort())
}
