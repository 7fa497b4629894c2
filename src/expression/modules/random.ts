/** random, string, time, math. */
import { raise } from '../errors.ts'
import { unwrap, numberOf } from '../compare.ts'
import { defineModule, native } from '../module.ts'
import type { Runtime } from '../module.ts'
import type { EvaluationRuntime } from '../runtime.ts'
import { floatToInt, toFloat } from '../numbers.ts'
import { text } from '../builtins/str.ts'
import { binary } from '../operators.ts'
import { indexOf } from '../subscript.ts'
import { PyFloat, PyList, PyRange, PyTuple, normalizeInt, typeOf, type PyModule, type Value } from '../values.ts'

const float = (value: number) => new PyFloat(value)

export const real = (value: Value): number => {
  const inner = unwrap(value)
  if (inner instanceof PyFloat) return inner.value
  const number = numberOf(inner)
  return number === undefined ? raise('TypeError', `must be real number, not ${typeOf(value).name}`) : toFloat(number)
}

const below = (n: number, rt: Runtime): number => Math.floor(rt.random() * n)

function randRange(args: Value[], rt: EvaluationRuntime): number {
  const [a, b, c] = args.map(
    arg => indexOf(arg, rt) ?? raise('TypeError', `'${typeOf(arg).name}' object cannot be interpreted as an integer`),
  )
  const range = b === undefined ? new PyRange(0, a!, 1) : new PyRange(a!, b, c ?? 1)
  if (!range.length) raise('ValueError', `empty range for randrange()`)
  return range.start + range.step * below(range.length, rt)
}

export const random: PyModule = defineModule('random', {
  random: native('random', '', (_, rt) => float(rt.random())),
  uniform: native('uniform', 'a, b', ([a, b], rt) => float(real(a) + (real(b) - real(a)) * rt.random())),
  randint: native('randint', 'a, b', ([a, b], rt) => randRange([a, Number(b) + 1], rt)),
  randrange: native('randrange', 'start, stop?, step?', ([a, b, c], rt) =>
    randRange([a, ...(b === undefined ? [] : [b]), ...(c === undefined ? [] : [c])], rt),
  ),
  choice: native('choice', 'seq', function* ([seq], rt) {
    const items = yield rt.collect(seq)
    if (!items.length) raise('IndexError', 'Cannot choose from an empty sequence')
    return items[below(items.length, rt)]
  }),
  choices: native('choices', 'population, weights=None, *, k=1', function* ([population, weights, k], rt) {
    const items = yield rt.collect(population)
    if (!items.length) raise('IndexError', 'Cannot choose from an empty population')
    const each: number[] = weights === null ? items.map(() => 1) : (yield rt.collect(weights)).map(real)
    rt.charge(items.length)
    const total = each.reduce((sum, w) => sum + w, 0)
    const out: Value[] = []
    for (let i = 0; i < Number(k); i++) {
      if (rt.tickDue) yield rt.tick()
      rt.charge(2 + (weights === null ? 0 : items.length >> 4))
      rt.alloc(8)
      if (weights === null) {
        out.push(items[below(items.length, rt)])
        continue
      }
      let at = rt.random() * total
      let index = 0
      while (index < items.length - 1 && (at -= each[index]!) >= 0) index++
      out.push(items[index])
    }
    return new PyList(out)
  }),
  sample: native('sample', 'population, k', function* ([population, k], rt) {
    const items = yield rt.collect(population)
    if (Number(k) > items.length || Number(k) < 0) raise('ValueError', 'Sample larger than population or is negative')
    const out: Value[] = []
    rt.alloc(8 * Number(k))
    for (let i = 0; i < Number(k); i++) {
      if (rt.tickDue) yield rt.tick()
      rt.charge(2)
      // The last one takes the place of the one that goes.
      const at = below(items.length, rt)
      out.push(items[at])
      const last = items.pop()
      if (at < items.length) items[at] = last
    }
    return new PyList(out)
  }),
  shuffle: native('shuffle', 'x', ([list], rt) => {
    if (!(list instanceof PyList)) raise('TypeError', 'shuffle() needs a list')
    const { items } = list
    rt.charge(items.length)
    for (let i = items.length - 1; i > 0; i--) {
      const j = below(i + 1, rt)
      ;[items[i], items[j]] = [items[j]!, items[i]!]
    }
    return null
  }),
  getrandbits: native('getrandbits', 'k', ([k], rt) => {
    if (Number(k) > 65_536) raise('OverflowError', 'k is too large')
    rt.charge(Number(k))
    let digits = ''
    for (let i = 0; i < Number(k); i++) digits += rt.random() < 0.5 ? '0' : '1'
    return normalizeInt(BigInt(`0b0${digits}`))
  }),
})

const lower = 'abcdefghijklmnopqrstuvwxyz'
const digits = '0123456789'
const punctuation = '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~'

export const string: PyModule = defineModule('string', {
  ascii_lowercase: lower,
  ascii_uppercase: lower.toUpperCase(),
  ascii_letters: lower + lower.toUpperCase(),
  digits,
  hexdigits: '0123456789abcdefABCDEF',
  octdigits: '01234567',
  punctuation,
  whitespace: ' \t\n\r\x0b\x0c',
  printable: `${digits}${lower}${lower.toUpperCase()}${punctuation} \t\n\r\x0b\x0c`,
  capwords: native('capwords', 's, sep=None', ([s, sep], rt) => {
    rt.charge(3 * text(s).length)
    rt.alloc(16 * s.length)
    const parts: string[] = sep === null ? s.split(/\s+/).filter(Boolean) : s.split(sep)
    return parts.map(part => part.slice(0, 1).toUpperCase() + part.slice(1).toLowerCase()).join(sep ?? ' ')
  }),
})

export const time: PyModule = defineModule('time', {
  time: native('time', '', (_, rt) => float(rt.now() / 1000)),
  time_ns: native('time_ns', '', (_, rt) => normalizeInt(BigInt(Math.floor(rt.now())) * 1_000_000n)),
  monotonic: native('monotonic', '', (_, rt) => float(rt.monotonic() / 1000)),
  perf_counter: native('perf_counter', '', (_, rt) => float(rt.monotonic() / 1000)),
})

const unary = (name: string, fn: (x: number) => number, valid: (x: number) => boolean = () => true) =>
  native(name, 'x, /', ([x]) => {
    const value = real(x)
    if (!valid(value) && !Number.isNaN(value)) raise('ValueError', 'math domain error')
    const result = fn(value)
    if (!Number.isFinite(result) && Number.isFinite(value)) raise('OverflowError', 'math range error')
    return float(result)
  })
const whole = (name: string, fn: (x: number) => number) =>
  native(name, 'x, /', ([x]) => {
    const inner = unwrap(x)
    return inner instanceof PyFloat
      ? floatToInt(fn(inner.value))
      : (numberOf(inner) ?? raise('TypeError', `must be real number, not ${typeOf(x).name}`))
  })

const bigOf = (value: Value): bigint =>
  BigInt(numberOf(unwrap(value)) ?? raise('TypeError', `'${typeOf(value).name}' object cannot be interpreted as an integer`))

const bitsOf = (n: bigint): number => n.toString(16).length * 4

function gcd(a: bigint, b: bigint, rt: Runtime): bigint {
  let [x, y] = [a < 0n ? -a : a, b < 0n ? -b : b]
  while (y) {
    rt.charge(10 + (bitsOf(x) >> 3))
    ;[x, y] = [y, x % y]
  }
  return x
}

function lcm(a: bigint, b: bigint, rt: Runtime): bigint {
  if (bitsOf(a) + bitsOf(b) > 65_536) raise('OverflowError', 'result too large')
  rt.charge(200)
  return (a * b) / gcd(a, b, rt)
}

const LARGEST = 1n << 16_000n

function product(from: bigint, to: bigint, rt: Runtime): bigint {
  let result = 1n
  for (let i = from; i <= to; i++) {
    rt.charge(6)
    result *= i
    if (result > LARGEST) raise('OverflowError', 'result too large')
  }
  return result
}

export const math: PyModule = defineModule('math', {
  pi: float(Math.PI),
  e: float(Math.E),
  tau: float(2 * Math.PI),
  inf: float(Infinity),
  nan: float(NaN),
  floor: whole('floor', Math.floor),
  ceil: whole('ceil', Math.ceil),
  trunc: whole('trunc', Math.trunc),
  sqrt: unary('sqrt', Math.sqrt, x => x >= 0),
  cbrt: unary('cbrt', Math.cbrt),
  exp: unary('exp', Math.exp),
  log2: unary('log2', Math.log2, x => x > 0),
  log10: unary('log10', Math.log10, x => x > 0),
  log1p: unary('log1p', Math.log1p, x => x > -1),
  sin: unary('sin', Math.sin, Number.isFinite),
  cos: unary('cos', Math.cos, Number.isFinite),
  tan: unary('tan', Math.tan, Number.isFinite),
  asin: unary('asin', Math.asin, x => Math.abs(x) <= 1),
  acos: unary('acos', Math.acos, x => Math.abs(x) <= 1),
  atan: unary('atan', Math.atan),
  sinh: unary('sinh', Math.sinh),
  cosh: unary('cosh', Math.cosh),
  tanh: unary('tanh', Math.tanh),
  degrees: unary('degrees', x => (x * 180) / Math.PI),
  radians: unary('radians', x => (x * Math.PI) / 180),
  fabs: unary('fabs', Math.abs),
  atan2: native('atan2', 'y, x, /', ([y, x]) => float(Math.atan2(real(y), real(x)))),
  hypot: native('hypot', '*coordinates', ([all], rt) => {
    rt.charge(all.items.length)
    return float(Math.hypot(...all.items.map(real)))
  }),
  log: native('log', 'x, base?, /', ([x, base], rt) => {
    if (typeof unwrap(x) === 'bigint') rt.charge(500)
    const big = numberOf(unwrap(x))
    const ln =
      typeof big === 'bigint' && big > 0n
        ? (big.toString(2).length - 1000) * Math.LN2 + Math.log(Number(big >> BigInt(Math.max(0, big.toString(2).length - 1000))))
        : Math.log(real(x))
    if (!(Number(big) > 0)) raise('ValueError', 'math domain error')
    return float(base === undefined ? ln : ln / Math.log(real(base)))
  }),
  pow: native('pow', 'x, y, /', ([x, y]) => float(real(x) ** real(y))),
  fmod: native('fmod', 'x, y, /', ([x, y]) => float(real(x) % real(y))),
  copysign: native('copysign', 'x, y, /', ([x, y]) => float(Math.abs(real(x)) * (real(y) < 0 || Object.is(real(y), -0) ? -1 : 1))),
  isnan: native('isnan', 'x, /', ([x]) => Number.isNaN(real(x))),
  isinf: native('isinf', 'x, /', ([x]) => Math.abs(real(x)) === Infinity),
  isfinite: native('isfinite', 'x, /', ([x]) => Number.isFinite(real(x))),
  isclose: native('isclose', 'a, b, *, rel_tol=1e-9, abs_tol=0', ([a, b, rel, abs]) => {
    const [x, y] = [real(a), real(b)]
    return x === y || Math.abs(x - y) <= Math.max(real(rel) * Math.max(Math.abs(x), Math.abs(y)), real(abs))
  }),
  modf: native('modf', 'x, /', ([x]) => new PyTuple([float(real(x) % 1), float(Math.trunc(real(x)))])),
  gcd: native('gcd', '*integers', ([all], rt) => normalizeInt(all.items.map(bigOf).reduce((a: bigint, b: bigint) => gcd(a, b, rt), 0n))),
  lcm: native('lcm', '*integers', ([all], rt) =>
    normalizeInt(all.items.map(bigOf).reduce((a: bigint, b: bigint) => (a && b ? lcm(a, b, rt) : 0n), 1n)),
  ),
  factorial: native('factorial', 'n, /', ([n], rt) =>
    Number(n) < 0 ? raise('ValueError', 'factorial() not defined for negative values') : normalizeInt(product(2n, bigOf(n), rt)),
  ),
  comb: native('comb', 'n, k, /', ([n, k], rt) => {
    const [a, b] = [bigOf(n), bigOf(k)]
    return b > a ? 0 : normalizeInt(product(a - b + 1n, a, rt) / product(1n, b, rt))
  }),
  perm: native('perm', 'n, k=None, /', ([n, k], rt) => {
    const a = bigOf(n)
    const b = k === null ? a : bigOf(k)
    return b > a ? 0 : normalizeInt(product(a - b + 1n, a, rt))
  }),
  isqrt: native('isqrt', 'n, /', ([n], rt) => {
    const value = bigOf(n)
    if (value < 0n) raise('ValueError', 'isqrt() argument must be nonnegative')
    if (value < 2n) return normalizeInt(value)
    rt.charge(200)
    const bits = bitsOf(value)
    let x = 1n << BigInt((value.toString(2).length + 1) >> 1)
    for (;;) {
      rt.charge(10 + Math.floor((bits * bits) / 2 ** 20))
      const y = (x + value / x) >> 1n
      if (y >= x) return normalizeInt(x)
      x = y
    }
  }),
  fsum: native('fsum', 'seq, /', function* ([seq], rt) {
    // Shewchuk's exact partial sums.
    let partials: number[] = []
    for (const item of yield rt.collect(seq)) {
      if (rt.tickDue) yield rt.tick()
      rt.charge(2 + partials.length)
      let x = real(item)
      const next: number[] = []
      for (let y of partials) {
        if (Math.abs(x) < Math.abs(y)) [x, y] = [y, x]
        const high = x + y
        const low = y - (high - x)
        if (low) next.push(low)
        x = high
      }
      partials = [...next, x]
    }
    return float(partials.reduceRight((sum, x) => sum + x, 0))
  }),
  prod: native('prod', 'iterable, /, *, start=1', function* ([iterable, start], rt) {
    let total: Value = start
    for (const item of yield rt.collect(iterable)) {
      if (rt.tickDue) yield rt.tick()
      rt.charge(1)
      total = yield binary('*', total, item, rt)
    }
    return total
  }),
})
