/** Runs attacks through what the server gives to expressions, and prints how long each held the event loop up. A program for `stallsIn`. */
import type { Row } from '../../../src/api/model.ts'
import { expressionKind } from '../../../src/policies/expression/policy.ts'
import { aUser, unique } from '../../builders.ts'
import { server } from '../../harness.ts'
import { hostAttacks } from './host-attacks.ts'
import { report } from './stalls.ts'

const { ctx } = await server()
const user = await aUser(ctx)
const large = 'é'.repeat(1024 * 1024)
const warm = expressionKind.prepare({
  policy_uuid: ctx.uuid(),
  name: unique('warm'),
  expression: 'return request.user.username',
  execution_logging: false,
})
await warm.evaluate(ctx, { context: {}, object: null, debug: false, user }, { timeout: 5_000 })

await report(
  hostAttacks.map(([title, expression]) => [
    title,
    () => {
      const policy = expressionKind.prepare({ policy_uuid: ctx.uuid(), name: unique('attack'), expression, execution_logging: false })
      const context: Row = { prompt_data: { large, name: 'n' }, flow_plan_like: { a: [1, 2] } }
      return async () => {
        const { passing, messages, failed } = await policy.evaluate(ctx, { context, object: null, debug: false, user }, { timeout: 5_000 })
        const said = messages.at(-1) ?? ''
        return { ended: failed === undefined ? `${passing}` : said, slice: 0 }
      }
    },
  ]),
)
process.exit(0)
