import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { createApp } from '../../src/app.ts'
import { makePasswords } from '../../src/core/password/passwords.ts'
import { aUser, unique } from '../builders.ts'
import { ownServer } from '../harness.ts'
import { byChance, distance } from '../statistics.ts'
import { Visitor } from '../visitor.ts'

/**
 * 42: whether an account exists is not told by what is said, by the status or by the time. Each round asks about one account, about
 * another and about nobody, in an order that changes, so that whatever else the machine does falls on all three alike. The two accounts
 * are the control: how different times are that must not differ.
 */

const ROUNDS = 225 // three answers of three people each: 2,025 samples
const STEPS = ['identification', 'password', 'recovery'] as const
const KINDS = ['somebody', 'somebody else', 'nobody'] as const
type Step = (typeof STEPS)[number]
type Kind = (typeof KINDS)[number]

// The time of a hash is the same for all and hides what is not: hashes are made as cheap as they can be.
const { ctx, deps } = await ownServer()
const passwords = makePasswords({ cost: { memoryCost: 8, timeCost: 1, parallelism: 1 } })
const app = await createApp({ ...deps, passwords })
after(() => app.close())
const hash = await passwords.hash('the password of everybody')

/** Every name is as long as any other; accounts are asked about no more often than mails are sent to them. */
async function people() {
  const names: Record<Kind, string[]> = { somebody: [], 'somebody else': [], nobody: [] }
  for (let index = 0; index < ROUNDS; index++) {
    for (const kind of KINDS) {
      const username = unique('person').slice(-12).padStart(16, 'p')
      if (kind !== 'nobody') {
        const { id } = await aUser(ctx, { username, email: `${username}@example.test`, name: `Name of ${username}` })
        await ctx.db
          .updateTable('user')
          .set({ password: hash })
          .where('id', '=', id as number)
          .execute()
      }
      names[kind].push(username)
    }
  }
  return names
}

/** ms by the clock, and of the processor: the latter says what was done, whatever else the machine does meanwhile. */
type Sample = { wall: number; cpu: number; said: string }

/** What is asked with the name, and what comes of it: time, status and text, with the name and what is made of it left out. */
async function ask(visitor: Visitor, slug: string, name: string, body: object): Promise<Sample> {
  const url = `/api/v3/flows/executor/${slug}/?query=`
  const before = performance.now()
  const used = process.cpuUsage()
  const first = await visitor.request('POST', url, { body })
  const last = first.status === 302 ? await visitor.get(url) : first
  const { user, system } = process.cpuUsage(used)
  const wall = performance.now() - before
  const { pending_user_avatar: avatar, ...rest } = last.body as Record<string, unknown>
  const picture = typeof avatar === 'string' ? avatar.slice(0, 20) : avatar
  const said = JSON.stringify([
    first.status,
    last.status,
    Object.keys(first.headers).toSorted(),
    Object.keys(last.headers).toSorted(),
    rest,
    picture,
  ])
  return { wall, cpu: (user + system) / 1000, said: said.replaceAll(name, 'WHAT WAS TYPED') }
}

let visitors = 0
/** Each from an address of their own: who asks often from one is made to wait. */
const aVisitor = () => new Visitor(app, { 'x-forwarded-for': `10.${++visitors >> 16}.${(visitors >> 8) & 255}.${visitors & 255}` })

async function samplesOf(typed: string): Promise<Record<Step, Sample>> {
  const signIn = aVisitor()
  await signIn.challenge('default-authentication-flow', '')
  const identification = await ask(signIn, 'default-authentication-flow', typed, { uid_field: typed })
  const password = await ask(signIn, 'default-authentication-flow', typed, { password: 'wrong' })
  const lost = aVisitor()
  await lost.challenge('default-recovery-flow', '')
  const recovery = await ask(lost, 'default-recovery-flow', typed, { uid_field: typed })
  return { identification, password, recovery }
}

/** One run over all rounds, half of them with addresses for names: times by step and kind, and what was said at each step. */
async function run() {
  const names = await people()
  const nothing = (): Record<Kind, number[]> => ({ somebody: [], 'somebody else': [], nobody: [] })
  const steps = (): Record<Step, Record<Kind, number[]>> => ({ identification: nothing(), password: nothing(), recovery: nothing() })
  const [wall, cpu] = [steps(), steps()]
  const said = Object.fromEntries(STEPS.map(step => [step, new Set<string>()]))
  for (let round = 0; round < ROUNDS; round++) {
    for (let turn = 0; turn < KINDS.length; turn++) {
      const kind = KINDS[(round + (round % 2 ? turn : KINDS.length - turn)) % KINDS.length]!
      const name = names[kind][round]!
      const samples = await samplesOf(round % 4 < 2 ? name : `${name}@example.test`)
      for (const step of STEPS) {
        wall[step][kind].push(samples[step].wall)
        cpu[step][kind].push(samples[step].cpu)
        said[step]!.add(samples[step].said)
      }
    }
  }
  return { wall, cpu, said }
}

/** Why times tell who exists, or undefined. */
function tells(times: Record<Kind, number[]>): string | undefined {
  const control = distance(times.somebody, times['somebody else'])
  const [one, two] = [distance(times.somebody, times.nobody), distance(times['somebody else'], times.nobody)]
  // Both accounts must differ from nobody, by more than chance and by more than from each other.
  const least = Math.min(one, two)
  return least > byChance(ROUNDS, ROUNDS) && least > control * 1.5
    ? `nobody is ${one.toFixed(3)} and ${two.toFixed(3)} away from somebody, who are ${control.toFixed(3)} apart`
    : undefined
}

// Five runs of two thousand sign-ins at most; on a machine that does much else, one of them takes minutes.
const RUNS = 5
const LONG = { timeout: 500_000 }

test(
  '42 known and unknown names cannot be told apart at identification, password and recovery: by what is said, by status or by time',
  LONG,
  async t => {
    // A difference that is there is there each time; one that chance or the machine made is not. If one run in ten told something by chance,
    // all five would once in a hundred thousand.
    let remaining: readonly Step[] = STEPS
    for (let attempt = 1; remaining.length > 0; attempt++) {
      const { wall, cpu, said } = await run()
      for (const step of STEPS) {
        assert.equal(said[step]!.size, 1, `${step}: ${[...said[step]!].join('\n')}`)
        const slower = { ...cpu[step], nobody: cpu[step].nobody.map(ms => ms * 1.5) }
        assert.ok(tells(slower) !== undefined, `the measure is too coarse: half as much work again is not seen at ${step}`)
      }
      const told = remaining.map(step => [step, tells(cpu[step]) ?? tells(wall[step])] as const)
      for (const [step, why] of told) t.diagnostic(`${step}: ${why ?? 'nothing told'}`)
      remaining = told.filter(([, why]) => why !== undefined).map(([step]) => step)
      assert.ok(remaining.length === 0 || attempt < RUNS, told.map(([step, why]) => `${step}: ${why}`).join('\n'))
    }
  },
)
