import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { assemble, openConfigured } from '../src/assemble.ts'
import { insertObject, withDefaults } from '../src/api/store.ts'
import { readConfig } from '../src/config.ts'
import { systemContext, transact, type Ctx } from '../src/context.ts'
import { Group, User } from '../src/core/people.ts'
import { compile } from '../src/expression/index.ts'
import { runMapping } from '../src/mappings/evaluate.ts'
import { expressionKind } from '../src/policies/expression/policy.ts'
import type { Row } from '../src/api/model.ts'
import type { Benchmark } from './run.ts'

const GOAL = 50 // µs, the median without the database

const GROUP_POLICY = 'return ak_is_group_member(request.user, name="staff")'
const FACTS_POLICY = `
if context.get("is_sso"):
    return True
domain = request.user.email.split("@")[-1].lower()
allowed = [d.strip() for d in request.user.attributes.get("domains", "example.test").split(",")]
return domain in allowed and not request.user.username.startswith("blocked-")
`
const PROFILE = `
user = request.user
return {
    "name": user.name,
    "given_name": user.name,
    "preferred_username": user.username,
    "nickname": user.username,
    "groups": [group.name for group in user.groups.all()],
}
`
const HUNDRED = `
found = 0
for _ in range(100):
    if ak_user_by(username="grace"):
        found += 1
return found
`

async function measured(work: () => Promise<unknown>, times: number): Promise<{ median: number; p95: number; cpu: number }> {
  for (let warm = 0; warm < Math.min(200, times); warm++) await work()
  const taken: number[] = []
  const before = process.cpuUsage()
  for (let i = 0; i < times; i++) {
    const start = performance.now()
    await work()
    taken.push(performance.now() - start)
  }
  const { user, system } = process.cpuUsage(before)
  taken.sort((a, b) => a - b)
  return { median: taken[times >> 1]! * 1000, p95: taken[Math.floor(times * 0.95)]! * 1000, cpu: (user + system) / 1000 / times }
}

/** The same claims by a query and nothing else, for comparison. */
async function profileByHand(ctx: Ctx, user: Row): Promise<Row> {
  const rows = await ctx.db
    .selectFrom('user_group')
    .innerJoin('group', 'group.group_uuid', 'user_group.group')
    .select('group.name')
    .where('user_group.user', '=', user.id as number)
    .orderBy('group.name')
    .execute()
  return {
    name: user.name,
    given_name: user.name,
    preferred_username: user.username,
    nickname: user.username,
    groups: rows.map(row => row.name),
  }
}

/** What expressions cost in this process, over an embedded database with a user in ten groups. */
export const benchmark: Benchmark = {
  order: 60,
  async run(say) {
    const folder = mkdtempSync(join(tmpdir(), 'signet-bench-'))
    const config = readConfig({
      env: { SIGNET_DATA_DIR: folder, SIGNET_SECRET_KEY: 'a secret key for measuring, long enough' },
      cwd: folder,
      readFile: () => '',
    })
    const log = pino({ level: 'silent' })
    const database = await openConfigured({ config, log })
    try {
      const ctx = systemContext(await assemble({ config, log, now: () => new Date(), root: folder }, database))
      const user = await transact(ctx, async ctx => {
        const groups: string[] = []
        for (let i = 0; i < 10; i++)
          groups.push((await insertObject(ctx, Group, withDefaults(ctx, Group, { name: i ? `team-${i}` : 'staff' }))).group_uuid as string)
        return insertObject(
          ctx,
          User,
          withDefaults(ctx, User, { username: 'grace', name: 'Grace Hopper', email: 'grace@example.test', groups }),
        )
      })
      const policy = (expression: string) =>
        expressionKind.prepare({ policy_uuid: ctx.uuid(), name: 'bench', expression, execution_logging: false })
      const ask = (text: string) => {
        const ready = policy(text)
        return () =>
          ready.evaluate(ctx, { user: { ...user }, context: { prompt_data: { a: 1 } }, object: null, debug: true }, { timeout: 30_000 })
      }
      const cases: [string, () => Promise<unknown>, number, boolean][] = [
        ['policy: return True', ask('return True'), 3_000, true],
        ['policy: e-mail domain and attributes', ask(FACTS_POLICY), 3_000, true],
        ['policy: member of a group, 1 query', ask(GROUP_POLICY), 2_000, false],
        [
          'mapping: profile, 1 query',
          () => runMapping(ctx, { pm_uuid: 'bench', name: 'profile', expression: PROFILE }, { user: { ...user } }),
          2_000,
          false,
        ],
        ['profile claims by hand, 1 query', () => profileByHand(ctx, user), 2_000, false],
        ['policy: 100 host calls, 100 queries', ask(HUNDRED), 50, false],
      ]
      for (const [name, work, times, goal] of cases) {
        const { median, p95, cpu } = await measured(work, times)
        say({
          case: `expression ${name}`,
          figures: { 'median µs': median, 'p95 µs': p95 },
          cpu,
          ...(goal && { goal: { text: `median ≤ ${GOAL} µs`, met: median <= GOAL } }),
        })
      }
      say({ case: 'expression: 1,000 compiled texts in memory, the most that are kept', figures: { 'KiB each': memoryEach() } })
    } finally {
      await database.close()
      rmSync(folder, { recursive: true, force: true })
    }
  },
}

/** Memory that one compiled text takes; the cache holds 1,000, so that is what is made. */
function memoryEach(): number {
  const { gc } = globalThis as { gc?: () => void }
  const used = () => (gc?.(), process.memoryUsage().heapUsed)
  const before = used()
  for (let i = 0; i < 1_000; i++) compile(`${PROFILE}\n# ${i}\n`, ['request', 'user', `v${i}`])
  return (used() - before) / 1024 / 1_000
}
