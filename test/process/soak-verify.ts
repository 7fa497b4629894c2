import assert from 'node:assert/strict'
import type { Client, Registration, Reply } from './soak-client.ts'
import type { Chain, Code, Entity, Ledger } from './soak-load.ts'

const refused = ({ status, body }: Reply) => status === 400 && body.error === 'invalid_grant'

/** Holds the program to everything that it acknowledged before it was killed. What is carried into the next round stays in the ledger. */
export async function verify(client: Client, app: Registration, ledger: Ledger, random: () => number): Promise<void> {
  for (const entity of ledger.entities) await verifyEntity(client, entity)
  for (const { cookie, username } of ledger.sessions) assert.equal(await client.whoIs(cookie), username, 'an acknowledged sign-in was lost')
  for (const code of ledger.codes) await verifyCode(client, app, code)
  const carried: Chain[] = []
  for (const chain of ledger.chains) if (await verifyChain(client, app, chain, random() < 0.5)) carried.push(chain)
  // The rest was seen and is settled: what happens to it later is the same for all rows.
  Object.assign(ledger, {
    entities: ledger.entities.slice(-10),
    sessions: ledger.sessions.slice(-3),
    codes: [],
    chains: carried.slice(-10),
  })
}

async function verifyEntity(client: Client, entity: Entity): Promise<void> {
  const { kind, path, field, may } = entity
  const { status, body } = await client.api('GET', path)
  const found = status === 404 ? null : (body[field] as string)
  assert.ok(may.includes(found), `${kind} ${path}: found ${found}, and acknowledged was ${may.join(' or ')}`)
  entity.may = [found]
}

/** A code buys tokens once: before the crash or after it, and of two who come at once for one of them. */
async function verifyCode(client: Client, app: Registration, { code, state, access }: Code): Promise<void> {
  const answers = await Promise.all([client.exchange(app, code), client.exchange(app, code)])
  const bought = answers.filter(({ status }) => status === 200)
  const allowed = { fresh: [1], sent: [0, 1], spent: [0] }[state]
  assert.ok(allowed.includes(bought.length), `a code that was ${state} was taken ${bought.length} times: ${JSON.stringify(answers)}`)
  assert.equal(answers.filter(refused).length, 2 - bought.length, JSON.stringify(answers))
  assert.ok(refused(await client.exchange(app, code)), 'a code was taken once more')
  // Its replay ends what it bought (RFC 6749 §4.1.2), also what it bought before the crash.
  for (const token of [access, bought[0]?.body.access_token as string | undefined]) {
    if (token !== undefined) assert.equal(await client.userinfo(token), 401, 'a replayed code kept its tokens')
  }
}

/** The last token of a chain works once, those before it never again. Answers whether the chain lives on. */
async function verifyChain(client: Client, app: Registration, chain: Chain, keep: boolean): Promise<boolean> {
  const { tokens, state } = chain
  const last = tokens.at(-1)!
  const answer = await client.refresh(app, last)
  if (state === 'fresh') assert.equal(answer.status, 200, `an acknowledged refresh token was lost: ${JSON.stringify(answer.body)}`)
  else assert.ok(answer.status === 200 || refused(answer), JSON.stringify(answer))
  if (answer.status === 200) tokens.push(answer.body.refresh_token)
  chain.state = 'fresh'
  if (keep && answer.status === 200) return true
  // From here on the family is over: a token that comes again is a copy in the wrong hands (RFC 9700 §4.14.2).
  const spent = answer.status === 200 ? tokens.slice(0, -1) : tokens
  for (const token of spent) assert.ok(refused(await client.refresh(app, token)), 'a spent refresh token was taken again')
  assert.ok(refused(await client.refresh(app, tokens.at(-1)!)), 'the family of a replayed refresh token lives on')
  return false
}
