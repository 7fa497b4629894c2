/**
 * A rule of our own for oxlint: time, randomness and the environment are arguments. Code that asks the machine for them cannot be
 * tested at a chosen moment, replayed, or told apart from code that does not. Where a program begins they are read once and handed on.
 */
const globals = {
  Date: ['now'],
  Math: ['random'],
  process: ['env'],
  performance: ['now', 'timeOrigin'],
}
const hint = {
  Date: 'take `now: () => Date` from Deps',
  Math: 'take `randomBytes` or `uuid` from Deps',
  process: 'read settings from Config, which src/config.ts makes',
  performance: 'take `now: () => Date` from Deps',
}

const ambient = {
  meta: { type: 'problem', docs: { description: 'time, randomness and the environment come in as arguments' }, schema: [] },
  create: context => ({
    MemberExpression(node) {
      const { object, property } = node
      if (object.type !== 'Identifier' || property.type !== 'Identifier' || node.computed) return
      if (!globals[object.name]?.includes(property.name)) return
      context.report({ node, message: `${object.name}.${property.name} is ambient: ${hint[object.name]}.` })
    },
    NewExpression(node) {
      if (node.callee.type !== 'Identifier' || node.callee.name !== 'Date' || node.arguments.length > 0) return
      context.report({ node, message: `new Date() is ambient: ${hint.Date}.` })
    },
  }),
}

/** Tests of one process share a database, and node's runner has no hooks of a file there: what stands outside a describe runs for all. */
const scopedHooks = {
  meta: { type: 'problem', docs: { description: 'beforeEach and afterEach stand inside a describe' }, schema: [] },
  create: context => ({
    CallExpression(node) {
      if (node.callee.type !== 'Identifier' || !/^(before|after)Each$/.test(node.callee.name)) return
      if (node.parent.type !== 'ExpressionStatement' || node.parent.parent.type !== 'Program') return
      context.report({ node, message: `${node.callee.name} outside a describe would run for the tests of other files too.` })
    },
  }),
}

export default { meta: { name: 'signet' }, rules: { ambient, 'scoped-hooks': scopedHooks } }
