/** The language that policies, property mappings and prompts are written in. */
export { check } from './check.ts'
export { lazyDict, writeBack } from './context.ts'
export { ExpressionSyntaxError, exception } from './errors.ts'
export { ExpressionError, compile, evaluate, type Host } from './evaluate.ts'
export { fromJson, toJson, toJsonText } from './json.ts'
export { native } from './module.ts'
export type { Limits } from './limits.ts'
export * from './values.ts'
